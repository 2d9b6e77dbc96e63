/* The test programs' few tools. */
#ifndef W2S_CHECK_H
#define W2S_CHECK_H

#include <stdio.h>
#include <stdlib.h>

static inline void check_at(int good, const char *what, const char *file, int line) {
  if (good) return;
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
  exit(1);
}

#define CHECK(what) check_at(!!(what), #what, __FILE__, __LINE__)

#endif
