/* Stacks for fibers: mappings with a guard below, and a pool of them for all stores and threads.
 *
 * A stack that goes back keeps the pages at its upper end, which every call touches; deeper ones are given back to the
 * system. The pool's lock is only tried: who does not get it makes a mapping, or unmaps one. So it cannot hang a child
 * process that was forked while another thread held it. */
#define _GNU_SOURCE 1

#include "fiber_stack.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

#include "switch.h"

enum {
  KEPT_BYTES = 16 << 10,
  MAX_POOLED = 1024,
  N_SIZES = 8 /* sizes of stacks that the pool has at a time */
};

/* Lies at the upper end of a stack in the pool. */
struct pooled {
  struct pooled *next;
  uint8_t *low;
};

struct size_class {
  size_t bytes; /* from low to high */
  struct pooled *first;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct size_class classes[N_SIZES];
static unsigned n_pooled;

static struct pooled *place_in(const struct w2si_fiber_stack *stack) {
  return (struct pooled *)(void *)(stack->high - sizeof(struct pooled));
}

/* The class for a size, an empty one if there is none yet; NULL if all are taken by other sizes. */
static struct size_class *class_of(size_t bytes) {
  struct size_class *empty = NULL;
  for (unsigned i = 0; i < N_SIZES; i++) {
    if (classes[i].first && classes[i].bytes == bytes) return &classes[i];
    if (!classes[i].first) empty = &classes[i];
  }
  if (empty) empty->bytes = bytes;
  return empty;
}

static int take_pooled(struct w2si_fiber_stack *stack, size_t bytes) {
  if (pthread_mutex_trylock(&lock)) return 0;
  struct size_class *class = class_of(bytes);
  struct pooled *found = class ? class->first : NULL;
  if (found) {
    class->first = found->next;
    n_pooled--;
    stack->low = found->low;
    stack->high = found->low + bytes;
  }
  pthread_mutex_unlock(&lock);
  return found != NULL;
}

static int give_pooled(const struct w2si_fiber_stack *stack) {
  if (pthread_mutex_trylock(&lock)) return 0;
  struct size_class *class = n_pooled < MAX_POOLED ? class_of((size_t)(stack->high - stack->low)) : NULL;
  if (class) {
    struct pooled *own = place_in(stack);
    own->low = stack->low;
    own->next = class->first;
    class->first = own;
    n_pooled++;
  }
  pthread_mutex_unlock(&lock);
  return class != NULL;
}

int w2si_fiber_stack_take(struct w2si_fiber_stack *stack, uint64_t bytes) {
  const uint64_t limit = (uint64_t)1 << 40;
  if (bytes > limit) return 0;
  size_t usable = ((size_t)bytes + W2SI_GUARD_BYTES - 1) / W2SI_GUARD_BYTES * W2SI_GUARD_BYTES;
  if (take_pooled(stack, usable)) return 1;
  uint8_t *mapping = mmap(NULL, usable + W2SI_GUARD_BYTES, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (mapping == MAP_FAILED) return 0;
  if (mprotect(mapping + W2SI_GUARD_BYTES, usable, PROT_READ | PROT_WRITE)) {
    munmap(mapping, usable + W2SI_GUARD_BYTES);
    return 0;
  }
  madvise(mapping + W2SI_GUARD_BYTES, usable, MADV_NOHUGEPAGE); /* the first touch would cost 2 MiB */
  stack->low = mapping + W2SI_GUARD_BYTES;
  stack->high = stack->low + usable;
  return 1;
}

void w2si_fiber_stack_give(struct w2si_fiber_stack *stack) {
  if (!stack->low) return;
  w2si_switch_forget(stack->low, (size_t)(stack->high - stack->low));
  madvise(stack->low, (size_t)(stack->high - stack->low) - KEPT_BYTES, MADV_DONTNEED);
  if (!give_pooled(stack)) munmap(stack->low - W2SI_GUARD_BYTES, (size_t)(stack->high - stack->low) + W2SI_GUARD_BYTES);
  *stack = (struct w2si_fiber_stack){NULL, NULL};
}
