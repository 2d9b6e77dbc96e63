/* Walking paths: components and symbolic links. */
#define _GNU_SOURCE 1

#include "wasi_cursor.h"

#include <stdlib.h>

enum { MAX_TEXT = 64 << 10 };

int w2si_cursor_init(struct w2si_cursor *cursor, const struct w2si_path *path) {
  cursor->text = NULL;
  cursor->at = 0;
  cursor->n_links = 0;
  if (path->bytes[0] == '/') return W2SI_EPERM;
  cursor->text = malloc(path->n + 1);
  if (!cursor->text) return W2SI_ENOMEM;
  memcpy(cursor->text, path->bytes, path->n + 1);
  return 0;
}

void w2si_cursor_free(struct w2si_cursor *cursor) {
  free(cursor->text);
  cursor->text = NULL;
}

static int is_dot(const char *name, size_t n) { return n == 1 && name[0] == '.'; }

static int is_dotdot(const char *name, size_t n) { return n == 2 && name[0] == '.' && name[1] == '.'; }

int w2si_cursor_next(struct w2si_cursor *cursor) {
  const char *start = cursor->text + cursor->at;
  size_t n = strcspn(start, "/");
  size_t slashes = strspn(start + n, "/");
  if (n > W2SI_NAME_MAX) return W2SI_ENAMETOOLONG;
  memcpy(cursor->name, start, n);
  cursor->name[n] = 0;
  cursor->is_dot = is_dot(start, n);
  cursor->is_dotdot = is_dotdot(start, n);
  cursor->at += n + slashes;
  cursor->slash = slashes > 0;
  cursor->is_last = start[n + slashes] == 0;
  return 0;
}

int w2si_cursor_splice(struct w2si_cursor *cursor, const char *target, size_t n) {
  if (++cursor->n_links > W2SI_MAX_LINKS) return W2SI_ELOOP;
  if (n == 0) return W2SI_ENOENT;
  if (target[0] == '/') return W2SI_EPERM;
  const char *rest = cursor->text + cursor->at;
  size_t n_rest = strlen(rest);
  if (n + n_rest > MAX_TEXT) return W2SI_ENAMETOOLONG;
  char *text = malloc(n + n_rest + 2);
  if (!text) return W2SI_ENOMEM;
  memcpy(text, target, n);
  size_t at = n;
  if (cursor->slash) text[at++] = '/';
  memcpy(text + at, rest, n_rest + 1);
  free(cursor->text);
  cursor->text = text;
  cursor->at = 0;
  return 0;
}

int w2si_split(const struct w2si_path *path, struct w2si_split *out) {
  size_t end = path->n;
  if (path->bytes[0] == '/') return W2SI_EPERM;
  while (path->bytes[end - 1] == '/') end--;
  size_t start = end;
  while (start && path->bytes[start - 1] != '/') start--;
  if (end - start > W2SI_NAME_MAX) return W2SI_ENAMETOOLONG;
  memcpy(out->name, path->bytes + start, end - start);
  out->name[end - start] = 0;
  out->n_parent = start;
  out->slash = end < path->n;
  out->is_self = is_dot(out->name, end - start) || is_dotdot(out->name, end - start);
  return 0;
}

int w2si_target_ups(const char *target, size_t n, size_t *ups) {
  *ups = 0;
  if (n && target[0] == '/') return W2SI_ENOTCAPABLE;
  for (size_t at = 0; at < n;) {
    size_t end = at;
    while (end < n && target[end] != '/') end++;
    *ups += (size_t)is_dotdot(target + at, end - at);
    at = end + 1;
  }
  return 0;
}
