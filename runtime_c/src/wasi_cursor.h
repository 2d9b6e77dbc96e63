/* A path being walked, component by component, with symbolic links spliced in by hand. */
#ifndef W2SI_WASI_CURSOR_H
#define W2SI_WASI_CURSOR_H

#include "wasi_core.h"

enum { W2SI_NAME_MAX = 255, W2SI_MAX_LINKS = 40 };

/* What a symbolic link as the last component means. */
enum w2si_walk {
  W2SI_WALK_NAME,     /* never followed: the path names an entry, to be made, removed or renamed */
  W2SI_WALK_NOFOLLOW, /* followed only if there is a slash behind it */
  W2SI_WALK_FOLLOW
};

struct w2si_cursor {
  char *text; /* on the heap */
  size_t at;  /* of the rest */
  uint32_t n_links;
  /* the current component, terminated */
  char name[W2SI_NAME_MAX + 1];
  uint8_t is_dot;
  uint8_t is_dotdot;
  uint8_t is_last;
  uint8_t slash; /* one follows it */
};

/* EPERM for an absolute path: everything is relative to a directory. */
int w2si_cursor_init(struct w2si_cursor *cursor, const struct w2si_path *path);
void w2si_cursor_free(struct w2si_cursor *cursor);
/* Step to the next component. Paths have at least one. */
int w2si_cursor_next(struct w2si_cursor *cursor);
/* The current component is a link to these `n` bytes: go on with them. */
int w2si_cursor_splice(struct w2si_cursor *cursor, const char *target, size_t n);

/* Split without looking: the directory part (n == 0: none), and the last component in `name`. */
struct w2si_split {
  size_t n_parent; /* bytes of the path before the last component */
  char name[W2SI_NAME_MAX + 1];
  uint8_t is_self; /* the last component is "." or ".." */
  uint8_t slash;   /* the path ends with one */
};
int w2si_split(const struct w2si_path *path, struct w2si_split *out);

/* What a link target may do: ENOTCAPABLE if it is absolute, else the number of its ".." components. */
int w2si_target_ups(const char *target, size_t n, size_t *ups);

#endif
