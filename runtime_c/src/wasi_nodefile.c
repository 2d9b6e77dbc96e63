/* Open files in memory, and what open directories in memory share with them. */
#define _GNU_SOURCE 1

#include <stdlib.h>
#include <sys/stat.h>

#include "wasi_node.h"

static struct w2si_node_desc *as_node(struct w2si_desc *desc) { return (struct w2si_node_desc *)desc; }

int w2si_node_open(struct w2s_wasi *wasi, struct w2s_wasi_node *node, uint32_t fdflags, struct w2si_desc **out) {
  const int is_dir = node->kind == W2S_WASI_NODE_DIR;
  const struct w2si_ops *ops = is_dir ? &w2si_node_dir_ops : &w2si_node_file_ops;
  struct w2si_node_desc *own = w2si_desc_new(wasi, ops, sizeof *own, node->kind);
  if (!own) return W2SI_ENOMEM;
  own->node = node;
  own->desc.fdflags = fdflags;
  own->desc.rights = is_dir ? W2SI_RIGHTS_DIR : W2SI_RIGHTS_FILE;
  w2si_node_use(node);
  *out = &own->desc;
  return 0;
}

void w2si_node_destroy(struct w2si_desc *desc) {
  w2si_node_unuse(as_node(desc)->node);
  free(desc);
}

int w2si_node_stat(const struct w2s_wasi_node *node, struct w2si_stat *out) {
  *out = (struct w2si_stat){.ino = node->ino, .nlink = node->n_links, .size = node->size, .atim = node->atim,
                            .mtim = node->mtim, .ctim = node->ctim, .filetype = node->kind};
  return 0;
}

static void set_time(uint64_t *to, const struct timespec *time) {
  struct timespec now;
  if (time->tv_nsec == UTIME_OMIT) return;
  if (time->tv_nsec == UTIME_NOW) {
    clock_gettime(CLOCK_REALTIME, &now);
    time = &now;
  }
  *to = w2si_ns(time);
}

int w2si_node_set_times(struct w2s_wasi_node *node, const struct timespec times[2]) {
  const struct timespec now = {.tv_nsec = UTIME_NOW};
  set_time(&node->atim, &times[0]);
  set_time(&node->mtim, &times[1]);
  set_time(&node->ctim, &now);
  return 0;
}

static int file_read(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  struct w2si_node_desc *own = as_node(desc);
  const struct w2s_wasi_node *node = own->node;
  uint64_t at = io->offset < 0 ? own->at : (uint64_t)io->offset;
  size_t n = 0;
  for (int i = 0; i < io->n && at < node->size; i++) {
    uint64_t left = node->size - at;
    size_t part = io->iov[i].iov_len < left ? io->iov[i].iov_len : (size_t)left;
    memcpy(io->iov[i].iov_base, node->bytes + at, part);
    at += part;
    n += part;
  }
  if (io->offset < 0) own->at = at;
  *done = n;
  return 0;
}

static int file_write(struct w2si_desc *desc, const struct w2si_io *io, size_t *done) {
  struct w2si_node_desc *own = as_node(desc);
  struct w2s_wasi_node *node = own->node;
  uint64_t at = io->offset < 0 ? own->at : (uint64_t)io->offset;
  *done = 0;
  if (desc->fdflags & W2SI_FDFLAG_APPEND) at = node->size;
  if (io->bytes == 0) return 0;
  if (at > (uint64_t)INT64_MAX - io->bytes) return W2SI_EFBIG;
  const uint64_t end = at + io->bytes;
  int failed = w2si_node_reserve(node, end);
  if (!failed && at > node->size) failed = w2si_node_resize(node, at);
  if (failed) return failed;
  for (int i = 0; i < io->n; i++) {
    memcpy(node->bytes + at, io->iov[i].iov_base, io->iov[i].iov_len);
    at += io->iov[i].iov_len;
  }
  if (end > node->size) {
    if (!node->limit) node->wasi->node_bytes += end - node->size;
    node->size = end;
  }
  w2si_node_touch(node);
  if (io->offset < 0) own->at = at;
  *done = (size_t)io->bytes;
  return 0;
}

static int file_seek(struct w2si_desc *desc, int64_t delta, uint32_t whence, uint64_t *at) {
  struct w2si_node_desc *own = as_node(desc);
  const uint64_t from = whence == W2SI_WHENCE_SET ? 0 : whence == W2SI_WHENCE_CUR ? own->at : own->node->size;
  int64_t to;
  if (__builtin_add_overflow((int64_t)from, delta, &to)) return W2SI_EOVERFLOW;
  if (to < 0) return W2SI_EINVAL;
  own->at = (uint64_t)to;
  *at = own->at;
  return 0;
}

static int file_stat(struct w2si_desc *desc, struct w2si_stat *out) { return w2si_node_stat(as_node(desc)->node, out); }

static int file_set_times(struct w2si_desc *desc, const struct timespec times[2]) {
  return w2si_node_set_times(as_node(desc)->node, times);
}

static int file_set_size(struct w2si_desc *desc, uint64_t bytes) {
  struct w2s_wasi_node *node = as_node(desc)->node;
  int failed = w2si_node_resize(node, bytes);
  if (!failed) w2si_node_touch(node);
  return failed;
}

static int file_allocate(struct w2si_desc *desc, uint64_t offset, uint64_t bytes) {
  const uint64_t size = as_node(desc)->node->size;
  return offset + bytes > size ? file_set_size(desc, offset + bytes) : 0;
}

static int file_advise(struct w2si_desc *desc, uint64_t offset, uint64_t bytes, uint32_t advice) {
  (void)desc, (void)offset, (void)bytes, (void)advice;
  return 0;
}

static int file_sync(struct w2si_desc *desc, int data_only) {
  (void)desc, (void)data_only;
  return 0;
}

static int file_set_flags(struct w2si_desc *desc, uint32_t fdflags) {
  desc->fdflags = fdflags;
  return 0;
}

static int file_ready(struct w2si_desc *desc, int for_write, struct w2si_ready *out) {
  const struct w2si_node_desc *own = as_node(desc);
  out->fd = -1;
  out->bytes = for_write || own->at >= own->node->size ? 0 : own->node->size - own->at;
  return 0;
}

const struct w2si_ops w2si_node_file_ops = {
    .destroy = w2si_node_destroy,
    .read = file_read,
    .write = file_write,
    .seek = file_seek,
    .stat = file_stat,
    .set_size = file_set_size,
    .set_times = file_set_times,
    .allocate = file_allocate,
    .advise = file_advise,
    .sync = file_sync,
    .set_flags = file_set_flags,
    .ready = file_ready,
};
