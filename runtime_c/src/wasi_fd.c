/* fd_*: what is done with descriptors. */
#define _GNU_SOURCE 1

#include "wasi_call.h"

/* ---- reading and writing ---- */

static struct w2si_io io_of(const struct w2si_arg *iovecs, int64_t offset) {
  return (struct w2si_io){.iov = iovecs->iov, .n = (int)iovecs->n, .bytes = iovecs->bytes, .offset = offset};
}

static int transferred(int failed, size_t done, const struct w2si_arg *out) {
  if (!failed) w2si_put32(out->at, (uint32_t)done);
  return failed;
}

static int do_read(const struct w2si_arg *args, int64_t offset, const struct w2si_arg *out) {
  const struct w2si_io io = io_of(&args[1], offset);
  struct w2si_desc *desc = args[0].desc;
  size_t done = 0;
  if (!desc->ops->read) return W2SI_EISDIR;
  int failed = desc->ops->read(desc, &io, &done);
  return transferred(failed, done, out);
}

static int do_write(const struct w2si_arg *args, int64_t offset, const struct w2si_arg *out) {
  const struct w2si_io io = io_of(&args[1], offset);
  struct w2si_desc *desc = args[0].desc;
  size_t done = 0;
  if (!desc->ops->write) return W2SI_EISDIR;
  int failed = desc->ops->write(desc, &io, &done);
  return transferred(failed, done, out);
}

int w2si_fd_read(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return do_read(args, -1, &args[2]);
}

int w2si_fd_write(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return do_write(args, -1, &args[2]);
}

int w2si_fd_pread(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[2].n > INT64_MAX ? W2SI_EINVAL : do_read(args, (int64_t)args[2].n, &args[3]);
}

int w2si_fd_pwrite(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[2].n > INT64_MAX ? W2SI_EINVAL : do_write(args, (int64_t)args[2].n, &args[3]);
}

/* ---- positions ---- */

static int seek(struct w2si_desc *desc, int64_t delta, uint32_t whence, const struct w2si_arg *out) {
  uint64_t at = 0;
  if (!desc->ops->seek) return W2SI_ESPIPE;
  int failed = desc->ops->seek(desc, delta, whence, &at);
  if (!failed) w2si_put64(out->at, at);
  return failed;
}

/* Asking where one is needs the right to tell or to seek, everything else the right to seek. */
int w2si_fd_seek(struct w2si_call *call, const struct w2si_arg *args) {
  static const uint32_t of_unstable[W2SI_N_WHENCES] = {W2SI_WHENCE_CUR, W2SI_WHENCE_END, W2SI_WHENCE_SET};
  struct w2si_desc *desc = args[0].desc;
  if (args[2].n >= W2SI_N_WHENCES) return W2SI_EINVAL;
  const uint32_t whence = call->unstable ? of_unstable[args[2].n] : (uint32_t)args[2].n;
  const int tells = whence == W2SI_WHENCE_CUR && args[1].n == 0 && (desc->rights & W2SI_RIGHT_FD_TELL);
  int denied = tells ? 0 : w2si_desc_need(desc, W2SI_RIGHT_FD_SEEK);
  return denied ? denied : seek(desc, (int64_t)args[1].n, whence, &args[3]);
}

int w2si_fd_tell(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return seek(args[0].desc, 0, W2SI_WHENCE_CUR, &args[1]);
}

/* ---- attributes ---- */

int w2si_fd_filestat_get(struct w2si_call *call, const struct w2si_arg *args) {
  struct w2si_stat stat;
  int failed = args[0].desc->ops->stat(args[0].desc, &stat);
  if (!failed) w2si_put_filestat(call, args[1].at, &stat);
  return failed;
}

int w2si_fd_filestat_set_size(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  if (args[1].n > INT64_MAX) return W2SI_EFBIG;
  if (!args[0].desc->ops->set_size) return W2SI_EINVAL;
  return args[0].desc->ops->set_size(args[0].desc, args[1].n);
}

int w2si_fd_filestat_set_times(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct timespec times[2];
  int failed = w2si_times(args[1].n, args[2].n, args[3].n, times);
  if (failed) return failed;
  return args[0].desc->ops->set_times ? args[0].desc->ops->set_times(args[0].desc, times) : W2SI_ENOTSUP;
}

int w2si_fd_fdstat_get(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  const struct w2si_desc *desc = args[0].desc;
  uint8_t *to = args[1].at;
  memset(to, 0, W2SI_FDSTAT_BYTES);
  to[0] = desc->filetype;
  w2si_put16(to + 2, (uint16_t)desc->fdflags);
  w2si_put64(to + 8, desc->rights);
  w2si_put64(to + 16, desc->inheriting);
  return 0;
}

int w2si_fd_fdstat_set_flags(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  if (args[1].n & ~(uint64_t)W2SI_FDFLAGS) return W2SI_EINVAL;
  return args[0].desc->ops->set_flags(args[0].desc, (uint32_t)args[1].n);
}

/* Rights only ever shrink. */
int w2si_fd_fdstat_set_rights(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct w2si_desc *desc = args[0].desc;
  if ((args[1].n & ~desc->rights) || (args[2].n & ~desc->inheriting)) return W2SI_ENOTCAPABLE;
  desc->rights = args[1].n;
  desc->inheriting = args[2].n;
  return 0;
}

/* ---- storage ---- */

/* Is [offset, offset + bytes) a range of file positions? */
static int is_range(uint64_t offset, uint64_t bytes) { return offset <= INT64_MAX && bytes <= INT64_MAX - offset; }

int w2si_fd_advise(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  if (args[3].n >= W2SI_N_ADVICES || !is_range(args[1].n, args[2].n)) return W2SI_EINVAL;
  if (!args[0].desc->ops->advise) return W2SI_ESPIPE;
  return args[0].desc->ops->advise(args[0].desc, args[1].n, args[2].n, (uint32_t)args[3].n);
}

int w2si_fd_allocate(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  if (!is_range(args[1].n, args[2].n) || args[2].n == 0) return W2SI_EINVAL;
  if (!args[0].desc->ops->allocate) return W2SI_ESPIPE;
  return args[0].desc->ops->allocate(args[0].desc, args[1].n, args[2].n);
}

int w2si_fd_sync(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[0].desc->ops->sync(args[0].desc, 0);
}

int w2si_fd_datasync(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  return args[0].desc->ops->sync(args[0].desc, 1);
}

/* ---- the table ---- */

int w2si_fd_close(struct w2si_call *call, const struct w2si_arg *args) {
  return w2si_desc_close(call->wasi, (uint32_t)args[0].n);
}

int w2si_fd_renumber(struct w2si_call *call, const struct w2si_arg *args) {
  return w2si_desc_renumber(call->wasi, (uint32_t)args[0].n, (uint32_t)args[1].n);
}

/* Start-up code of C libraries asks for 3, 4 ... and takes EBADF as the end. */
int w2si_fd_prestat_get(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  const struct w2si_desc *desc = args[0].desc;
  if (!desc->name) return W2SI_EBADF;
  w2si_put32(args[1].at, 0); /* the tag: a directory */
  w2si_put32(args[1].at + 4, (uint32_t)desc->n_name);
  return 0;
}

int w2si_fd_prestat_dir_name(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  const struct w2si_desc *desc = args[0].desc;
  if (!desc->name) return W2SI_EBADF;
  if (args[1].n < desc->n_name) return W2SI_ENAMETOOLONG;
  memcpy(args[1].at, desc->name, desc->n_name);
  return 0;
}

/* ---- directories ---- */

/* Copy what fits of `n` bytes to the end of what is used. */
static void append(const struct w2si_arg *buffer, size_t *used, const void *bytes, size_t n) {
  size_t left = (size_t)buffer->n - *used;
  if (n > left) n = left;
  memcpy(buffer->at + *used, bytes, n);
  *used += n;
}

/* The last entry is cut off where the buffer ends: a full buffer tells the guest that there is more. */
int w2si_fd_readdir(struct w2si_call *call, const struct w2si_arg *args) {
  (void)call;
  struct w2si_desc *desc = args[0].desc;
  const struct w2si_arg *buffer = &args[1];
  uint64_t cookie = args[2].n;
  size_t used = 0;
  if (!desc->ops->entry) return W2SI_ENOTDIR;
  while (used < buffer->n) {
    struct w2si_entry entry;
    uint8_t head[W2SI_DIRENT_BYTES] = {0};
    int failed = desc->ops->entry(desc, cookie, &entry);
    if (failed) return failed;
    if (entry.n == 0) break;
    w2si_put64(head, entry.next);
    w2si_put64(head + 8, entry.ino);
    w2si_put32(head + 16, entry.n);
    head[20] = (uint8_t)entry.filetype;
    append(buffer, &used, head, sizeof head);
    append(buffer, &used, entry.name, entry.n);
    cookie = entry.next;
  }
  w2si_put32(args[3].at, (uint32_t)used);
  return 0;
}
