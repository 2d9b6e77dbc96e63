/* Changing from one stack to another. */
#ifndef W2SI_SWITCH_H
#define W2SI_SWITCH_H

#include <stddef.h>
#include <stdint.h>

struct w2s_fiber;

/* A fiber's stack, and where the side that does not run goes on. */
struct w2si_switch {
  void *fiber_sp;
  void *host_sp;
  uint8_t *low;
  size_t bytes;
  /* for AddressSanitizer */
  const void *host_low;
  size_t host_bytes;
  void *host_frames;
  void *fiber_frames;
};

/* Can stacks be changed in this thread? Not with a shadow stack, which the processor checks returns against. */
int w2si_switch_works(void);
/* Prepare a stack so that the first w2si_switch_to_fiber calls w2si_fiber_main(fiber). */
void w2si_switch_init(struct w2si_switch *where, uint8_t *low, uint8_t *high, struct w2s_fiber *fiber);
/* From the host's stack: go on with the fiber, until it comes back. */
void w2si_switch_to_fiber(struct w2si_switch *where);
/* From the fiber's stack: go on with the host. With `for_good` it never returns. */
void w2si_switch_to_host(struct w2si_switch *where, int for_good);
/* To be called first on a new fiber's stack. */
void w2si_switch_arrived(struct w2si_switch *where);
/* Nothing on this stack is used any more, whether its functions returned or not. */
void w2si_switch_forget(uint8_t *low, size_t bytes);

#endif
