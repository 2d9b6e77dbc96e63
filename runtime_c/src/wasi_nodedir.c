/* Open directories in memory: the path operations. */
#define _GNU_SOURCE 1

#include <stdlib.h>

#include "wasi_cursor.h"
#include "wasi_node.h"

/* Where a path leads: an entry of a directory, which may not exist, or a directory itself. */
struct place {
  struct w2s_wasi_node *dir;
  struct w2si_dirent *entry; /* NULL: there is none of that name */
  char name[W2SI_NAME_MAX + 1];
  size_t n;
  int is_self; /* the path is `dir` itself */
  int slash;   /* the path ends with a slash */
};

static struct w2si_node_desc *as_node(struct w2si_desc *desc) { return (struct w2si_node_desc *)desc; }

static struct w2s_wasi_node *base_of(struct w2si_desc *desc) { return as_node(desc)->node; }

/* One component that is neither "." nor "..". Sets `*done` where the walk ends. */
static int walk_name(struct w2si_cursor *cursor, enum w2si_walk how, struct place *out, int *done) {
  const size_t n = strlen(cursor->name);
  struct w2si_dirent *entry = w2si_node_find(out->dir, cursor->name, n);
  const struct w2s_wasi_node *node = entry ? entry->node : NULL;
  const int is_link = node && node->kind == W2S_WASI_NODE_SYMLINK;
  const int last_follows = how == W2SI_WALK_FOLLOW || (how == W2SI_WALK_NOFOLLOW && cursor->slash);
  if (is_link && (!cursor->is_last || last_follows)) {
    return w2si_cursor_splice(cursor, (const char *)node->bytes, (size_t)node->size);
  }
  if (cursor->is_last) {
    out->entry = entry;
    out->n = n;
    out->slash = cursor->slash;
    memcpy(out->name, cursor->name, n + 1);
    *done = 1;
    return 0;
  }
  if (!node) return W2SI_ENOENT;
  if (node->kind != W2S_WASI_NODE_DIR) return W2SI_ENOTDIR;
  out->dir = entry->node;
  return 0;
}

static int walk_all(const struct w2s_wasi_node *base, struct w2si_cursor *cursor, enum w2si_walk how,
                    struct place *out) {
  int done = 0;
  while (!done) {
    int failed = w2si_cursor_next(cursor);
    if (failed) return failed;
    if (!cursor->is_dot && !cursor->is_dotdot) {
      failed = walk_name(cursor, how, out, &done);
      if (failed) return failed;
      continue;
    }
    if (cursor->is_dotdot) {
      if (out->dir == base) return W2SI_EPERM;
      out->dir = out->dir->parent;
      if (!out->dir) return W2SI_ENOENT;
    }
    out->is_self = done = cursor->is_last;
  }
  return 0;
}

static int walk(struct w2si_desc *desc, const struct w2si_path *path, enum w2si_walk how, struct place *out) {
  struct w2si_cursor cursor;
  struct w2s_wasi_node *base = base_of(desc);
  memset(out, 0, sizeof *out);
  out->dir = base;
  int failed = w2si_cursor_init(&cursor, path);
  if (!failed) failed = walk_all(base, &cursor, how, out);
  w2si_cursor_free(&cursor);
  return failed;
}

/* The node that a place is, or an error if there is none; a slash behind it demands a directory. */
static int node_at(const struct place *place, struct w2s_wasi_node **out) {
  if (!place->is_self && !place->entry) return W2SI_ENOENT;
  *out = place->is_self ? place->dir : place->entry->node;
  return place->slash && (*out)->kind != W2S_WASI_NODE_DIR ? W2SI_ENOTDIR : 0;
}

static int find(struct w2si_desc *desc, const struct w2si_path *path, int follow, struct w2s_wasi_node **out) {
  struct place place;
  int failed = walk(desc, path, follow ? W2SI_WALK_FOLLOW : W2SI_WALK_NOFOLLOW, &place);
  return failed ? failed : node_at(&place, out);
}

/* A place for something new. */
static int find_free(struct w2si_desc *desc, const struct w2si_path *path, int for_dir, struct place *out) {
  int failed = walk(desc, path, W2SI_WALK_NAME, out);
  if (failed) return failed;
  if (out->is_self || out->entry) return W2SI_EEXIST;
  return (out->slash && !for_dir) || out->dir->is_removed ? W2SI_ENOENT : 0;
}

static int add(struct w2si_desc *desc, const struct place *place, uint32_t kind, const struct w2si_path *content,
               struct w2s_wasi_node **out) {
  return w2si_node_add(desc->wasi, place->dir, place->name, place->n, kind,
                       content ? (const uint8_t *)content->bytes : NULL, content ? content->n : 0, out);
}

static int dir_open(struct w2si_desc *desc, const struct w2si_path *path, const struct w2si_open *how,
                    struct w2si_desc **out) {
  struct place place;
  struct w2s_wasi_node *node;
  const int creat = (how->oflags & W2SI_OFLAG_CREAT) != 0;
  const int exclusive = creat && (how->oflags & W2SI_OFLAG_EXCL);
  if (creat && (how->oflags & W2SI_OFLAG_DIRECTORY)) return W2SI_EINVAL;
  int failed = walk(desc, path, how->follow && !exclusive ? W2SI_WALK_FOLLOW : W2SI_WALK_NOFOLLOW, &place);
  if (failed) return failed;
  failed = node_at(&place, &node);
  if (!failed && exclusive) return W2SI_EEXIST;
  if (failed == W2SI_ENOENT && creat) {
    if (place.slash) return W2SI_EISDIR;
    failed = add(desc, &place, W2S_WASI_NODE_FILE, NULL, &node);
  }
  if (failed) return failed;
  if (node->kind == W2S_WASI_NODE_SYMLINK) return W2SI_ELOOP;
  if (node->kind == W2S_WASI_NODE_DIR && (how->write || creat || (how->oflags & W2SI_OFLAG_TRUNC))) return W2SI_EISDIR;
  if (node->kind != W2S_WASI_NODE_DIR && (how->oflags & W2SI_OFLAG_DIRECTORY)) return W2SI_ENOTDIR;
  if (how->oflags & W2SI_OFLAG_TRUNC) {
    failed = w2si_node_resize(node, 0);
    if (failed) return failed;
    w2si_node_touch(node);
  }
  return w2si_node_open(desc->wasi, node, how->fdflags, out);
}

static int dir_make_dir(struct w2si_desc *desc, const struct w2si_path *path) {
  struct place place;
  struct w2s_wasi_node *node;
  int failed = find_free(desc, path, 1, &place);
  return failed ? failed : add(desc, &place, W2S_WASI_NODE_DIR, NULL, &node);
}

static int dir_stat_at(struct w2si_desc *desc, const struct w2si_path *path, int follow, struct w2si_stat *out) {
  struct w2s_wasi_node *node;
  int failed = find(desc, path, follow, &node);
  return failed ? failed : w2si_node_stat(node, out);
}

static int dir_set_times_at(struct w2si_desc *desc, const struct w2si_path *path, int follow,
                            const struct timespec times[2]) {
  struct w2s_wasi_node *node;
  int failed = find(desc, path, follow, &node);
  return failed ? failed : w2si_node_set_times(node, times);
}

static int dir_read_link(struct w2si_desc *desc, const struct w2si_path *path, uint8_t *to, size_t n, size_t *used) {
  struct w2s_wasi_node *node;
  int failed = find(desc, path, 0, &node);
  if (failed) return failed;
  if (node->kind != W2S_WASI_NODE_SYMLINK) return W2SI_EINVAL;
  *used = node->size < n ? (size_t)node->size : n;
  memcpy(to, node->bytes, *used);
  return 0;
}

static int dir_remove_dir(struct w2si_desc *desc, const struct w2si_path *path) {
  struct place place;
  int failed = walk(desc, path, W2SI_WALK_NAME, &place);
  if (failed) return failed;
  if (place.is_self) return W2SI_EINVAL;
  if (!place.entry) return W2SI_ENOENT;
  const struct w2s_wasi_node *node = place.entry->node;
  if (node->kind != W2S_WASI_NODE_DIR) return W2SI_ENOTDIR;
  if (node->n_entries) return W2SI_ENOTEMPTY;
  w2si_node_remove(place.dir, place.entry);
  return 0;
}

static int dir_unlink(struct w2si_desc *desc, const struct w2si_path *path) {
  struct place place;
  int failed = walk(desc, path, W2SI_WALK_NAME, &place);
  if (failed) return failed;
  if (place.is_self) return W2SI_EISDIR;
  if (!place.entry) return W2SI_ENOENT;
  if (place.entry->node->kind == W2S_WASI_NODE_DIR) return W2SI_EISDIR;
  if (place.slash) return W2SI_ENOTDIR;
  w2si_node_remove(place.dir, place.entry);
  return 0;
}

/* May a link with this content be in `dir`: are there enough directories above it? */
static int check_target(const struct w2s_wasi_node *dir, const char *target, size_t n) {
  size_t ups;
  int failed = w2si_target_ups(target, n, &ups);
  if (failed) return failed;
  for (; ups; ups--) {
    dir = dir->parent;
    if (!dir) return W2SI_ENOTCAPABLE;
  }
  return 0;
}

static int check_link(const struct w2s_wasi_node *dir, const struct w2s_wasi_node *node) {
  return node->kind == W2S_WASI_NODE_SYMLINK ? check_target(dir, (const char *)node->bytes, (size_t)node->size) : 0;
}

static int dir_symlink(struct w2si_desc *desc, const struct w2si_path *target, const struct w2si_path *path) {
  struct place place;
  struct w2s_wasi_node *node;
  int failed = find_free(desc, path, 0, &place);
  if (!failed) failed = check_target(place.dir, target->bytes, target->n);
  return failed ? failed : add(desc, &place, W2S_WASI_NODE_SYMLINK, target, &node);
}

/* Are both ends in the same context? Nodes never leave theirs. */
static int dir_link(struct w2si_desc *desc, const struct w2si_path *path, struct w2si_desc *to,
                    const struct w2si_path *new_path) {
  struct w2s_wasi_node *node;
  struct place place;
  int failed = find(desc, path, 0, &node);
  if (failed) return failed;
  if (node->kind == W2S_WASI_NODE_DIR) return W2SI_EPERM;
  failed = find_free(to, new_path, 0, &place);
  if (!failed) failed = check_link(place.dir, node);
  return failed ? failed : w2si_node_enter(place.dir, place.name, place.n, node);
}

/* Is `node` the directory `dir` or above it? */
static int is_above(const struct w2s_wasi_node *node, const struct w2s_wasi_node *dir) {
  while (dir && dir != node) dir = dir->parent;
  return dir != NULL;
}

/* May `node` replace what is at `place`? */
static int check_replace(const struct w2s_wasi_node *node, const struct place *place) {
  const struct w2s_wasi_node *old = place->entry->node;
  if (node->kind != W2S_WASI_NODE_DIR) return old->kind == W2S_WASI_NODE_DIR ? W2SI_EISDIR : 0;
  if (old->kind != W2S_WASI_NODE_DIR) return W2SI_ENOTDIR;
  return old->n_entries ? W2SI_ENOTEMPTY : 0;
}

static int dir_rename(struct w2si_desc *desc, const struct w2si_path *path, struct w2si_desc *to,
                      const struct w2si_path *new_path) {
  struct place from;
  struct place into;
  struct w2s_wasi_node *node;
  int failed = walk(desc, path, W2SI_WALK_NAME, &from);
  if (!failed) failed = walk(to, new_path, W2SI_WALK_NAME, &into);
  if (failed) return failed;
  if (from.is_self || into.is_self) return W2SI_EBUSY;
  failed = node_at(&from, &node);
  if (failed) return failed;
  if (into.slash && node->kind != W2S_WASI_NODE_DIR) return W2SI_ENOTDIR;
  if (into.dir->is_removed) return W2SI_ENOENT;
  if (node->kind == W2S_WASI_NODE_DIR && is_above(node, into.dir)) return W2SI_EINVAL;
  if (into.entry && into.entry->node == node) return 0;
  failed = check_link(into.dir, node);
  if (!failed && into.entry) failed = check_replace(node, &into);
  if (failed) return failed;
  if (into.entry) {
    w2si_node_replace(into.dir, into.entry, node);
  } else {
    failed = w2si_node_enter(into.dir, into.name, into.n, node);
    if (failed) return failed;
  }
  w2si_node_remove(from.dir, from.entry);
  return 0;
}

static int dir_stat(struct w2si_desc *desc, struct w2si_stat *out) { return w2si_node_stat(base_of(desc), out); }

static int dir_set_times(struct w2si_desc *desc, const struct timespec times[2]) {
  return w2si_node_set_times(base_of(desc), times);
}

static int dir_sync(struct w2si_desc *desc, int data_only) {
  (void)desc, (void)data_only;
  return 0;
}

static int dir_set_flags(struct w2si_desc *desc, uint32_t fdflags) {
  desc->fdflags = fdflags;
  return 0;
}

/* The first entry whose cookie is greater. */
static const struct w2si_dirent *entry_after(struct w2si_node_desc *own, uint64_t cookie) {
  const struct w2s_wasi_node *dir = own->node;
  const struct w2si_dirent *entry = dir->first;
  if (own->last_entry && own->version == dir->version && own->last_entry->cookie <= cookie) entry = own->last_entry;
  while (entry && entry->cookie <= cookie) entry = entry->next;
  own->last_entry = entry;
  own->version = dir->version;
  return entry;
}

static int dir_entry(struct w2si_desc *desc, uint64_t cookie, struct w2si_entry *out) {
  struct w2si_node_desc *own = as_node(desc);
  const struct w2s_wasi_node *dir = own->node;
  if (cookie < W2SI_COOKIE_DOTDOT) {
    const struct w2s_wasi_node *node = cookie && dir->parent ? dir->parent : dir;
    *out = (struct w2si_entry){.next = cookie + 1, .ino = node->ino, .name = cookie ? ".." : ".", .n = cookie ? 2 : 1,
                               .filetype = W2SI_FILETYPE_DIRECTORY};
    return 0;
  }
  const struct w2si_dirent *entry = entry_after(own, cookie);
  *out = (struct w2si_entry){.n = 0};
  if (!entry) return 0;
  *out = (struct w2si_entry){.next = entry->cookie, .ino = entry->node->ino, .name = entry->name, .n = entry->n,
                             .filetype = entry->node->kind};
  return 0;
}

const struct w2si_ops w2si_node_dir_ops = {
    .destroy = w2si_node_destroy,
    .stat = dir_stat,
    .set_times = dir_set_times,
    .sync = dir_sync,
    .set_flags = dir_set_flags,
    .entry = dir_entry,
    .open = dir_open,
    .make_dir = dir_make_dir,
    .stat_at = dir_stat_at,
    .set_times_at = dir_set_times_at,
    .read_link = dir_read_link,
    .remove_dir = dir_remove_dir,
    .unlink = dir_unlink,
    .symlink = dir_symlink,
    .link = dir_link,
    .rename = dir_rename,
};
