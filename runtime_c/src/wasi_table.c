/* The descriptor table. Numbers of the guest are indices into it, never descriptors of the host. */
#define _GNU_SOURCE 1

#include <stdlib.h>

#include "wasi_core.h"

enum { FIRST_SLOTS = 16 };

void *w2si_desc_new(struct w2s_wasi *wasi, const struct w2si_ops *ops, size_t bytes, uint32_t filetype) {
  struct w2si_desc *desc = calloc(1, bytes);
  if (!desc) return NULL;
  desc->ops = ops;
  desc->wasi = wasi;
  desc->refs = 1;
  desc->filetype = (uint8_t)filetype;
  return desc;
}

void w2si_desc_release(struct w2si_desc *desc) {
  if (--desc->refs) return;
  char *name = desc->name;
  desc->ops->destroy(desc);
  free(name);
}

struct w2si_desc *w2si_desc_at(const struct w2s_wasi *wasi, uint32_t fd) {
  return fd < wasi->n_table ? wasi->table[fd] : NULL;
}

int w2si_desc_room(const struct w2s_wasi *wasi) {
  return wasi->closed || wasi->n_open >= wasi->limits.descriptors ? W2SI_EMFILE : 0;
}

static int grow_to_hold(struct w2s_wasi *wasi, uint32_t fd) {
  if (fd < wasi->n_table) return 0;
  uint64_t want = wasi->n_table ? wasi->n_table : FIRST_SLOTS;
  while (want <= fd) want *= 2;
  struct w2si_desc **table = realloc(wasi->table, (size_t)want * sizeof(*table));
  if (!table) return W2SI_ENOMEM;
  memset(table + wasi->n_table, 0, (size_t)(want - wasi->n_table) * sizeof(*table));
  wasi->table = table;
  wasi->n_table = (uint32_t)want;
  return 0;
}

int w2si_desc_set(struct w2s_wasi *wasi, uint32_t fd, struct w2si_desc *desc) {
  int failed = grow_to_hold(wasi, fd);
  if (failed) return failed;
  struct w2si_desc *old = wasi->table[fd];
  wasi->table[fd] = desc;
  if (old) {
    w2si_desc_release(old);
  } else {
    wasi->n_open++;
  }
  return 0;
}

int w2si_desc_add(struct w2s_wasi *wasi, struct w2si_desc *desc, uint32_t *fd) {
  int failed = w2si_desc_room(wasi);
  if (failed) return failed;
  uint32_t at = 0;
  while (at < wasi->n_table && wasi->table[at]) at++;
  failed = w2si_desc_set(wasi, at, desc);
  if (!failed) *fd = at;
  return failed;
}

int w2si_desc_close(struct w2s_wasi *wasi, uint32_t fd) {
  struct w2si_desc *desc = w2si_desc_at(wasi, fd);
  if (!desc) return W2SI_EBADF;
  wasi->table[fd] = NULL;
  wasi->n_open--;
  w2si_desc_release(desc);
  return 0;
}

int w2si_desc_renumber(struct w2s_wasi *wasi, uint32_t from, uint32_t to) {
  struct w2si_desc *moved = w2si_desc_at(wasi, from);
  struct w2si_desc *replaced = w2si_desc_at(wasi, to);
  if (!moved || !replaced) return W2SI_EBADF;
  if (from == to) return 0;
  wasi->table[to] = moved;
  wasi->table[from] = NULL;
  wasi->n_open--;
  w2si_desc_release(replaced);
  return 0;
}

int w2si_desc_need(const struct w2si_desc *desc, uint64_t rights) {
  const uint64_t missing = rights & ~desc->rights;
  if (!missing) return 0;
  const uint64_t of_files = W2SI_RIGHTS_FILE & ~(uint64_t)W2SI_RIGHTS_DIR;
  if ((missing & W2SI_RIGHTS_SOCKET) && !desc->is_socket) return W2SI_ENOTSOCK;
  if ((missing & of_files) && desc->filetype == W2SI_FILETYPE_DIRECTORY) return W2SI_EISDIR;
  if ((missing & W2SI_RIGHTS_PATH) && desc->filetype != W2SI_FILETYPE_DIRECTORY) return W2SI_ENOTDIR;
  if ((missing & W2SI_RIGHTS_SEEK) && desc->no_seek) return W2SI_ESPIPE;
  if (missing & (W2SI_RIGHT_FD_READ | W2SI_RIGHT_FD_WRITE)) return W2SI_EBADF; /* POSIX: not open for that */
  if ((missing & W2SI_RIGHTS_CHANGE) && desc->read_only) return W2SI_EROFS;
  return W2SI_ENOTCAPABLE;
}
