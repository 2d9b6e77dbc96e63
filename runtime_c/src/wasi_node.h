/* Files, directories and symbolic links in memory. */
#ifndef W2SI_WASI_NODE_H
#define W2SI_WASI_NODE_H

#include "wasi_core.h"

struct w2si_dirent {
  struct w2si_dirent *in_bucket;
  struct w2si_dirent *prev; /* in the order of creation */
  struct w2si_dirent *next;
  struct w2s_wasi_node *node;
  uint64_t cookie; /* ascending, never used again */
  uint32_t hash;
  uint32_t n;
  char name[];
};

struct w2s_wasi_node {
  struct w2s_wasi *wasi;
  struct w2s_wasi_node *prev; /* all nodes of the context */
  struct w2s_wasi_node *next;
  uint32_t kind;   /* enum w2s_wasi_node_kind */
  uint32_t n_uses; /* open descriptors, and 1 if the embedder holds it */
  uint64_t n_links;
  uint64_t ino;
  uint64_t atim;
  uint64_t mtim;
  uint64_t ctim;
  /* files, symbolic links */
  uint8_t *bytes;
  uint64_t size;
  uint64_t capacity;
  uint64_t limit;  /* of the size; if 0, the context's limit for all files together */
  /* directories */
  struct w2s_wasi_node *parent; /* NULL: a root, or removed */
  struct w2si_dirent *first;
  struct w2si_dirent *last;
  struct w2si_dirent **buckets;
  uint32_t n_buckets; /* a power of 2, or 0 */
  uint32_t n_entries;
  uint64_t next_cookie;
  uint64_t version; /* changes with the entries */
  uint8_t is_removed;
};

/* Cookies that stand behind "." and "..", and the first of an entry; an entry's cookie stands behind it. */
enum { W2SI_COOKIE_DOT = 1, W2SI_COOKIE_DOTDOT = 2, W2SI_COOKIE_FIRST = 3 };

/* A file outside of any directory, with a limit of its own, held by the embedder. */
int w2si_node_new_file(struct w2s_wasi *wasi, uint64_t limit, const uint8_t *bytes, size_t n,
                       struct w2s_wasi_node **out);
/* An empty directory of its own, held by the embedder. */
int w2si_node_new_root(struct w2s_wasi *wasi, struct w2s_wasi_node **out);
int w2si_node_add(struct w2s_wasi *wasi, struct w2s_wasi_node *dir, const char *name, size_t n, uint32_t kind,
                  const uint8_t *bytes, size_t n_bytes, struct w2s_wasi_node **out);
void w2si_nodes_free(struct w2s_wasi *wasi);

/* An open node. */
struct w2si_node_desc {
  struct w2si_desc desc;
  struct w2s_wasi_node *node;
  uint64_t at; /* position */
  const struct w2si_dirent *last_entry; /* the last one read, if the directory's version is still this */
  uint64_t version;
};
extern const struct w2si_ops w2si_node_file_ops; /* wasi_nodefile.c */
extern const struct w2si_ops w2si_node_dir_ops;  /* wasi_nodedir.c */
/* Shared by files and directories. */
void w2si_node_destroy(struct w2si_desc *desc);
int w2si_node_stat(const struct w2s_wasi_node *node, struct w2si_stat *out);
int w2si_node_set_times(struct w2s_wasi_node *node, const struct timespec times[2]);

void w2si_node_use(struct w2s_wasi_node *node);
/* Give a use up; free the node if that and its links were all. */
void w2si_node_unuse(struct w2s_wasi_node *node);
void w2si_node_touch(struct w2s_wasi_node *node); /* it was changed now */

struct w2si_dirent *w2si_node_find(const struct w2s_wasi_node *dir, const char *name, size_t n);
/* Enter `node` into `dir`, where there is no such name. */
int w2si_node_enter(struct w2s_wasi_node *dir, const char *name, size_t n, struct w2s_wasi_node *node);
/* Take an entry out, and free the node if that was its last link and nobody uses it. */
void w2si_node_remove(struct w2s_wasi_node *dir, struct w2si_dirent *entry);
/* Let an entry stand for another node, as a rename over it does. */
void w2si_node_replace(struct w2s_wasi_node *dir, struct w2si_dirent *entry, struct w2s_wasi_node *node);

/* Make room for a file of `size` bytes without changing its size: ENOSPC. */
int w2si_node_reserve(struct w2s_wasi_node *node, uint64_t size);
/* Zeros are added, or the end is cut off. */
int w2si_node_resize(struct w2s_wasi_node *node, uint64_t size);

#endif
