/* Where wasm code was when it stopped. */
#ifndef W2SI_BACKTRACE_H
#define W2SI_BACKTRACE_H

#include <stdint.h>

enum { W2SI_MAX_TRACE = 48 };

/* Addresses in the code of the frames of an activation, innermost first; host stubs and the runtime's own among them. */
struct w2si_trace {
  uint32_t n;
  uint32_t is_cut; /* there are more */
  uintptr_t pcs[W2SI_MAX_TRACE];
};

/* Note the frames from the one at `pc` (0: none) outwards to the activation at `end`. Signal-safe. */
void w2si_trace_take(struct w2si_trace *trace, uintptr_t pc, const void *end);

#endif
