/* Exceptions (spec: Control Instructions, throw, throw_ref and try_table).
 *
 * A thrown exception is pending in the store until it is caught. The code of catching modules tests for it after each
 * call that may leave one, and returns or goes to a handler. */
#ifndef WASM2SO_EXCEPTION_H
#define WASM2SO_EXCEPTION_H

#include "num.h"

W2S_INLINE struct w2s_store *w2s_store_of(w2s_vm *vm) { return ((struct w2s_vm_head *)(void *)vm)->store; }

/* throw: a new exception, whose values the caller fills in. */
W2S_INLINE struct w2s_exception *w2s_exception_new(w2s_vm *vm, struct w2s_tag *tag) {
  struct w2s_store *store = w2s_store_of(vm);
  struct w2s_exception *exception = store->spare;
  if (W2S_UNLIKELY(exception == 0 || tag->n_values > W2S_EXCEPTION_SLOTS))
    return ((struct w2s_vm_head *)(void *)vm)->builtins->exception_new(vm, tag);
  store->spare = exception->next;
  exception->tag = tag;
  exception->refs = 1;
  exception->origin = 0;
  return exception;
}

/* throw: the exception is complete. */
W2S_INLINE void w2s_throw(w2s_vm *vm, struct w2s_exception *exception) { w2s_store_of(vm)->pending = exception; }

/* throw_ref, rethrow: a caught exception again; null traps. */
W2S_INLINE void w2s_rethrow(w2s_vm *vm, uint32_t handle) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->exception_rethrow(vm, handle);
}

/* catch, catch_all: the pending exception's values have been read; nothing refers to it any more. */
W2S_INLINE void w2s_caught(w2s_vm *vm) {
  struct w2s_store *store = w2s_store_of(vm);
  struct w2s_exception *exception = store->pending;
  store->pending = 0;
  if (W2S_UNLIKELY(exception->refs != 1 || exception->n_slots != W2S_EXCEPTION_SLOTS)) {
    ((struct w2s_vm_head *)(void *)vm)->builtins->exception_release(vm, exception);
  } else {
    exception->next = store->spare;
    store->spare = exception;
  }
}

/* catch_ref: the pending exception as a handle of the calling function's frame, which still uses those in `live`. The
 * function must have a frame of its own: W2S_OWN_FRAME. */
W2S_INLINE uint32_t w2s_keep(w2s_vm *vm, const uint32_t *live, uint32_t n_live) {
  const void *frame = __builtin_frame_address(0);
  return ((struct w2s_vm_head *)(void *)vm)->builtins->exception_keep(vm, frame, live, n_live);
}

/* catch_ref where the handle may leave the function. */
W2S_INLINE uint32_t w2s_keep_lasting(w2s_vm *vm) {
  return ((struct w2s_vm_head *)(void *)vm)->builtins->exception_keep(vm, 0, 0, 0);
}

/* Leave with an exception pending, out of code whose callers do not test for it. */
W2S_COLD static void w2s_unwind(w2s_vm *vm) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->unwind(vm);
  __builtin_trap();
}

/* A callee's entry that returns with exceptions pending: `raw` of what this returns. */
W2S_INLINE struct w2s_funcref *w2s_raw(w2s_vm *vm, struct w2s_funcref *callee) {
  if (W2S_LIKELY(callee->raw != 0)) return callee;
  return ((struct w2s_vm_head *)(void *)vm)->builtins->bridge(vm, callee);
}

#endif
