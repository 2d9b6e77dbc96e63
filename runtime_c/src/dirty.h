/* Which pages of a memory are its own, that is: may differ from what was mapped there. */
#ifndef W2SI_DIRTY_H
#define W2SI_DIRTY_H

#include <stdint.h>

/* A run of pages that were written. */
struct w2si_run {
  uint64_t start; /* addresses */
  uint64_t end;
};

enum { W2SI_MAX_RUNS = 64 };

/* Find runs of written pages from `start` on, whole pages, at most W2SI_MAX_RUNS; `*next` is where to go on, `end` if that
 * was all. Returns how many there are, or -1 where the system does not tell. */
int w2si_dirty_runs(uint64_t start, uint64_t end, struct w2si_run *runs, uint64_t *next);

#endif
