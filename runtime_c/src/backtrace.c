/* Backtraces: the unwinder reads the tables that every object has for its code, so calls that do not trap pay nothing. It
 * runs before the frames are left, also in the fault handler: the thread is in wasm code then and holds no lock, and the
 * C library finds the tables without taking one.
 */
#define _GNU_SOURCE 1

#include "backtrace.h"

#include <unwind.h>

/* Standalone programs may be linked without an unwinder. */
extern _Unwind_Reason_Code _Unwind_Backtrace(_Unwind_Trace_Fn, void *) __attribute__((weak));

enum { MAX_SKIPPED = 16 }; /* the runtime's frames before the one that trapped */

struct walk {
  struct w2si_trace *trace;
  uintptr_t pc;
  uintptr_t end;
  uint32_t n_skipped;
  int is_there;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *data) {
  struct walk *walk = data;
  struct w2si_trace *trace = walk->trace;
  int is_exact = 0;
  const uintptr_t pc = (uintptr_t)_Unwind_GetIPInfo(context, &is_exact);
  if (!walk->is_there && pc != walk->pc) return ++walk->n_skipped < MAX_SKIPPED ? _URC_NO_REASON : _URC_END_OF_STACK;
  walk->is_there = 1;
  if ((uintptr_t)_Unwind_GetCFA(context) > walk->end) return _URC_END_OF_STACK;
  if (trace->n == W2SI_MAX_TRACE) {
    trace->is_cut = 1;
    return _URC_END_OF_STACK;
  }
  trace->pcs[trace->n++] = is_exact ? pc : pc - 1; /* a return address is behind the call */
  return _URC_NO_REASON;
}

void w2si_trace_take(struct w2si_trace *trace, uintptr_t pc, const void *end) {
  struct walk walk = {.trace = trace, .pc = pc, .end = (uintptr_t)end};
  trace->n = 0;
  trace->is_cut = 0;
  if (pc && _Unwind_Backtrace) _Unwind_Backtrace(step, &walk);
}
