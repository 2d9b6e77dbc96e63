/* Traps and host calls. */
#ifndef W2SI_TRAP_H
#define W2SI_TRAP_H

#include "enter.h"

/* Unwind to the store's innermost activation. The thread must be in wasm code of the store, and nothing between
 * here and there may need cleaning up. */
_Noreturn void w2si_trap(struct w2si_store *store, uint32_t code, uintptr_t pc, uintptr_t address);
/* For runtime functions that wasm calls and that run as host code: between the two nothing is a guest's fault, and the
 * host may call into the store again. */
struct w2si_pause {
  struct w2si_activation *activation;
  uint8_t *limit;
  uint8_t *segment; /* what the segment register held; NULL if no instance of the store needs it */
};
struct w2si_pause w2si_leave_wasm(struct w2si_store *store);
void w2si_return_to_wasm(struct w2si_store *store, const struct w2si_pause *pause);
/* An exception is pending: unwind to the innermost catch point, or to the store's innermost activation. As w2si_trap. */
_Noreturn void w2si_unwind_exception(struct w2si_store *store, uintptr_t pc);
/* From wasm: run a host function. Traps at `pc` if it failed; returns with an exception pending if it threw. */
void w2si_call_host(struct w2s_host_func *func, union w2s_value *values, uintptr_t pc);
/* From wasm: an array call that an exception leaves by returning, with the exception pending. */
void w2si_call_catching(struct w2si_store *store, struct w2s_funcref *func, w2s_trampoline trampoline,
                        union w2s_value *values);
/* The parts of w2s_call_prepared. The store is claimed. Is there room for a call on the thread's stack, at this frame?
 * W2S_OK, or why not. Then the call itself, on any stack. */
int32_t w2si_enter(struct w2si_store *store, struct w2si_thread *thread, uint8_t *frame);
int32_t w2si_call_activated(struct w2si_store *store, struct w2s_funcref *func, w2s_trampoline trampoline,
                            union w2s_value *values, void *cookie);
/* w2s_builtins.trap and .call_host: the latter unwinds if the host function threw. */
void w2si_builtin_trap(struct w2s_vm *vm, uint32_t code);
void w2si_builtin_call_host(struct w2s_host_func *func, union w2s_value *values);
/* Let the embedder look after things while code of the store, which the thread has left, waits. Non-zero: it failed. */
int32_t w2si_poll_host(struct w2si_store *store);

#endif
