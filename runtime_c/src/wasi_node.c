/* Files, directories and symbolic links in memory: the tree and its contents. */
#define _GNU_SOURCE 1

#include "wasi_node.h"

#include <errno.h>
#include <stdlib.h>

#include "wasi_cursor.h"

enum { FIRST_BUCKETS = 8, FIRST_BYTES = 64 };

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return w2si_ns(&time);
}

void w2si_node_touch(struct w2s_wasi_node *node) { node->mtim = node->ctim = now(); }

static struct w2s_wasi_node *new_node(struct w2s_wasi *wasi, uint32_t kind) {
  struct w2s_wasi_node *node = calloc(1, sizeof *node);
  if (!node) return NULL;
  node->wasi = wasi;
  node->kind = kind;
  node->ino = wasi->next_ino++;
  node->atim = node->mtim = node->ctim = now();
  node->next_cookie = W2SI_COOKIE_FIRST;
  node->next = wasi->nodes;
  if (node->next) node->next->prev = node;
  wasi->nodes = node;
  wasi->n_nodes++;
  return node;
}

static void free_node(struct w2s_wasi_node *node) {
  struct w2s_wasi *wasi = node->wasi;
  if (!node->limit) wasi->node_bytes -= node->size;
  if (node->prev) {
    node->prev->next = node->next;
  } else {
    wasi->nodes = node->next;
  }
  if (node->next) node->next->prev = node->prev;
  wasi->n_nodes--;
  while (node->first) {
    struct w2si_dirent *entry = node->first;
    node->first = entry->next;
    free(entry);
  }
  free(node->buckets);
  free(node->bytes);
  free(node);
}

void w2si_nodes_free(struct w2s_wasi *wasi) {
  while (wasi->nodes) free_node(wasi->nodes);
}

void w2si_node_use(struct w2s_wasi_node *node) { node->n_uses++; }

static void free_if_unused(struct w2s_wasi_node *node) {
  if (!node->n_uses && !node->n_links) free_node(node);
}

void w2si_node_unuse(struct w2s_wasi_node *node) {
  node->n_uses--;
  free_if_unused(node);
}

/* ---- contents ---- */

/* May files in memory grow by `bytes`? */
static int fits(const struct w2s_wasi *wasi, uint64_t bytes) {
  return wasi->node_bytes <= wasi->limits.node_bytes && bytes <= wasi->limits.node_bytes - wasi->node_bytes;
}

int w2si_node_reserve(struct w2s_wasi_node *node, uint64_t size) {
  const struct w2s_wasi *wasi = node->wasi;
  if (node->limit) {
    if (size > node->limit) return W2SI_ENOSPC;
  } else if (size > node->size && !fits(wasi, size - node->size)) {
    return W2SI_ENOSPC;
  }
  if (size <= node->capacity) return 0;
  uint64_t capacity = node->capacity + node->capacity / 2;
  if (capacity < FIRST_BYTES) capacity = FIRST_BYTES;
  if (capacity < size) capacity = size;
  uint8_t *bytes = capacity <= SIZE_MAX / 2 ? realloc(node->bytes, (size_t)capacity) : NULL;
  if (!bytes) return W2SI_ENOSPC;
  node->bytes = bytes;
  node->capacity = capacity;
  return 0;
}

int w2si_node_resize(struct w2s_wasi_node *node, uint64_t size) {
  int failed = w2si_node_reserve(node, size);
  if (failed) return failed;
  if (size > node->size) memset(node->bytes + node->size, 0, (size_t)(size - node->size));
  if (!node->limit) node->wasi->node_bytes += size - node->size;
  node->size = size;
  return 0;
}

static int fill(struct w2s_wasi_node *node, const uint8_t *bytes, size_t n) {
  int failed = w2si_node_reserve(node, n);
  if (failed || n == 0) return failed;
  memcpy(node->bytes, bytes, n);
  node->size = n;
  if (!node->limit) node->wasi->node_bytes += n;
  return 0;
}

const uint8_t *w2s_wasi_node_content(const struct w2s_wasi_node *node, size_t *n) {
  static const uint8_t empty[1];
  *n = (size_t)node->size;
  return node->bytes ? node->bytes : empty;
}

uint32_t w2s_wasi_node_kind_of(const struct w2s_wasi_node *node) { return node->kind; }

/* ---- directories ---- */

/* FNV-1a. */
static uint32_t hash_of(const char *name, size_t n) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < n; i++) hash = (hash ^ (uint8_t)name[i]) * 16777619u;
  return hash;
}

struct w2si_dirent *w2si_node_find(const struct w2s_wasi_node *dir, const char *name, size_t n) {
  if (!dir->n_buckets) return NULL;
  uint32_t hash = hash_of(name, n);
  struct w2si_dirent *entry = dir->buckets[hash & (dir->n_buckets - 1)];
  while (entry && (entry->hash != hash || entry->n != n || memcmp(entry->name, name, n) != 0)) entry = entry->in_bucket;
  return entry;
}

/* See to it that there are at least as many buckets as entries, one to come included. */
static int grow_buckets(struct w2s_wasi_node *dir) {
  if (dir->n_entries < dir->n_buckets) return 0;
  uint32_t n = dir->n_buckets ? dir->n_buckets * 2 : FIRST_BUCKETS;
  struct w2si_dirent **buckets = n ? calloc(n, sizeof(*buckets)) : NULL;
  if (!buckets) return W2SI_ENOSPC;
  for (struct w2si_dirent *entry = dir->first; entry; entry = entry->next) {
    entry->in_bucket = buckets[entry->hash & (n - 1)];
    buckets[entry->hash & (n - 1)] = entry;
  }
  free(dir->buckets);
  dir->buckets = buckets;
  dir->n_buckets = n;
  return 0;
}

/* Note that `node` has got a name in `dir`. */
static void linked(struct w2s_wasi_node *dir, struct w2s_wasi_node *node) {
  node->n_links++;
  node->ctim = now();
  dir->version++;
  if (node->kind == W2S_WASI_NODE_DIR) node->parent = dir;
  w2si_node_touch(dir);
}

int w2si_node_enter(struct w2s_wasi_node *dir, const char *name, size_t n, struct w2s_wasi_node *node) {
  int failed = grow_buckets(dir);
  if (failed) return failed;
  struct w2si_dirent *entry = malloc(sizeof *entry + n);
  if (!entry) return W2SI_ENOSPC;
  entry->node = node;
  entry->cookie = dir->next_cookie++;
  entry->hash = hash_of(name, n);
  entry->n = (uint32_t)n;
  memcpy(entry->name, name, n);
  struct w2si_dirent **bucket = &dir->buckets[entry->hash & (dir->n_buckets - 1)];
  entry->in_bucket = *bucket;
  *bucket = entry;
  entry->next = NULL;
  entry->prev = dir->last;
  if (dir->last) {
    dir->last->next = entry;
  } else {
    dir->first = entry;
  }
  dir->last = entry;
  dir->n_entries++;
  linked(dir, node);
  return 0;
}

/* Note that `node` has lost a name. */
static void unlinked(struct w2s_wasi_node *node) {
  node->n_links--;
  node->ctim = now();
  if (node->kind == W2S_WASI_NODE_DIR && !node->n_links) {
    node->parent = NULL;
    node->is_removed = 1;
  }
  free_if_unused(node);
}

void w2si_node_remove(struct w2s_wasi_node *dir, struct w2si_dirent *entry) {
  struct w2s_wasi_node *node = entry->node;
  struct w2si_dirent **at = &dir->buckets[entry->hash & (dir->n_buckets - 1)];
  while (*at != entry) at = &(*at)->in_bucket;
  *at = entry->in_bucket;
  if (entry->prev) {
    entry->prev->next = entry->next;
  } else {
    dir->first = entry->next;
  }
  if (entry->next) {
    entry->next->prev = entry->prev;
  } else {
    dir->last = entry->prev;
  }
  dir->n_entries--;
  dir->version++;
  w2si_node_touch(dir);
  free(entry);
  unlinked(node);
}

void w2si_node_replace(struct w2s_wasi_node *dir, struct w2si_dirent *entry, struct w2s_wasi_node *node) {
  struct w2s_wasi_node *old = entry->node;
  entry->node = node;
  linked(dir, node);
  unlinked(old);
}

/* ---- for the embedder ---- */

int w2si_node_new_file(struct w2s_wasi *wasi, uint64_t limit, const uint8_t *bytes, size_t n,
                       struct w2s_wasi_node **out) {
  struct w2s_wasi_node *node = new_node(wasi, W2S_WASI_NODE_FILE);
  if (!node) return W2SI_ENOMEM;
  node->limit = limit ? limit : 1;
  w2si_node_use(node);
  int failed = fill(node, bytes, n);
  if (failed) {
    w2si_node_unuse(node);
    return W2SI_ENOMEM;
  }
  *out = node;
  return 0;
}

int w2si_node_new_root(struct w2s_wasi *wasi, struct w2s_wasi_node **out) {
  if (wasi->n_nodes >= wasi->limits.nodes) return W2SI_ENOSPC;
  struct w2s_wasi_node *node = new_node(wasi, W2S_WASI_NODE_DIR);
  if (!node) return W2SI_ENOMEM;
  w2si_node_use(node);
  *out = node;
  return 0;
}

/* Is this the name of an entry? */
static int is_name(const char *name, size_t n) {
  if (n == 0 || n > W2SI_NAME_MAX || memchr(name, 0, n) || memchr(name, '/', n)) return 0;
  return !(n == 1 && name[0] == '.') && !(n == 2 && name[0] == '.' && name[1] == '.');
}

int w2si_node_add(struct w2s_wasi *wasi, struct w2s_wasi_node *dir, const char *name, size_t n, uint32_t kind,
                  const uint8_t *bytes, size_t n_bytes, struct w2s_wasi_node **out) {
  if (kind != W2S_WASI_NODE_DIR && kind != W2S_WASI_NODE_FILE && kind != W2S_WASI_NODE_SYMLINK) return W2SI_EINVAL;
  if (dir->kind != W2S_WASI_NODE_DIR) return W2SI_ENOTDIR;
  if (!is_name(name, n) || (kind == W2S_WASI_NODE_SYMLINK && (!n_bytes || memchr(bytes, 0, n_bytes)))) {
    return W2SI_EINVAL;
  }
  if (dir->is_removed) return W2SI_ENOENT;
  if (w2si_node_find(dir, name, n)) return W2SI_EEXIST;
  if (wasi->n_nodes >= wasi->limits.nodes) return W2SI_ENOSPC;
  struct w2s_wasi_node *node = new_node(wasi, kind);
  if (!node) return W2SI_ENOSPC;
  int failed = kind == W2S_WASI_NODE_DIR ? 0 : fill(node, bytes, n_bytes);
  if (!failed) failed = w2si_node_enter(dir, name, n, node);
  if (failed) {
    free_node(node);
    return failed;
  }
  *out = node;
  return 0;
}

int32_t w2s_wasi_node_entry(const struct w2s_wasi_node *dir, size_t nth, const char **name, size_t *n,
                            struct w2s_wasi_node **entry) {
  const struct w2si_dirent *at = dir->first;
  while (at && nth) {
    at = at->next;
    nth--;
  }
  if (!at) return ENOENT;
  *name = at->name;
  *n = at->n;
  *entry = at->node;
  return 0;
}
