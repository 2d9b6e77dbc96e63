/* A program for WASI: merges the lines of /in/a and /in/b, which are sorted, into /out/merged, and reports the count. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINE = 1000 };

struct source {
  FILE *stream;
  char line[MAX_LINE];
  int has_line;
};

static void advance(struct source *source) {
  source->has_line = fgets(source->line, MAX_LINE, source->stream) != NULL;
}

static void start(struct source *source, const char *path) {
  source->stream = fopen(path, "r");
  if (!source->stream) {
    perror(path);
    exit(1);
  }
  advance(source);
}

int main(void) {
  struct source a, b;
  unsigned long n = 0;
  start(&a, "/in/a");
  start(&b, "/in/b");
  FILE *out = fopen("/out/merged", "w");
  if (!out) {
    perror("/out/merged");
    return 1;
  }
  for (; a.has_line || b.has_line; n++) {
    struct source *next = !b.has_line || (a.has_line && strcmp(a.line, b.line) <= 0) ? &a : &b;
    fputs(next->line, out);
    advance(next);
  }
  if (fclose(out)) {
    perror("/out/merged");
    return 1;
  }
  printf("%lu lines\n", n);
  return 0;
}
