/* Stacks for fibers. */
#ifndef W2SI_FIBER_STACK_H
#define W2SI_FIBER_STACK_H

#include <stdint.h>

enum { W2SI_GUARD_BYTES = 64 << 10 }; /* whole pages on every system */

/* Usable from `low` to `high`; below lie pages that fault. */
struct w2si_fiber_stack {
  uint8_t *low;
  uint8_t *high;
};

/* A stack with room for `bytes`, from the pool if it has one of that size. Returns 0 where the system has no room. */
int w2si_fiber_stack_take(struct w2si_fiber_stack *stack, uint64_t bytes);
/* Give it back; nothing on it is used any more. */
void w2si_fiber_stack_give(struct w2si_fiber_stack *stack);

#endif
