/* Streams that are no files: nothing at all, and those served by the embedder. */
#define _GNU_SOURCE 1

#include <stdlib.h>

#include "wasi_core.h"

static void destroy(struct w2si_desc *desc) { free(desc); }

static int stream_stat(struct w2si_desc *desc, struct w2si_stat *out) {
  *out = (struct w2si_stat){.nlink = 1, .filetype = desc->filetype};
  return 0;
}

static int stream_set_flags(struct w2si_desc *desc, uint32_t fdflags) {
  desc->fdflags = fdflags;
  return 0;
}

static int stream_sync(struct w2si_desc *desc, int data_only) {
  (void)desc, (void)data_only;
  return 0;
}

static int stream_ready(struct w2si_desc *desc, int for_write, struct w2si_ready *out) {
  (void)desc, (void)for_write;
  *out = (struct w2si_ready){.fd = -1};
  return 0;
}

/* ---- null ---- */

static int null_read(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  (void)desc, (void)io;
  *done = 0;
  return 0;
}

static int null_write(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  (void)desc;
  *done = (size_t)io->bytes;
  return 0;
}

static int null_seek(struct w2si_desc *desc, int64_t delta, uint32_t whence, uint64_t *at) {
  (void)desc, (void)delta, (void)whence;
  *at = 0;
  return 0;
}

static const struct w2si_ops null_ops = {
    .destroy = destroy,
    .read = null_read,
    .write = null_write,
    .seek = null_seek,
    .stat = stream_stat,
    .sync = stream_sync,
    .set_flags = stream_set_flags,
    .ready = stream_ready,
};

/* Like /dev/null: a character device that can seek, and so is no terminal. */
int w2si_null_open(struct w2s_wasi *wasi, struct w2si_desc **out) {
  struct w2si_desc *desc = w2si_desc_new(wasi, &null_ops, sizeof *desc, W2SI_FILETYPE_CHARACTER_DEVICE);
  if (!desc) return W2SI_ENOMEM;
  desc->rights = W2SI_RIGHTS_STREAM | W2SI_RIGHT_FD_SEEK | W2SI_RIGHT_FD_TELL;
  *out = desc;
  return 0;
}

/* ---- served by the embedder ---- */

struct calls_desc {
  struct w2si_desc desc;
  w2s_wasi_transfer transfer;
  void *env;
  void (*finalize)(void *env);
};

enum { GATHER_BYTES = 64 << 10 };

static void calls_destroy(struct w2si_desc *desc) {
  struct calls_desc *own = (struct calls_desc *)desc;
  if (own->finalize) own->finalize(own->env);
  free(own);
}

/* One transfer of `n` bytes, of which it may do less. */
static int transfer(struct w2si_desc *desc, uint8_t *bytes, size_t n, size_t *done) {
  struct calls_desc *own = (struct calls_desc *)desc;
  int64_t result = own->transfer(own->env, bytes, n);
  *done = 0;
  if (result == W2S_WASI_RAISED) return w2si_unwind(W2S_TRAP_HOST);
  if (result < 0) return result < -4096 ? W2SI_EIO : w2si_errno((int)-result);
  *done = (uint64_t)result < n ? (size_t)result : n;
  return 0;
}

static int calls_read(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  *done = 0;
  return io->bytes ? transfer(desc, io->iov[0].iov_base, io->iov[0].iov_len, done) : 0;
}

/* Take up to `room` bytes from the front of what is to be written. */
static size_t gather(struct w2si_io *io, uint8_t *to, size_t room) {
  size_t n = 0;
  while (io->n && n < room) {
    struct iovec *first = io->iov;
    size_t part = first->iov_len < room - n ? first->iov_len : room - n;
    memcpy(to + n, first->iov_base, part);
    n += part;
    first->iov_base = (uint8_t *)first->iov_base + part;
    first->iov_len -= part;
    if (first->iov_len) break;
    io->iov++;
    io->n--;
  }
  return n;
}

/* Several pieces are put together first, so that one write of the guest is one call. */
static int write_gathered(struct w2si_desc *desc, const struct w2si_io *all, size_t *done) {
  struct w2si_io io = *all;
  const size_t room = io.bytes < GATHER_BYTES ? (size_t)io.bytes : GATHER_BYTES;
  uint8_t *buffer = malloc(room);
  int failed = buffer ? 0 : W2SI_ENOMEM;
  size_t total = 0;
  while (!failed && io.n) {
    size_t part;
    size_t n = gather(&io, buffer, room);
    failed = transfer(desc, buffer, n, &part);
    total += part;
    if (part < n) break;
  }
  free(buffer);
  *done = total;
  return failed < 0 || total == 0 ? failed : 0;
}

/* Taking nothing is no success: the guest would try for ever. */
static int calls_write(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  *done = 0;
  if (io->bytes == 0) return 0;
  int failed = io->n > 1 ? write_gathered(desc, io, done) : transfer(desc, io->iov[0].iov_base, io->iov[0].iov_len, done);
  return failed || *done ? failed : W2SI_EAGAIN;
}

static const struct w2si_ops calls_ops = {
    .destroy = calls_destroy,
    .read = calls_read,
    .write = calls_write,
    .stat = stream_stat,
    .sync = stream_sync,
    .set_flags = stream_set_flags,
    .ready = stream_ready,
};

int w2si_calls_open(struct w2s_wasi *wasi, w2s_wasi_transfer transfer_, void *env, void (*finalize)(void *env),
                    struct w2si_desc **out) {
  struct calls_desc *own = w2si_desc_new(wasi, &calls_ops, sizeof *own, W2SI_FILETYPE_UNKNOWN);
  if (!own) return W2SI_ENOMEM;
  own->transfer = transfer_;
  own->env = env;
  own->finalize = finalize;
  own->desc.no_seek = 1;
  own->desc.rights = W2SI_RIGHTS_STREAM & ~(uint64_t)W2SI_RIGHT_FD_FILESTAT_SET_TIMES;
  *out = &own->desc;
  return 0;
}
