/* WASI when the host fails: every system call and allocation in turn, signals, full pipes and disks, interruption. */
#define _GNU_SOURCE 1

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "wasi.h"

/* ---- calls that fail on demand ---- */

static long countdown = -1; /* wrapped calls until one fails; below 0: none does */
static int error;           /* with which errno value */
static int hits;
static int only_memory;
static int fail_for_good;   /* all from there on */

static int fails(int is_memory) {
  if (countdown < 0 || is_memory != only_memory) return 0;
  if (countdown > 0) {
    countdown--;
    return 0;
  }
  if (!fail_for_good) countdown = -1;
  hits++;
  errno = error;
  return 1;
}

#define WRAP(type, name, params, args) \
  type __real_##name params;           \
  type __wrap_##name params;           \
  type __wrap_##name params { return fails(0) ? (type)-1 : __real_##name args; }

WRAP(ssize_t, readv, (int fd, const struct iovec *iov, int n), (fd, iov, n))
WRAP(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
WRAP(ssize_t, preadv, (int fd, const struct iovec *iov, int n, off_t at), (fd, iov, n, at))
WRAP(ssize_t, pwritev, (int fd, const struct iovec *iov, int n, off_t at), (fd, iov, n, at))
WRAP(ssize_t, preadv2, (int fd, const struct iovec *iov, int n, off_t at, int flags), (fd, iov, n, at, flags))
WRAP(ssize_t, pwritev2, (int fd, const struct iovec *iov, int n, off_t at, int flags), (fd, iov, n, at, flags))
WRAP(int, poll, (struct pollfd *fds, nfds_t n, int timeout), (fds, n, timeout))
WRAP(int, ppoll, (struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *set), (fds, n, t, set))
WRAP(int, fsync, (int fd), (fd))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, ftruncate, (int fd, off_t n), (fd, n))
WRAP(int, fallocate, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))
WRAP(int, fstat, (int fd, struct stat *out), (fd, out))
WRAP(int, fstatat, (int fd, const char *name, struct stat *out, int flags), (fd, name, out, flags))
WRAP(int, renameat, (int fd, const char *name, int to, const char *new_name), (fd, name, to, new_name))
WRAP(int, linkat, (int fd, const char *name, int to, const char *new_name, int flags), (fd, name, to, new_name, flags))
WRAP(int, unlinkat, (int fd, const char *name, int flags), (fd, name, flags))
WRAP(int, mkdirat, (int fd, const char *name, mode_t mode), (fd, name, mode))
WRAP(int, symlinkat, (const char *target, int fd, const char *name), (target, fd, name))
WRAP(ssize_t, readlinkat, (int fd, const char *name, char *to, size_t n), (fd, name, to, n))
WRAP(int, utimensat, (int fd, const char *name, const struct timespec t[2], int flags), (fd, name, t, flags))
WRAP(int, futimens, (int fd, const struct timespec t[2]), (fd, t))
WRAP(ssize_t, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags))
WRAP(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRAP(int, accept4, (int fd, struct sockaddr *address, socklen_t *n, int flags), (fd, address, n, flags))
WRAP(int, shutdown, (int fd, int how), (fd, how))

int __real_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...);
int __wrap_openat(int fd, const char *name, int flags, ...) {
  va_list args;
  va_start(args, flags);
  mode_t mode = va_arg(args, mode_t);
  va_end(args);
  return fails(0) ? -1 : __real_openat(fd, name, flags, mode);
}

/* openat2, getdents64 */
long __real_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d);
long __wrap_syscall(long number, long a, long b, long c, long d) {
  return fails(0) ? -1 : __real_syscall(number, a, b, c, d);
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *at, size_t n);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *at, size_t n);
char *__wrap_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t n) { return fails(1) ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return fails(1) ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *at, size_t n) { return fails(1) ? NULL : __real_realloc(at, n); }
char *__wrap_strndup(const char *text, size_t n) { return fails(1) ? NULL : __real_strndup(text, n); }

/* ---- every operation with every call of it failing ---- */

static struct w2s_module *module;
static char scratch[] = "/tmp/w2s-wasi-XXXXXX";

static uint32_t file_fd; /* of "d/f", open in the world under test */

static int64_t do_open(struct world *w) {
  uint32_t fd;
  int64_t result = open_at(w, 3, "d/new", 1, W2SI_OFLAG_CREAT, ALL_RIGHTS, 0, &fd);
  countdown = -1;
  if (result == 0) EXPECT(0, CALL(fd_close, fd));
  return result;
}
static int64_t do_open_link(struct world *w) {
  uint32_t fd;
  int64_t result = open_at(w, 3, "d/link", 1, 0, ALL_RIGHTS, 0, &fd);
  countdown = -1;
  if (result == 0) EXPECT(0, CALL(fd_close, fd));
  return result;
}
static int64_t do_stat(struct world *w) { return CALL(path_filestat_get, 3, 1, PATH("d/link"), AT_OUT); }
static int64_t do_times(struct world *w) {
  return CALL(path_filestat_set_times, 3, 0, PATH("d/f"), 0, 0, W2SI_FST_MTIM_NOW);
}
static int64_t do_mkdir(struct world *w) { return CALL(path_create_directory, 3, PATH("d/sub")); }
static int64_t do_rmdir(struct world *w) { return CALL(path_remove_directory, 3, PATH("d/empty")); }
static int64_t do_unlink(struct world *w) { return CALL(path_unlink_file, 3, PATH("d/g")); }
static int64_t do_rename(struct world *w) { return CALL(path_rename, 3, PATH("d/g"), 3, PATH2("d/h")); }
static int64_t do_link(struct world *w) { return CALL(path_link, 3, 0, PATH("d/g"), 3, PATH2("d/h")); }
static int64_t do_symlink(struct world *w) { return CALL(path_symlink, PATH("../d/f"), 3, PATH2("d/l2")); }
static int64_t do_readlink(struct world *w) { return CALL(path_readlink, 3, PATH("d/link"), AT_DATA, 99, AT_OUT); }
static int64_t do_readdir(struct world *w) { return CALL(fd_readdir, 3, AT_DATA, 999, 0, AT_OUT); }
static int64_t do_read(struct world *w) { return CALL(fd_read, file_fd, AT_IOV, 1, AT_OUT); }
static int64_t do_pread(struct world *w) { return CALL(fd_pread, file_fd, AT_IOV, 1, 1, AT_OUT); }
static int64_t do_write(struct world *w) { return CALL(fd_write, file_fd, AT_IOV, 1, AT_OUT); }
static int64_t do_pwrite(struct world *w) { return CALL(fd_pwrite, file_fd, AT_IOV, 1, 1, AT_OUT); }
static int64_t do_print(struct world *w) { return CALL(fd_write, 1, AT_IOV, 1, AT_OUT); }
static int64_t do_input(struct world *w) { return CALL(fd_read, 0, AT_IOV, 1, AT_OUT); }
static int64_t do_send(struct world *w) { return CALL(sock_send, 4, AT_IOV, 1, 0, AT_OUT); }
static int64_t do_receive(struct world *w) { return CALL(sock_recv, 4, AT_IOV, 1, 0, AT_OUT, AT_OUT + 4); }
static int64_t do_sync(struct world *w) { return CALL(fd_sync, file_fd); }
static int64_t do_datasync(struct world *w) { return CALL(fd_datasync, file_fd); }
static int64_t do_size(struct world *w) { return CALL(fd_filestat_set_size, file_fd, 9); }
static int64_t do_allocate(struct world *w) { return CALL(fd_allocate, file_fd, 0, 99); }
static int64_t do_fd_stat(struct world *w) { return CALL(fd_filestat_get, file_fd, AT_OUT); }
static int64_t do_fd_times(struct world *w) { return CALL(fd_filestat_set_times, file_fd, 0, 0, W2SI_FST_ATIM_NOW); }
static int64_t do_seek(struct world *w) { return CALL(fd_seek, file_fd, 1, 0, AT_OUT); }
static int64_t do_random(struct world *w) { return CALL(random_get, AT_DATA, 99); }
static int64_t do_poll(struct world *w) {
  memset(w->memory + AT_DATA, 0, 96);
  w->memory[AT_DATA + 8] = W2SI_EVENT_READ;
  put32(w, AT_DATA + 48 + 16, W2S_WASI_MONOTONIC);
  put64(w, AT_DATA + 48 + 24, 1000);
  return CALL(poll_oneoff, AT_DATA, AT_OUT, 2, AT_OUT - 8);
}

typedef int64_t (*operation)(struct world *w);
static const operation operations[] = {
    do_open, do_open_link, do_stat, do_times, do_mkdir, do_rmdir, do_unlink, do_rename, do_link, do_symlink, do_readlink,
    do_readdir, do_read, do_pread, do_write, do_pwrite, do_print, do_input, do_send, do_receive, do_sync, do_datasync,
    do_size, do_allocate, do_fd_stat, do_fd_times, do_seek, do_random, do_poll,
};
enum { N_OPERATIONS = sizeof operations / sizeof operations[0] };

/* A world with a file tree, a pipe for input and output, and a socket. */
static struct world make_world(uint32_t options) {
  static int count;
  char path[100];
  int pipes[2];
  int pair[2];
  struct world world = wasi_world(module, options);
  struct world *w = &world;
  snprintf(path, sizeof path, "%s/%d", scratch, count++);
  CHECK(mkdir(path, 0777) == 0);
  int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(dir >= 0 && w2s_wasi_preopen_fd(w->wasi, dir, "/", 1, 0) == 0);
  CHECK(pipe2(pipes, O_CLOEXEC) == 0 && write(pipes[1], "some input", 10) == 10);
  CHECK(w2s_wasi_stream_fd(w->wasi, 0, pipes[0]) == 0 && w2s_wasi_stream_fd(w->wasi, 1, pipes[1]) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && write(pair[1], "some input", 10) == 10);
  CHECK(w2s_wasi_add_fd(w->wasi, pair[0]) == 0);
  close(dir), close(pipes[0]), close(pipes[1]), close(pair[0]);
  close(fcntl(pair[1], F_DUPFD_CLOEXEC, 0)); /* any number: the peer stays open until the store goes */
  CHECK(w2s_wasi_add_fd(w->wasi, pair[1]) == 0);
  close(pair[1]);
  EXPECT(0, CALL(path_create_directory, 3, PATH("d")));
  EXPECT(0, CALL(path_create_directory, 3, PATH("d/empty")));
  make_file(w, 3, "d/f", "0123456789");
  make_file(w, 3, "d/g", "");
  EXPECT(0, CALL(path_symlink, PATH("f"), 3, PATH2("d/link")));
  file_fd = must_open(w, 3, "d/f", 0, 0);
  put_iovec(w, 0, AT_DATA, 4);
  return world;
}

static int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  CHECK(dir);
  while (readdir(dir)) n++;
  closedir(dir);
  return n;
}

/* Run with the nth call failing; 0 once there are no so many. */
static int attempt(uint32_t options, operation run, long nth, int host, int64_t want) {
  struct world w = make_world(options);
  const int fds = count_fds();
  hits = 0;
  error = host;
  countdown = nth;
  int64_t result = run(&w);
  countdown = -1;
  const int hit = hits;
  if (result != 0 && result != want) fprintf(stderr, "call %ld with errno %d: got %lld\n", nth, host, (long long)result);
  CHECK(result == 0 || (hit && result == want));
  CHECK(count_fds() == fds);
  w2s_store_delete(w.store);
  return hit;
}

static void test_failures(uint32_t options) {
  static const struct {
    int host;
    int64_t want;
  } errors[] = {{EIO, W2SI_EIO}, {EMFILE, W2SI_EMFILE}, {ENOSPC, W2SI_ENOSPC}, {EDQUOT, W2SI_EDQUOT}, {EINTR, W2SI_EINTR}};
  for (size_t i = 0; i < N_OPERATIONS; i++) {
    for (size_t k = 0; k < sizeof errors / sizeof errors[0]; k++) {
      for (long nth = 0; attempt(options, operations[i], nth, errors[k].host, errors[k].want); nth++) continue;
    }
    only_memory = 1;
    for (long nth = 0; attempt(options, operations[i], nth, ENOMEM, W2SI_ENOMEM); nth++) continue;
    only_memory = 0;
  }
}

/* What can be interrupted by a signal goes on after it. */
static void test_goes_on(void) {
  static const operation blocking[] = {do_read, do_pread, do_write, do_pwrite, do_print, do_input, do_send, do_receive,
                                       do_sync, do_datasync, do_size, do_allocate, do_random, do_poll, do_readdir, do_open};
  for (size_t i = 0; i < sizeof blocking / sizeof blocking[0]; i++) {
    struct world w = make_world(0);
    hits = 0;
    error = EINTR;
    /* the first call of reading a directory looks at it, and cannot be interrupted */
    countdown = blocking[i] == do_readdir ? 2 : 0;
    EXPECT(0, blocking[i](&w));
    CHECK(hits == 1);
    countdown = -1;
    w2s_store_delete(w.store);
  }
}

/* openat2 that gives up for good, is forbidden, or unknown: paths are walked instead. */
static void test_without_openat2(void) {
  static const int errors[] = {EAGAIN, EPERM, ENOSYS};
  for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
    struct world world = make_world(0);
    struct world *w = &world;
    hits = 0;
    fail_for_good = errors[i] == EAGAIN;
    error = errors[i];
    countdown = 0;
    if (fail_for_good) {
      /* only openat2 fails so: everything else is left out by resolving by hand */
      EXPECT(W2SI_EAGAIN, CALL(path_filestat_get, 3, 0, PATH("d/f"), AT_OUT));
      CHECK(hits > 10);
    } else {
      EXPECT(0, CALL(path_filestat_get, 3, 0, PATH("d/f"), AT_OUT));
      CHECK(hits == 1);
    }
    fail_for_good = 0;
    countdown = -1;
    EXPECT(0, CALL(path_filestat_get, 3, 0, PATH("d/../d/f"), AT_OUT));
    EXPECT(W2SI_EPERM, CALL(path_filestat_get, 3, 0, PATH("d/../../f"), AT_OUT));
    w2s_store_delete(w->store);
  }
}

/* Setting up without memory, or with a failing host. */
static int setup(long nth) {
  struct w2s_store *store = w2s_store_new();
  struct w2s_wasi_node *root;
  int dir = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  hits = 0;
  countdown = nth;
  struct w2s_wasi *wasi = w2s_wasi_new(store);
  int failed = !wasi;
  if (!failed) failed = w2s_wasi_add_arg(wasi, "a", 1) || w2s_wasi_add_env(wasi, "b", 1);
  if (!failed) failed = w2s_wasi_stream_fd(wasi, 0, dir) || w2s_wasi_stream_bytes(wasi, 0, (const uint8_t *)"x", 1);
  if (!failed) failed = w2s_wasi_stream_buffer(wasi, 1, 1) || w2s_wasi_preopen_fd(wasi, dir, "a", 1, 0);
  if (!failed) failed = w2s_wasi_preopen_memory(wasi, "b", 1, 0, &root);
  if (!failed) failed = w2s_wasi_node_add(wasi, root, "f", 1, W2S_WASI_NODE_FILE, (const uint8_t *)"x", 1, NULL);
  struct w2s_extern item;
  if (!failed) failed = w2s_wasi_function(wasi, "wasi_unstable", 13, "fd_read", 7, &item) != 1;
  countdown = -1;
  close(dir);
  w2s_store_delete(store);
  CHECK(!failed || hits);
  return hits;
}

static void test_setup(void) {
  const int fds = count_fds();
  for (only_memory = 0; only_memory < 2; only_memory++) {
    error = only_memory ? ENOMEM : EMFILE;
    for (long nth = 0; setup(nth); nth++) continue;
  }
  only_memory = 0;
  CHECK(count_fds() == fds);
}

/* ---- real ones ---- */

static void test_full_disk(void) {
  struct world world = make_world(0);
  struct world *w = &world;
  int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  CHECK(full >= 0 && w2s_wasi_stream_fd(w->wasi, 1, full) == 0);
  close(full);
  EXPECT(W2SI_ENOSPC, write_text(w, 1, "x"));
  w2s_store_delete(w->store);
}

static int n_signals;
static void on_signal(int sig) {
  (void)sig;
  n_signals++;
}

/* A reader that went away is an error for the guest, and no signal for the process, which may die of it otherwise. */
static void test_closed_pipe(void) {
  struct world world = make_world(0);
  struct world *w = &world;
  int pipes[2];
  sigset_t pending;
  CHECK(pipe2(pipes, O_CLOEXEC) == 0 && w2s_wasi_stream_fd(w->wasi, 1, pipes[1]) == 0);
  close(pipes[0]);
  signal(SIGPIPE, SIG_DFL);
  EXPECT(W2SI_EPIPE, write_text(w, 1, "x"));
  signal(SIGPIPE, on_signal);
  EXPECT(W2SI_EPIPE, write_text(w, 1, "x"));
  signal(SIGPIPE, SIG_IGN);
  EXPECT(W2SI_EPIPE, write_text(w, 1, "x"));
  signal(SIGPIPE, SIG_DFL);
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE) && n_signals == 0);
  close(pipes[1]);
  w2s_store_delete(w->store);
}

/* Likewise the limit on the size of files. */
static void test_size_limit(void) {
  struct rlimit before;
  CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const struct rlimit limit = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
  CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  struct world world = make_world(0);
  struct world *w = &world;
  EXPECT(0, CALL(fd_seek, file_fd, 4090, 0, AT_OUT));
  EXPECT(0, write_text(w, file_fd, "0123456789"));
  CHECK(get32(w, AT_OUT) == 6);
  EXPECT(W2SI_EFBIG, write_text(w, file_fd, "6789"));
  EXPECT(W2SI_EFBIG, CALL(fd_filestat_set_size, file_fd, 5000));
  EXPECT(W2SI_EFBIG, CALL(fd_allocate, file_fd, 0, 5000));
  EXPECT(0, CALL(fd_filestat_get, file_fd, AT_OUT));
  CHECK(get64(w, AT_OUT + 32) == 4096);
  w2s_store_delete(w->store);
  CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
}

/* ---- waiting and interruption ---- */

struct waiting {
  struct world *world;
  int fds[2];
  int32_t n_checks;
  int32_t give_up_at;
};

static uint64_t monotonic(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static int32_t check(void *env) {
  struct waiting *waiting = env;
  return ++waiting->n_checks == waiting->give_up_at;
}

static int32_t poll_store(struct w2s_store *store) {
  (void)store;
  return 1;
}

static void *interrupt(void *env) {
  struct waiting *waiting = env;
  usleep(60000);
  w2s_wasi_interrupt(waiting->world->wasi);
  return NULL;
}

static void *fill_later(void *env) {
  struct waiting *waiting = env;
  usleep(120000);
  CHECK(write(waiting->fds[1], "late", 4) == 4);
  return NULL;
}

/* Everything that can block for ever: reading, polling, sleeping, accepting, writing to a full pipe. */
static int64_t block(struct world *w, int how) {
  memset(w->memory + AT_DATA, 0, 48);
  put_iovec(w, 0, AT_DATA, 4);
  switch (how) {
    case 0: return CALL(fd_read, 0, AT_IOV, 1, AT_OUT);
    case 1: w->memory[AT_DATA + 8] = W2SI_EVENT_READ; return CALL(poll_oneoff, AT_DATA, AT_OUT, 1, AT_OUT - 8);
    case 2:
      put32(w, AT_DATA + 16, W2S_WASI_MONOTONIC);
      put64(w, AT_DATA + 24, UINT64_MAX);
      return CALL(poll_oneoff, AT_DATA, AT_OUT, 1, AT_OUT - 8);
    case 3: return CALL(sock_accept, 6, 0, AT_OUT);
    default: put_iovec(w, 0, 0, MEMORY_BYTES); return CALL(fd_write, 1, AT_IOV, 1, AT_OUT);
  }
}

static void test_interruption(void) {
  enum { N_WAYS = 5 };
  struct world world = make_world(0);
  struct world *w = &world;
  struct waiting waiting = {.world = w, .give_up_at = -1};
  struct sockaddr_un {
    sa_family_t family;
    char path[108];
  } address = {.family = AF_UNIX};
  pthread_t thread;
  EXPECT(0, CALL(fd_close, file_fd));
  snprintf(address.path, sizeof address.path, "%s/socket", scratch);
  int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(listening, (struct sockaddr *)&address, sizeof address) == 0 && listen(listening, 1) == 0);
  CHECK(w2s_wasi_add_fd(w->wasi, listening) == 0);
  close(listening);
  CHECK(pipe2(waiting.fds, O_CLOEXEC) == 0 && w2s_wasi_stream_fd(w->wasi, 0, waiting.fds[0]) == 0);
  for (int how = 0; how < N_WAYS; how++) {
    /* a full pipe each time: 128 KiB do not fit */
    int full[2];
    CHECK(pipe2(full, O_CLOEXEC) == 0 && w2s_wasi_stream_fd(w->wasi, 1, full[1]) == 0);
    uint64_t start = monotonic();
    CHECK(pthread_create(&thread, NULL, interrupt, &waiting) == 0);
    EXPECT(TRAP_INTERRUPT, block(w, how));
    CHECK(monotonic() - start < 2000000000);
    pthread_join(thread, NULL);
    w2s_wasi_set_check(w->wasi, check, &waiting);
    waiting.n_checks = 0;
    waiting.give_up_at = 3;
    start = monotonic();
    EXPECT(TRAP_HOST, block(w, how));
    CHECK(waiting.n_checks == 3 && monotonic() - start < 3000000000u);
    w2s_wasi_set_check(w->wasi, NULL, NULL);
    w2s_store_set_poll(w->store, poll_store);
    EXPECT(TRAP_HOST, block(w, how));
    w2s_store_set_poll(w->store, NULL);
    close(full[0]), close(full[1]);
  }
  /* and everything goes on afterwards; a late answer ends the wait */
  CHECK(pthread_create(&thread, NULL, fill_later, &waiting) == 0);
  CHECK(reads(w, 0, "late"));
  pthread_join(thread, NULL);
  EXPECT(0, CALL(fd_fdstat_set_flags, 0, W2SI_FDFLAG_NONBLOCK));
  EXPECT(W2SI_EAGAIN, block(w, 0));
  w2s_wasi_interrupt(w->wasi); /* kept for the next that blocks */
  EXPECT(0, CALL(fd_fdstat_set_flags, 0, 0));
  EXPECT(TRAP_INTERRUPT, block(w, 0));
  /* a descriptor that the host set to non-blocking is waited for all the same */
  CHECK(fcntl(waiting.fds[0], F_SETFL, O_NONBLOCK) == 0 && pthread_create(&thread, NULL, fill_later, &waiting) == 0);
  CHECK(reads(w, 0, "late"));
  pthread_join(thread, NULL);
  close(waiting.fds[0]), close(waiting.fds[1]);
  w2s_store_delete(w->store);
}

static void *drain(void *env) {
  static char bytes[MEMORY_BYTES];
  const int *fds = env;
  size_t n = 0;
  usleep(20000);
  while (n < MEMORY_BYTES) {
    ssize_t part = read(fds[0], bytes, sizeof bytes);
    CHECK(part > 0);
    n += (size_t)part;
  }
  return NULL;
}

/* A blocking write writes everything, however slowly it is taken. */
static void test_long_write(void) {
  struct world world = make_world(0);
  struct world *w = &world;
  int pipes[2];
  pthread_t thread;
  CHECK(pipe2(pipes, O_CLOEXEC) == 0 && w2s_wasi_stream_fd(w->wasi, 1, pipes[1]) == 0);
  put_iovec(w, 0, 0, 100);
  put_iovec(w, 1, 100, MEMORY_BYTES - 100);
  CHECK(pthread_create(&thread, NULL, drain, pipes) == 0);
  EXPECT(0, CALL(fd_write, 1, AT_IOV, 2, AT_OUT));
  CHECK(get32(w, AT_OUT) == MEMORY_BYTES);
  pthread_join(thread, NULL);
  EXPECT(0, CALL(fd_fdstat_set_flags, 1, W2SI_FDFLAG_NONBLOCK));
  put_iovec(w, 0, 0, MEMORY_BYTES);
  EXPECT(0, CALL(fd_write, 1, AT_IOV, 1, AT_OUT));
  CHECK(get32(w, AT_OUT) > 0 && get32(w, AT_OUT) < MEMORY_BYTES);
  EXPECT(W2SI_EAGAIN, CALL(fd_write, 1, AT_IOV, 1, AT_OUT));
  close(pipes[0]), close(pipes[1]);
  w2s_store_delete(w->store);
}

int main(int argc, char **argv) {
  char command[100];
  CHECK(argc == 2 && mkdtemp(scratch));
  module = wasi_open(argv[1], "PREVIEW1");
  const int fds = count_fds();
  test_setup();
  test_failures(0);
  test_failures(W2S_WASI_WALK_PATHS);
  test_goes_on();
  test_full_disk();
  test_closed_pipe();
  test_size_limit();
  test_interruption();
  test_long_write();
  test_without_openat2();
  CHECK(count_fds() == fds);
  w2s_module_release(module);
  snprintf(command, sizeof command, "rm -rf %s", scratch);
  CHECK(system(command) == 0);
  return 0;
}
