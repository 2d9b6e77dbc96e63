/* Paths beneath a host directory (invariant I10).
 *
 * The kernel resolves them with openat2(RESOLVE_BENEATH). Where it cannot (older kernels, system call filters) or gives up
 * because directories are being renamed, they are walked component by component: each is opened with O_NOFOLLOW, ".."
 * goes back to the descriptor it came from, and symbolic links are expanded by hand. Strings are never compared.
 */
#define _GNU_SOURCE 1

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wasi_host.h"

enum {
  MAX_RETRIES = 32,
  MAX_TARGET = 4096,
  FIRST_DEPTH = 16,
  O_STEP = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
  MUST_WALK = -1, /* in place of an error: the kernel did not settle it */
  NO_LINK = -1
};

/* The directories from the base (not included) down to where the walk is. */
struct stack {
  int base;
  int *fds;
  size_t n;
  size_t room;
};

/* ---- by the kernel ---- */

/* openat2(2), which is younger than some systems' headers. */
enum { SYS_OPENAT2 = 437, BENEATH = 0x08, NO_MAGICLINKS = 0x02 };
struct how {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

/* Whether openat2 works is learnt once. */
static atomic_int no_openat2;

static int use_openat2(const struct w2si_host_desc *dir) {
  return !(dir->desc.wasi->options & W2S_WASI_WALK_PATHS) && !atomic_load_explicit(&no_openat2, memory_order_relaxed);
}

/* openat2 beneath `base`. 0, an error, or MUST_WALK. */
static int open_by_kernel(struct w2s_wasi *wasi, int base, const char *path, int flags, int *fd) {
  struct how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = BENEATH | NO_MAGICLINKS};
  if (flags & O_CREAT) how.mode = 0666;
  for (int tries = 0; tries < MAX_RETRIES; tries++) {
    long result = syscall(SYS_OPENAT2, base, path, &how, sizeof how);
    if (result >= 0) {
      *fd = (int)result;
      return 0;
    }
    switch (errno) {
      case EAGAIN: break;
      case EINTR: {
        int stop = w2si_check(wasi);
        if (stop) return stop;
        break;
      }
      case EXDEV: return W2SI_EPERM; /* it leads outside */
      case ENOSYS:
      case E2BIG: atomic_store_explicit(&no_openat2, 1, memory_order_relaxed); return MUST_WALK;
      case EPERM: return MUST_WALK; /* a filter, or really not permitted: the walk will tell */
      default: return w2si_errno(errno);
    }
  }
  return MUST_WALK;
}

/* ---- by hand ---- */

static int top(const struct stack *stack) { return stack->n ? stack->fds[stack->n - 1] : stack->base; }

static int push(struct stack *stack, int fd) {
  if (stack->n == stack->room) {
    size_t room = stack->room ? stack->room * 2 : FIRST_DEPTH;
    int *fds = realloc(stack->fds, room * sizeof *fds);
    if (!fds) return W2SI_ENOMEM;
    stack->fds = fds;
    stack->room = room;
  }
  stack->fds[stack->n++] = fd;
  return 0;
}

static void pop(struct stack *stack) { close(stack->fds[--stack->n]); }

static void free_stack(struct stack *stack) {
  while (stack->n) pop(stack);
  free(stack->fds);
}

/* If the current component is a symbolic link, splice its target in; else NO_LINK. */
static int splice_link(const struct stack *stack, struct w2si_cursor *cursor) {
  char target[MAX_TARGET];
  ssize_t n = readlinkat(top(stack), cursor->name, target, sizeof target);
  if (n < 0) return NO_LINK;
  return n == sizeof target ? W2SI_ENAMETOOLONG : w2si_cursor_splice(cursor, target, (size_t)n);
}

/* Go into the current component, which has more behind it, or splice it in. */
static int step_into(struct stack *stack, struct w2si_cursor *cursor) {
  int fd = openat(top(stack), cursor->name, O_STEP);
  if (fd < 0) {
    int error = errno;
    if (error != ENOTDIR && error != ELOOP) return w2si_errno(error);
    int spliced = splice_link(stack, cursor);
    return spliced == NO_LINK ? W2SI_ENOTDIR : spliced;
  }
  int failed = push(stack, fd);
  if (failed) close(fd);
  return failed;
}

/* The last component, neither "." nor "..". Sets `*done` unless a link was spliced in. */
static int step_last(const struct stack *stack, struct w2si_cursor *cursor, enum w2si_walk how, struct w2si_place *out,
                     int *done) {
  if (how == W2SI_WALK_FOLLOW || (how == W2SI_WALK_NOFOLLOW && cursor->slash)) {
    int spliced = splice_link(stack, cursor);
    if (spliced != NO_LINK) return spliced;
  }
  memcpy(out->name, cursor->name, sizeof out->name);
  out->slash = cursor->slash;
  *done = 1;
  return 0;
}

static int walk(struct stack *stack, struct w2si_cursor *cursor, enum w2si_walk how, struct w2si_place *out) {
  int done = 0;
  while (!done) {
    int failed = w2si_cursor_next(cursor);
    if (failed) return failed;
    if (!cursor->is_dot && !cursor->is_dotdot) {
      failed = cursor->is_last ? step_last(stack, cursor, how, out, &done) : step_into(stack, cursor);
      if (failed) return failed;
      continue;
    }
    if (cursor->is_dotdot) {
      if (!stack->n) return W2SI_EPERM;
      pop(stack);
    }
    if (cursor->is_last) {
      memcpy(out->name, ".", 2);
      out->is_self = done = 1;
    }
  }
  return 0;
}

static int find_by_hand(const struct w2si_host_desc *dir, const struct w2si_path *path, enum w2si_walk how,
                        struct w2si_place *out) {
  struct stack stack = {.base = dir->fd};
  struct w2si_cursor cursor;
  int failed = w2si_cursor_init(&cursor, path);
  if (!failed) failed = walk(&stack, &cursor, how, out);
  if (!failed) {
    out->fd = top(&stack);
    out->must_close = stack.n > 0;
    stack.n -= stack.n > 0; /* that one is the place's now */
  }
  w2si_cursor_free(&cursor);
  free_stack(&stack);
  return failed;
}

/* ---- places ---- */

/* As find_by_hand, or MUST_WALK. */
static int find_by_kernel(struct w2si_host_desc *dir, const struct w2si_path *path, enum w2si_walk how,
                          struct w2si_place *out) {
  struct w2si_split split;
  int failed = w2si_split(path, &split);
  if (failed) return failed;
  const int whole = split.is_self || (split.slash && how != W2SI_WALK_NAME);
  out->is_self = (uint8_t)whole;
  out->slash = split.slash;
  memcpy(out->name, whole ? "." : split.name, whole ? 2 : sizeof out->name);
  out->fd = dir->fd;
  if (!whole && split.n_parent == 0) return 0;
  char *parent = strndup(path->bytes, whole ? path->n : split.n_parent);
  if (!parent) return W2SI_ENOMEM;
  failed = open_by_kernel(dir->desc.wasi, dir->fd, parent, O_PATH | O_DIRECTORY, &out->fd);
  free(parent);
  out->must_close = failed == 0;
  return failed;
}

static int is_link(const struct w2si_place *place) {
  char target[1];
  return readlinkat(place->fd, place->name, target, sizeof target) >= 0;
}

int w2si_place_find(struct w2si_host_desc *dir, const struct w2si_path *path, enum w2si_walk how,
                    struct w2si_place *out) {
  memset(out, 0, sizeof *out);
  if (use_openat2(dir)) {
    int failed = find_by_kernel(dir, path, how, out);
    if (failed != MUST_WALK) {
      if (failed || how != W2SI_WALK_FOLLOW || out->is_self || !is_link(out)) return failed;
    }
    w2si_place_close(out); /* links as the last component are expanded by hand */
    memset(out, 0, sizeof *out);
  }
  return find_by_hand(dir, path, how, out);
}

void w2si_place_close(struct w2si_place *place) {
  if (place->must_close) close(place->fd);
  place->must_close = 0;
}

/* ---- opening ---- */

/* The walk ends at a name that was no link a moment ago; if it is one now, walk again. */
static int open_by_hand(struct w2si_host_desc *dir, const struct w2si_path *path, int flags, int follow, int *fd) {
  const int exclusive = (flags & O_CREAT) && (flags & O_EXCL);
  const enum w2si_walk how = follow && !exclusive ? W2SI_WALK_FOLLOW : W2SI_WALK_NOFOLLOW;
  int failed = W2SI_ELOOP;
  for (int tries = 0; failed == W2SI_ELOOP && tries < MAX_RETRIES; tries++) {
    struct w2si_place place;
    memset(&place, 0, sizeof place);
    failed = find_by_hand(dir, path, how, &place);
    if (failed) return failed;
    if (place.slash && (flags & O_CREAT)) {
      failed = W2SI_EISDIR;
    } else {
      const int more = O_NOFOLLOW | O_CLOEXEC | (place.slash || place.is_self ? O_DIRECTORY : 0);
      *fd = openat(place.fd, place.name, flags | more, 0666);
      failed = *fd < 0 ? w2si_errno(errno) : 0;
    }
    w2si_place_close(&place);
    if (failed == W2SI_EINTR) {
      failed = w2si_check(dir->desc.wasi);
      if (!failed) failed = W2SI_ELOOP;
    } else if (!follow) {
      break;
    }
  }
  return failed;
}

int w2si_open_beneath(struct w2si_host_desc *dir, const struct w2si_path *path, int flags, int follow, int *fd) {
  if (path->bytes[0] == '/') return W2SI_EPERM;
  if (use_openat2(dir)) {
    int failed = open_by_kernel(dir->desc.wasi, dir->fd, path->bytes, flags | (follow ? 0 : O_NOFOLLOW), fd);
    if (failed != MUST_WALK) return failed;
  }
  return open_by_hand(dir, path, flags, follow, fd);
}

/* ---- link targets ---- */

/* Going up is only looking: what is found serves for this answer alone. */
static int depth_below_root(const struct w2si_host_desc *dir, int fd, size_t *depth) {
  struct stat status;
  struct stat before = {.st_ino = 0};
  int at = openat(fd, ".", O_STEP);
  for (*depth = 0; at >= 0 && fstat(at, &status) == 0; ++*depth) {
    const int is_root = (uint64_t)status.st_dev == dir->root_dev && (uint64_t)status.st_ino == dir->root_ino;
    const int is_top = *depth && status.st_dev == before.st_dev && status.st_ino == before.st_ino;
    int above = is_root || is_top ? -1 : openat(at, "..", O_STEP);
    close(at);
    if (is_root) return 0;
    if (is_top) return W2SI_ENOTCAPABLE; /* it has been moved out */
    before = status;
    at = above;
  }
  int failed = w2si_errno(errno);
  if (at >= 0) close(at);
  return failed;
}

int w2si_check_target(const struct w2si_host_desc *dir, int fd, const char *target, size_t n) {
  size_t ups;
  size_t depth;
  int failed = w2si_target_ups(target, n, &ups);
  if (failed || ups == 0) return failed;
  failed = depth_below_root(dir, fd, &depth);
  return failed ? failed : ups > depth ? W2SI_ENOTCAPABLE : 0;
}
