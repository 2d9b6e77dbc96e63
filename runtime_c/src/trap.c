/* Activations: entering wasm, leaving it, traps, host calls. */
#define _GNU_SOURCE 1

#include "trap.h"

#include <stdio.h>
#include <stdlib.h>

#include "errors.h"
#include "exception.h"
#include "fault.h"
#include "fiber.h"
#include "module.h"

W2SI_THREAD_LOCAL struct w2si_thread w2si_thread;

/* What sigsetjmp returns the second time. */
enum { TRAPPED = 1, UNWOUND = 2 };

_Noreturn void w2si_trap(struct w2si_store *store, uint32_t code, uintptr_t pc, uintptr_t address) {
  struct w2si_thread *thread = &w2si_thread;
  struct w2si_activation *top = store->top;
  if (!top || thread->in_wasm != store) {
    fputs("wasm2so: a trap outside of any call\n", stderr);
    abort();
  }
  thread->in_wasm = NULL;
  atomic_signal_fence(memory_order_seq_cst);
  thread->trap = code;
  thread->trap_pc = pc;
  thread->trap_address = address;
  if (code != W2S_TRAP_EXIT) w2si_trace_take(&store->trace, pc, top);
  siglongjmp(top->buf, TRAPPED);
}

void w2si_builtin_trap(struct w2s_vm *vm, uint32_t code) {
  struct w2s_store *store = ((struct w2s_vm_head *)vm)->store;
  w2si_trap(w2si_store(store), code, (uintptr_t)__builtin_return_address(0), 0);
}

_Noreturn void w2si_unwind_exception(struct w2si_store *store, uintptr_t pc) {
  struct w2si_activation *top = store->top;
  if (!top || !store->pub.pending) {
    fputs("wasm2so: unwinding without an exception\n", stderr);
    abort();
  }
  if (top->catch_point) siglongjmp(top->catch_point->buf, UNWOUND);
  w2si_thread.in_wasm = NULL;
  atomic_signal_fence(memory_order_seq_cst);
  w2si_trace_take(&store->trace, pc, top);
  siglongjmp(top->buf, UNWOUND);
}

/* Frames with a tail call to make may be gone. */
static void forget_tail_call(struct w2si_store *store) {
  store->pub.tail.run = NULL;
  store->pub.tail.direct = NULL;
}

/* The segment register, if it matters to an instance of the store; else NULL. */
static inline uint8_t *segment_of(const struct w2si_store *store) {
  return store->pub.segmented ? w2si_segment() : NULL;
}

/* The segment register as wasm left it: the host may have run code of other instances meanwhile. */
static inline void set_segment(uint8_t *segment) {
  if (segment && w2si_segment() != segment) w2si_set_segment(segment);
}

/* What a function's code expects to find there. */
static inline uint8_t *segment_for(const struct w2s_funcref *func) {
  return ((const struct w2s_vm_head *)(const void *)func->vm)->segment;
}

void w2si_call_catching(struct w2si_store *store, struct w2s_funcref *func, w2s_trampoline trampoline,
                        union w2s_value *values) {
  struct w2si_catch_point point;
  point.prev = store->top->catch_point;
  point.segment = segment_of(store);
  set_segment(segment_for(func));
  store->top->catch_point = &point;
  if (sigsetjmp(point.buf, 0) == 0) {
    trampoline(func, values);
  } else {
    forget_tail_call(store);
  }
  set_segment(point.segment);
  store->top->catch_point = point.prev;
}

/* Give the host its own floating-point mode back. */
static void restore_fp_control(const struct w2si_activation *activation) {
  if (activation->fp_control != W2SI_FP_DEFAULT) w2si_set_fp_control(activation->fp_control);
}

/* Note the host's floating-point mode and set the one that wasm's arithmetic is defined for. */
static void set_wasm_fp_control(struct w2si_activation *activation) {
  activation->fp_control = w2si_fp_control();
  if (activation->fp_control != W2SI_FP_DEFAULT) w2si_set_fp_control(W2SI_FP_DEFAULT);
}

struct w2si_pause w2si_leave_wasm(struct w2si_store *store) {
  const struct w2si_pause pause = {.activation = store->top, .limit = store->pub.stack_limit,
                                   .segment = segment_of(store)};
  w2si_thread.in_wasm = NULL;
  atomic_signal_fence(memory_order_seq_cst);
  restore_fp_control(pause.activation);
  return pause;
}

void w2si_return_to_wasm(struct w2si_store *store, const struct w2si_pause *pause) {
  set_segment(pause->segment);
  set_wasm_fp_control(pause->activation);
  store->top = pause->activation;
  store->pub.stack_limit = pause->limit;
  atomic_signal_fence(memory_order_seq_cst);
  w2si_thread.in_wasm = store;
}

/* What the failure of a host function means. */
static uint32_t trap_of(const struct w2s_funcref *func, int32_t result) {
  const int is_wasi = (func->flags & W2SI_FUNC_KIND) == W2SI_FUNC_WASI;
  return result < 0 && is_wasi ? (uint32_t)(-1 - result) : W2S_TRAP_HOST;
}

void w2si_call_host(struct w2s_host_func *func, union w2s_value *values, uintptr_t pc) {
  struct w2si_store *store = w2si_store(func->head.store);
  const struct w2si_pause pause = w2si_leave_wasm(store);
  int32_t result = store->fiber ? w2si_fiber_call_host(store, func, values) : func->call(func, values);
  w2si_return_to_wasm(store, &pause);
  if (result == W2S_HOST_THREW && store->pub.pending) return;
  if (store->pub.pending) w2si_exception_drop_pending(store);
  if (result != W2S_HOST_OK) w2si_trap(store, trap_of(&func->funcref, result), pc, 0);
}

void w2si_builtin_call_host(struct w2s_host_func *func, union w2s_value *values) {
  struct w2si_store *store = w2si_store(func->head.store);
  w2si_call_host(func, values, (uintptr_t)__builtin_return_address(0));
  if (store->pub.pending) w2si_unwind_exception(store, (uintptr_t)__builtin_return_address(0));
}

struct poll {
  struct w2si_store *store;
  int32_t failed;
};

static void run_poll(void *env) {
  struct poll *poll = env;
  poll->failed = poll->store->poll(&poll->store->pub);
}

int32_t w2si_poll_host(struct w2si_store *store) {
  struct w2si_activation *activation = store->top;
  uint8_t *limit = store->pub.stack_limit;
  uint8_t *segment = segment_of(store);
  if (!store->poll) return 0;
  struct poll poll = {.store = store};
  restore_fp_control(activation);
  w2si_on_host_stack(store, run_poll, &poll);
  set_wasm_fp_control(activation);
  set_segment(segment);
  store->top = activation;
  store->pub.stack_limit = limit;
  return poll.failed;
}

static int32_t stack_exhausted(struct w2si_thread *thread) {
  thread->trap = W2S_TRAP_STACK_OVERFLOW;
  thread->trap_pc = 0;
  thread->trap_address = 0;
  return W2S_ERR_TRAP;
}

/* The outermost entry: compute how deep the stack may grow, and see to the fault handler. */
static int32_t enter_outermost(struct w2si_store *store, struct w2si_thread *thread, uint8_t *frame) {
  if (!thread->ready || frame < thread->stack_low || frame >= thread->stack_high) {
    int known = w2si_thread_prepare(thread);
    if (!known || frame >= thread->stack_high) {
      thread->usage = W2SI_USAGE_STACK;
      return W2S_ERR_USAGE;
    }
    if (frame < thread->stack_low) {
      store->trace.n = 0;
      return stack_exhausted(thread);
    }
  }
  uint64_t room = (uint64_t)(frame - thread->stack_low);
  uint64_t budget = store->limits.stack_bytes;
  store->pub.stack_limit = frame - (budget < room ? budget : room);
  thread->chain_depth = 0;
  if (atomic_load_explicit(&store->interruption.is_asked, memory_order_relaxed) && !store->caller) {
    w2si_forget_interrupt(store); /* it was for nobody; but a host function's caller may be on a fiber */
  }
  store->pub.tail.direct = NULL; /* a trap may have left it */
  if (store->n_guarded) w2si_fault_recheck(thread);
  return W2S_OK;
}

/* Run the trampoline with a place to come back to on a trap. In a function of its own, whose locals all keep
 * their values, because sigsetjmp returns twice. The signal mask is not saved: the handler blocks nothing. */
static W2SI_NOINLINE int32_t run(struct w2si_activation *activation, struct w2s_funcref *func,
                                 w2s_trampoline trampoline, union w2s_value *values, struct w2si_store *store) {
  switch (sigsetjmp(activation->buf, 0)) {
    case 0: break;
    case UNWOUND: return W2S_ERR_EXCEPTION;
    default: return W2S_ERR_TRAP;
  }
  w2si_thread.in_wasm = store;
  atomic_signal_fence(memory_order_seq_cst);
  trampoline(func, values);
  atomic_signal_fence(memory_order_seq_cst);
  w2si_thread.in_wasm = NULL;
  return W2S_OK;
}

/* The call did not return: see to what it leaves behind. */
static void settle(struct w2si_store *store, int32_t status) {
  forget_tail_call(store);
  if (status == W2S_ERR_EXCEPTION) {
    w2si_exception_note_uncaught(store);
  } else if (store->pub.pending) {
    w2si_exception_drop_pending(store);
  }
}

/* Is there room on the thread's stack? */
static inline int32_t enter(struct w2si_store *store, struct w2si_thread *thread, uint8_t *frame) {
  if (!store->top) return enter_outermost(store, thread, frame);
  store->trace.n = 0;
  return frame < store->pub.stack_limit ? stack_exhausted(thread) : W2S_OK; /* wasm -> host -> wasm without end */
}

static inline int32_t call_activated(struct w2si_store *store, struct w2si_thread *thread, struct w2s_funcref *func,
                                     w2s_trampoline trampoline, union w2s_value *values, void *cookie) {
  struct w2si_activation activation;
  activation.prev = store->top;
  activation.outer = thread->in_wasm;
  activation.cookie = cookie;
  set_wasm_fp_control(&activation);
  set_segment(segment_for(func));
  store->top = &activation;
  activation.catch_point = NULL;
  activation.pending = store->pub.pending;
  store->pub.pending = NULL;
  int32_t status = run(&activation, func, trampoline, values, store);
  if (status != W2S_OK) settle(store, status);
  store->pub.pending = activation.pending;
  store->top = activation.prev;
  if (!store->top && (store->kept.n || store->lasting.n)) w2si_exceptions_end(store);
  thread->in_wasm = activation.outer;
  restore_fp_control(&activation);
  return status;
}

int32_t w2s_call_prepared(struct w2s_store *pub, struct w2s_funcref *func, w2s_trampoline trampoline,
                          union w2s_value *values, void *cookie) {
  struct w2si_store *store = w2si_store(pub);
  struct w2si_thread *thread = &w2si_thread;
  uint8_t *frame = w2si_frame();
  enum w2si_claim claim = w2si_claim(store, thread);
  if (claim == W2SI_CLAIM_NONE) return W2S_ERR_USAGE;
  int32_t status = enter(store, thread, frame);
  if (status == W2S_OK) status = call_activated(store, thread, func, trampoline, values, cookie);
  w2si_unclaim(store, claim);
  return status;
}

int32_t w2si_enter(struct w2si_store *store, struct w2si_thread *thread, uint8_t *frame) {
  return enter(store, thread, frame);
}

int32_t w2si_call_activated(struct w2si_store *store, struct w2s_funcref *func, w2s_trampoline trampoline,
                            union w2s_value *values, void *cookie) {
  return call_activated(store, &w2si_thread, func, trampoline, values, cookie);
}

w2s_trampoline w2s_func_trampoline(const struct w2s_funcref *func) {
  if ((func->flags & W2SI_FUNC_KIND) != W2SI_FUNC_WASM) return NULL;
  const struct w2s_vm_head *head = (const struct w2s_vm_head *)func->vm;
  return w2si_instance_descriptor(head->instance)->trampolines[func->flags >> W2SI_FUNC_TYPE_SHIFT];
}

uint32_t w2s_func_traits(const struct w2s_funcref *func) {
  return func->flags >> W2SI_FUNC_TRAITS_SHIFT & W2SI_FUNC_TRAITS;
}

void w2s_call_total(struct w2s_funcref *func, w2s_trampoline trampoline, union w2s_value *values) {
  const uint32_t fp_control = w2si_fp_control();
  if (fp_control != W2SI_FP_DEFAULT) w2si_set_fp_control(W2SI_FP_DEFAULT);
  trampoline(func, values);
  if (fp_control != W2SI_FP_DEFAULT) w2si_set_fp_control(fp_control);
}

/* A host function called by the host: no wasm frame is involved, so there is nothing to unwind. */
static int32_t call_host_directly(struct w2si_store *store, struct w2s_funcref *func, union w2s_value *values) {
  struct w2s_host_func *host = (struct w2s_host_func *)func->vm;
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return W2S_ERR_USAGE;
  struct w2s_exception *pending = store->pub.pending;
  struct w2s_fiber *caller = store->caller;
  store->pub.pending = NULL;
  store->caller = NULL; /* whoever called us is not the function's caller */
  int32_t result = host->call(host, values);
  store->caller = caller;
  int32_t status = result == W2S_HOST_OK ? W2S_OK : W2S_ERR_TRAP;
  if (result == W2S_HOST_THREW && store->pub.pending) status = W2S_ERR_EXCEPTION;
  if (status == W2S_ERR_TRAP) w2si_thread.trap = trap_of(func, result);
  if (status != W2S_OK) store->trace.n = 0;
  if (status != W2S_OK) settle(store, status);
  store->pub.pending = pending;
  w2si_unclaim(store, claim);
  return status;
}

int32_t w2s_call(struct w2s_store *store, struct w2s_funcref *func, union w2s_value *values,
                 struct w2s_error *error) {
  w2si_ok(error);
  if (!func) return w2si_fail(error, W2S_ERR_USAGE, "the function is null");
  if (((struct w2s_vm_head *)func->vm)->store != store) {
    w2si_thread.usage = W2SI_USAGE_FOREIGN;
    return w2s_call_error(W2S_ERR_USAGE, error);
  }
  w2s_trampoline trampoline = w2s_func_trampoline(func);
  int32_t status = trampoline ? w2s_call_prepared(store, func, trampoline, values, NULL)
                              : call_host_directly(w2si_store(store), func, values);
  return status == W2S_OK ? W2S_OK : w2s_call_error(status, error);
}

int32_t w2s_call_error(int32_t status, struct w2s_error *error) {
  if (status == W2S_ERR_TRAP) return w2si_fail_trap(error, w2si_thread.trap);
  if (status == W2S_ERR_USAGE) return w2si_fail_usage(error);
  if (status == W2S_ERR_EXCEPTION) return w2si_fail(error, status, "unhandled exception");
  w2si_ok(error);
  return status;
}

void **w2s_store_cookie(struct w2s_store *store) {
  struct w2si_activation *top = w2si_store(store)->top;
  return top ? &top->cookie : NULL;
}

struct w2si_activation *w2si_current_activation(struct w2s_store *store) { return w2si_store(store)->top; }

struct w2si_trace *w2s_store_trace(struct w2s_store *store) { return &w2si_store(store)->trace; }

uint32_t w2s_last_trap(void) { return w2si_thread.trap; }

uint32_t w2s_last_exit_status(void) { return w2si_thread.exit_status; }

uintptr_t w2s_last_trap_pc(void) { return w2si_thread.trap_pc; }
