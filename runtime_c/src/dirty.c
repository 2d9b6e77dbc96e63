/* Asking the kernel for written pages: PAGEMAP_SCAN, of Linux 6.7 and later.
 *
 * The file it is asked through tells of the process that opened it. A child has to open its own: what it would learn of
 * its parent's pages would leave its own as they are. */
#define _GNU_SOURCE 1

#include "dirty.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

/* As in linux/fs.h, which older headers lack. */
struct region {
  uint64_t start;
  uint64_t end;
  uint64_t categories;
};
struct scan {
  uint64_t size;
  uint64_t flags;
  uint64_t start;
  uint64_t end;
  uint64_t walk_end;
  uint64_t vec;
  uint64_t vec_len;
  uint64_t max_pages;
  uint64_t category_inverted;
  uint64_t category_mask;
  uint64_t category_anyof_mask;
  uint64_t return_mask;
};
enum { IS_FILE = 1 << 2, IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4, IS_ZERO_PAGE = 1 << 5 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t owner; /* who opened it; 0: nobody */
static int pagemap = -1; /* -1: not to be had */

/* The file of this process. Its number stays the same until a child opens its own. */
static int open_pagemap(void) {
  pid_t self = getpid();
  if (__atomic_load_n(&owner, __ATOMIC_ACQUIRE) == self) return pagemap;
  pthread_mutex_lock(&lock);
  if (owner != self) {
    if (pagemap >= 0) close(pagemap);
    pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    __atomic_store_n(&owner, self, __ATOMIC_RELEASE);
  }
  int fd = pagemap;
  pthread_mutex_unlock(&lock);
  return fd;
}

int w2si_dirty_runs(uint64_t start, uint64_t end, struct w2si_run *runs, uint64_t *next) {
  struct region regions[W2SI_MAX_RUNS];
  int fd = open_pagemap();
  if (fd < 0) return -1;
  /* Present or swapped out, but neither the file's own page nor the shared page of zeros: a page of this mapping alone. */
  struct scan scan = {.size = sizeof scan, .start = start, .end = end, .vec = (uint64_t)(uintptr_t)regions,
                      .vec_len = W2SI_MAX_RUNS, .category_inverted = IS_FILE | IS_ZERO_PAGE,
                      .category_mask = IS_FILE | IS_ZERO_PAGE, .category_anyof_mask = IS_PRESENT | IS_SWAPPED,
                      .return_mask = IS_FILE};
  int n = ioctl(fd, _IOWR('f', 16, struct scan), &scan);
  if (n < 0) return -1;
  for (int i = 0; i < n; i++) runs[i] = (struct w2si_run){.start = regions[i].start, .end = regions[i].end};
  *next = scan.walk_end;
  return n;
}
