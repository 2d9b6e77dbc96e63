/* Files and streams of the host. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wasi_host.h"

/* ---- making and describing ---- */

static uint32_t filetype_of(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFBLK: return W2SI_FILETYPE_BLOCK_DEVICE;
    case S_IFCHR: return W2SI_FILETYPE_CHARACTER_DEVICE;
    case S_IFDIR: return W2SI_FILETYPE_DIRECTORY;
    case S_IFREG: return W2SI_FILETYPE_REGULAR_FILE;
    case S_IFSOCK: return W2SI_FILETYPE_SOCKET_STREAM;
    case S_IFLNK: return W2SI_FILETYPE_SYMBOLIC_LINK;
    default: return W2SI_FILETYPE_UNKNOWN;
  }
}

void w2si_stat_from(const struct stat *status, struct w2si_stat *out) {
  *out = (struct w2si_stat){.dev = status->st_dev,
                            .ino = status->st_ino,
                            .nlink = status->st_nlink,
                            .size = (uint64_t)status->st_size,
                            .atim = w2si_ns(&status->st_atim),
                            .mtim = w2si_ns(&status->st_mtim),
                            .ctim = w2si_ns(&status->st_ctim),
                            .filetype = filetype_of(status->st_mode)};
}

/* The flags of an open file, as far as WASI knows them. The host's O_NONBLOCK is no concern of the guest. */
static uint32_t fdflags_of(int flags) {
  uint32_t out = 0;
  if (flags & O_APPEND) out |= W2SI_FDFLAG_APPEND;
  if ((flags & O_SYNC) == O_SYNC) {
    out |= W2SI_FDFLAG_SYNC;
  } else if (flags & O_DSYNC) {
    out |= W2SI_FDFLAG_DSYNC;
  }
  return out;
}

static void describe(struct w2si_host_desc *own, const struct stat *status, int flags) {
  struct w2si_desc *desc = &own->desc;
  const int access = flags & O_ACCMODE;
  const int is_socket = S_ISSOCK(status->st_mode);
  desc->is_socket = (uint8_t)is_socket;
  own->is_waitable = (uint8_t)(is_socket || S_ISFIFO(status->st_mode) || S_ISCHR(status->st_mode));
  desc->no_seek = (uint8_t)(is_socket || S_ISFIFO(status->st_mode) || (S_ISCHR(status->st_mode) && isatty(own->fd)));
  desc->fdflags = fdflags_of(flags);
  desc->rights = desc->no_seek ? W2SI_RIGHTS_STREAM : W2SI_RIGHTS_FILE;
  if (is_socket) desc->rights |= W2SI_RIGHTS_SOCKET;
  if (access == O_WRONLY) desc->rights &= ~(uint64_t)W2SI_RIGHT_FD_READ;
  if (access == O_RDONLY) desc->rights &= ~(uint64_t)W2SI_RIGHT_FD_WRITE;
  int type = SOCK_STREAM;
  socklen_t n = sizeof type;
  if (is_socket && getsockopt(own->fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type != SOCK_STREAM) {
    desc->filetype = W2SI_FILETYPE_SOCKET_DGRAM;
  }
}

static int has_size_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

int w2si_host_open(struct w2s_wasi *wasi, int fd, int is_own, struct w2si_desc **out) {
  struct stat status;
  int flags = fcntl(fd, F_GETFL);
  int failed = flags < 0 || fstat(fd, &status) ? w2si_errno(errno) : 0;
  struct w2si_host_desc *own = NULL;
  if (!failed) {
    const struct w2si_ops *ops = S_ISDIR(status.st_mode) ? &w2si_host_dir_ops : &w2si_host_file_ops;
    own = w2si_desc_new(wasi, ops, sizeof *own, filetype_of(status.st_mode));
    if (!own) failed = W2SI_ENOMEM;
  }
  if (failed) {
    close(fd);
    return failed;
  }
  own->fd = fd;
  own->is_own = (uint8_t)is_own;
  own->is_limited = (uint8_t)has_size_limit();
  if (S_ISDIR(status.st_mode)) {
    own->desc.rights = W2SI_RIGHTS_DIR;
    own->root_dev = status.st_dev;
    own->root_ino = status.st_ino;
  } else {
    describe(own, &status, flags);
  }
  *out = &own->desc;
  return 0;
}

void w2si_host_destroy(struct w2si_desc *desc) {
  struct w2si_host_desc *own = w2si_as_host(desc);
  w2si_listing_free(own->listing);
  close(own->fd); /* Linux closes even with EINTR */
  free(own);
}

/* ---- waiting ---- */

int w2si_host_retry(struct w2si_host_desc *own, int error, short events) {
  if (error == EINTR) return w2si_check(own->desc.wasi);
  if (error != EAGAIN || !own->is_waitable || (own->desc.fdflags & W2SI_FDFLAG_NONBLOCK)) return w2si_errno(error);
  return w2si_wait_fd(own->desc.wasi, own->fd, events);
}

/* Is the descriptor ready? 0, or -1 with EAGAIN or another errno value. */
static int check_ready(const struct w2si_host_desc *own, short events) {
  struct pollfd now = {.fd = own->fd, .events = events};
  int ready = poll(&now, 1, 0);
  if (ready == 0) errno = EAGAIN;
  return ready > 0 ? 0 : -1;
}

/* Did a transfer fail only because it was asked not to wait in a way that this kind of file does not know? */
static int is_nowait_unknown(struct w2si_host_desc *own, ssize_t n) {
  if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS)) return 0;
  own->no_nowait = 1;
  return 1;
}

/* ---- signals that a write can raise ---- */

/* A guest's write to a closed pipe, or beyond the file size limit, is an error of the guest's, not a signal for the
 * process: the signal is held back meanwhile, and taken away if the write raised it. */
struct hushed {
  sigset_t before;
  int signal; /* 0: nothing to undo */
  int was_pending;
};

static void hush(struct hushed *hushed, int signal) {
  struct sigaction action;
  sigset_t set;
  hushed->signal = 0;
  if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN) return;
  hushed->signal = signal;
  sigemptyset(&set);
  sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, &hushed->before);
  hushed->was_pending = sigismember(&hushed->before, signal) && sigpending(&set) == 0 && sigismember(&set, signal);
}

static void unhush(const struct hushed *hushed, int raised) {
  const struct timespec none = {.tv_sec = 0};
  sigset_t set;
  if (!hushed->signal) return;
  if (raised && !hushed->was_pending) {
    sigemptyset(&set);
    sigaddset(&set, hushed->signal);
    while (sigtimedwait(&set, NULL, &none) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &hushed->before, NULL);
}

/* ---- reading ---- */

/* One read that does not block for long. */
static ssize_t read_some(struct w2si_host_desc *own, const struct w2si_io *io) {
  if (io->offset >= 0) return preadv(own->fd, io->iov, io->n, io->offset);
  if (own->is_waitable && io->bytes) {
    if (!own->no_nowait) {
      ssize_t n = preadv2(own->fd, io->iov, io->n, -1, RWF_NOWAIT);
      if (!is_nowait_unknown(own, n)) return n;
    }
    if (check_ready(own, POLLIN)) return -1;
  }
  return readv(own->fd, io->iov, io->n);
}

static int file_read(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  struct w2si_host_desc *own = w2si_as_host(desc);
  for (;;) {
    ssize_t n = read_some(own, io);
    if (n >= 0) {
      *done = (size_t)n;
      return 0;
    }
    int failed = w2si_host_retry(own, errno, POLLIN);
    if (failed) return failed;
  }
}

/* ---- writing ---- */

void w2si_io_advance(struct w2si_io *io, size_t n) {
  io->bytes -= n;
  while (n) {
    size_t part = n < io->iov->iov_len ? n : io->iov->iov_len;
    io->iov->iov_base = (uint8_t *)io->iov->iov_base + part;
    io->iov->iov_len -= part;
    n -= part;
    if (io->iov->iov_len == 0) {
      io->iov++;
      io->n--;
    }
  }
}

/* One write that does not block for long. A pipe that poll(2) calls writable takes PIPE_BUF bytes at once. */
static ssize_t write_some(struct w2si_host_desc *own, const struct w2si_io *io) {
  if (own->desc.is_socket) {
    const struct msghdr message = {.msg_iov = io->iov, .msg_iovlen = (size_t)io->n};
    return sendmsg(own->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (!own->no_nowait) {
    ssize_t n = pwritev2(own->fd, io->iov, io->n, -1, RWF_NOWAIT);
    if (!is_nowait_unknown(own, n)) return n;
  }
  if (check_ready(own, POLLOUT)) return -1;
  return write(own->fd, io->iov->iov_base, io->iov->iov_len < PIPE_BUF ? io->iov->iov_len : PIPE_BUF);
}

/* To what can block: everything, in pieces, unless the guest asked not to wait. What has been written counts, so an error
 * is reported only if that is nothing. */
static int write_waitable(struct w2si_host_desc *own, const struct w2si_io *all, size_t *done) {
  struct w2si_io io = *all;
  *done = 0;
  while (io.bytes) {
    struct hushed hushed;
    hush(&hushed, SIGPIPE);
    ssize_t n = write_some(own, &io);
    int error = n < 0 ? errno : 0;
    unhush(&hushed, error == EPIPE);
    if (n >= 0) {
      *done += (size_t)n;
      w2si_io_advance(&io, (size_t)n);
      if (io.bytes && (own->desc.fdflags & W2SI_FDFLAG_NONBLOCK)) return 0;
      continue;
    }
    int failed = w2si_host_retry(own, error, POLLOUT);
    if (failed) return failed < 0 || *done == 0 ? failed : 0;
  }
  return 0;
}

static int file_write(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  struct w2si_host_desc *own = w2si_as_host(desc);
  if (own->is_waitable && io->offset < 0) return write_waitable(own, io, done);
  for (;;) {
    struct hushed hushed = {.signal = 0};
    if (own->is_limited) hush(&hushed, SIGXFSZ);
    ssize_t n = io->offset < 0 ? writev(own->fd, io->iov, io->n) : pwritev(own->fd, io->iov, io->n, io->offset);
    int error = n < 0 ? errno : 0;
    unhush(&hushed, error == EFBIG);
    if (n >= 0) {
      *done = (size_t)n;
      return 0;
    }
    int failed = w2si_host_retry(own, error, POLLOUT);
    if (failed) return failed;
  }
}

/* ---- the rest ---- */

static int file_seek(struct w2si_desc *desc, int64_t delta, uint32_t whence, uint64_t *at) {
  static const int whences[W2SI_N_WHENCES] = {SEEK_SET, SEEK_CUR, SEEK_END};
  off_t to = lseek(w2si_as_host(desc)->fd, delta, whences[whence]);
  if (to < 0) return w2si_errno(errno);
  *at = (uint64_t)to;
  return 0;
}

int w2si_host_stat(struct w2si_desc *desc, struct w2si_stat *out) {
  struct stat status;
  if (fstat(w2si_as_host(desc)->fd, &status)) return w2si_errno(errno);
  w2si_stat_from(&status, out);
  out->filetype = desc->filetype;
  return 0;
}

int w2si_host_set_times(struct w2si_desc *desc, const struct timespec times[2]) {
  return futimens(w2si_as_host(desc)->fd, times) ? w2si_errno(errno) : 0;
}

/* ftruncate and fallocate: both can raise SIGXFSZ, and both can be interrupted. */
static int change_size(struct w2si_host_desc *own, uint64_t offset, uint64_t bytes, int allocate) {
  for (;;) {
    struct hushed hushed = {.signal = 0};
    if (own->is_limited) hush(&hushed, SIGXFSZ);
    int result = allocate ? fallocate(own->fd, 0, (off_t)offset, (off_t)bytes) : ftruncate(own->fd, (off_t)bytes);
    int error = result ? errno : 0;
    unhush(&hushed, error == EFBIG);
    if (error != EINTR) return w2si_errno(error);
    int stop = w2si_check(own->desc.wasi);
    if (stop) return stop;
  }
}

static int file_set_size(struct w2si_desc *desc, uint64_t bytes) { return change_size(w2si_as_host(desc), 0, bytes, 0); }

static int file_allocate(struct w2si_desc *desc, uint64_t offset, uint64_t bytes) {
  return change_size(w2si_as_host(desc), offset, bytes, 1);
}

static int file_advise(struct w2si_desc *desc, uint64_t offset, uint64_t bytes, uint32_t advice) {
  static const int advices[W2SI_N_ADVICES] = {POSIX_FADV_NORMAL, POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM,
                                              POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE};
  return w2si_errno(posix_fadvise(w2si_as_host(desc)->fd, (off_t)offset, (off_t)bytes, advices[advice]));
}

int w2si_host_sync(struct w2si_desc *desc, int data_only) {
  struct w2si_host_desc *own = w2si_as_host(desc);
  while (data_only ? fdatasync(own->fd) : fsync(own->fd)) {
    if (errno == EINVAL) return 0; /* a pipe or a terminal: there is nothing to wait for */
    int failed = w2si_host_retry(own, errno, 0);
    if (failed) return failed;
  }
  return 0;
}

/* NONBLOCK is kept here alone; APPEND is the host's, if the open file is nobody else's; the others are fixed. */
static int file_set_flags(struct w2si_desc *desc, uint32_t fdflags) {
  struct w2si_host_desc *own = w2si_as_host(desc);
  const uint32_t changed = fdflags ^ desc->fdflags;
  if (changed & ~(uint32_t)(W2SI_FDFLAG_APPEND | W2SI_FDFLAG_NONBLOCK)) return W2SI_ENOTSUP;
  if (changed & W2SI_FDFLAG_APPEND) {
    if (!own->is_own) return W2SI_ENOTSUP;
    int flags = fcntl(own->fd, F_GETFL);
    flags = fdflags & W2SI_FDFLAG_APPEND ? flags | O_APPEND : flags & ~O_APPEND;
    if (fcntl(own->fd, F_SETFL, flags)) return w2si_errno(errno);
  }
  desc->fdflags = fdflags;
  return 0;
}

static int file_ready(struct w2si_desc *desc, int for_write, struct w2si_ready *out) {
  const struct w2si_host_desc *own = w2si_as_host(desc);
  struct stat status;
  *out = (struct w2si_ready){.fd = own->is_waitable ? own->fd : -1};
  if (own->is_waitable || for_write || fstat(own->fd, &status)) return 0;
  off_t at = lseek(own->fd, 0, SEEK_CUR);
  if (at >= 0 && at < status.st_size) out->bytes = (uint64_t)(status.st_size - at);
  return 0;
}

const struct w2si_ops w2si_host_file_ops = {
    .destroy = w2si_host_destroy,
    .read = file_read,
    .write = file_write,
    .seek = file_seek,
    .stat = w2si_host_stat,
    .set_size = file_set_size,
    .set_times = w2si_host_set_times,
    .allocate = file_allocate,
    .advise = file_advise,
    .sync = w2si_host_sync,
    .set_flags = file_set_flags,
    .ready = file_ready,
};
