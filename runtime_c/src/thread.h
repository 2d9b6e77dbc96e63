/* What the runtime keeps per thread. */
#ifndef W2SI_THREAD_H
#define W2SI_THREAD_H

#include "arch.h"

struct w2si_store;

/* Why an operation was refused with W2S_ERR_USAGE, for the message. */
enum w2si_usage { W2SI_USAGE_NONE, W2SI_USAGE_BUSY, W2SI_USAGE_FOREIGN, W2SI_USAGE_STACK };

struct w2si_thread {
  /* The store whose wasm code this thread is running right now; NULL while it runs anything else. The fault
   * handler acts only if it is set. */
  struct w2si_store *volatile in_wasm;
  uint8_t *stack_low;  /* lowest frame address for wasm code: the stack's end plus the red zone */
  uint8_t *stack_high;
  uint64_t checked_at; /* ticks when the fault handler was last seen installed */
  uint32_t ready;      /* the stack's bounds are known and there is an alternate signal stack */
  uint32_t usage;      /* enum w2si_usage of the last W2S_ERR_USAGE */

  uint32_t trap;           /* enum w2s_trap_code of the last trap */
  uint32_t exit_status;    /* of the last W2S_TRAP_EXIT */
  uintptr_t trap_pc;       /* an address in the code that trapped */
  uintptr_t trap_address;  /* the address that faulted, or 0 */

  /* State of the fault handler when it hands a signal on (fault.c). */
  uint32_t chain_depth;
  uint32_t repeats;
  uintptr_t last_pc;
  uintptr_t last_address;
  uint64_t last_ticks;
};

extern W2SI_THREAD_LOCAL struct w2si_thread w2si_thread;

/* Learn the stack's bounds and provide an alternate signal stack. Returns 0 if the bounds cannot be known. */
int w2si_thread_prepare(struct w2si_thread *thread);

#endif
