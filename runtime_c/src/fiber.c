/* Fibers: calls with a stack of their own.
 *
 * The embedder resumes a fiber from the host's stack and is back when the call has ended or hangs in a host function that
 * has to wait for something. In between, whatever host code the fiber needs runs on the host's stack, inside of
 * w2s_fiber_resume: the fiber switches there with a request and goes on with the answer. So only compiled code and the
 * runtime's own functions run on a fiber's stack; nothing on it needs cleaning up, and a fiber that is not wanted any more
 * is forgotten with its stack. */
#define _GNU_SOURCE 1

#include "fiber.h"

#include <stdlib.h>

#include "errors.h"
#include "exception.h"
#include "trap.h"

enum { RED_ZONE = 256 << 10 }; /* as on threads' stacks, see stack.c */

/* ---- the part of the store that goes with the stack ------------------------------------------------------------ */

static void exchange(struct w2si_store *store, struct w2si_context *context) {
  const struct w2si_context now = {.fiber = store->fiber, .top = store->top, .stack_limit = store->pub.stack_limit,
                                   .pending = store->pub.pending, .tail = store->pub.tail, .kept = store->kept};
  store->fiber = context->fiber;
  store->top = context->top;
  store->pub.stack_limit = context->stack_limit;
  store->pub.pending = context->pending;
  store->pub.tail = context->tail;
  store->kept = context->kept;
  *context = now;
}

/* ---- on the fiber's stack -------------------------------------------------------------------------------------- */

/* Let the host go on until it has done `run(env)`. */
static void request(struct w2s_fiber *fiber, void (*run)(void *env), void *env) {
  fiber->run = run;
  fiber->env = env;
  w2si_switch_to_host(&fiber->where, 0);
}

void w2si_on_host_stack(struct w2si_store *store, void (*run)(void *env), void *env) {
  if (store->fiber) {
    request(store->fiber, run, env);
  } else {
    run(env);
  }
}

/* On the host's stack. */
static void call_host(void *env) {
  struct w2s_fiber *fiber = env;
  fiber->host_result = fiber->host->call(fiber->host, fiber->host_values);
}

int32_t w2si_fiber_call_host(struct w2si_store *store, struct w2s_host_func *func, union w2s_value *values) {
  struct w2s_fiber *fiber = store->fiber;
  fiber->host = func;
  fiber->host_values = values;
  request(fiber, call_host, fiber);
  fiber->host = NULL;
  return fiber->host_result;
}

/* To be found in `run` of a fiber that yields. */
static void yield(void *env) { (void)env; }

int32_t w2si_fiber_yield(struct w2si_store *store) {
  struct w2s_fiber *fiber = store->fiber;
  const struct w2si_pause pause = w2si_leave_wasm(store);
  request(fiber, yield, NULL);
  w2si_return_to_wasm(store, &pause);
  return fiber->host_result;
}

/* The array call of a host function, from a call that began on a fiber. */
static void enter_host(struct w2s_funcref *callee, union w2s_value *values) {
  w2si_builtin_call_host((struct w2s_host_func *)callee->vm, values);
}

void w2si_fiber_main(struct w2s_fiber *fiber) {
  w2si_switch_arrived(&fiber->where);
  fiber->status = w2si_call_activated(fiber->store, fiber->func, fiber->trampoline ? fiber->trampoline : enter_host,
                                      fiber->values, NULL);
  fiber->run = NULL;
  w2si_switch_to_host(&fiber->where, 1);
  abort();
}

int w2si_is_below_fiber(const struct w2si_store *store, uintptr_t address) {
  const struct w2s_fiber *fiber = store->fiber;
  return fiber && address < (uintptr_t)fiber->stack.low && (uintptr_t)fiber->stack.low - address <= W2SI_GUARD_BYTES;
}

/* ---- ending ---------------------------------------------------------------------------------------------------- */

static void unlink_fiber(struct w2si_store *store, struct w2s_fiber *fiber) {
  if (fiber->prev) {
    fiber->prev->next = fiber->next;
  } else {
    store->fibers = fiber->next;
  }
  if (fiber->next) fiber->next->prev = fiber->prev;
  store->n_fibers--;
}

/* The fiber runs no more: give back what it has of its store, which is claimed. */
static void end(struct w2s_fiber *fiber) {
  struct w2si_store *store = fiber->store;
  fiber->state = W2SI_FIBER_ENDED;
  fiber->store = NULL;
  if (fiber->context.pending) w2si_exception_release(store, fiber->context.pending);
  w2si_kept_free(store, &fiber->context.kept);
  w2si_fiber_stack_give(&fiber->stack);
  unlink_fiber(store, fiber);
  if (!store->top && store->lasting.n) w2si_exceptions_end(store);
}

/* Fibers that were deleted while another thread worked in their store. */
static void reap(struct w2si_store *store) {
  struct w2s_fiber *fiber = atomic_load_explicit(&store->doomed, memory_order_relaxed);
  if (!fiber) return;
  fiber = atomic_exchange(&store->doomed, NULL);
  while (fiber) {
    struct w2s_fiber *next = fiber->next_doomed;
    if (fiber->store) end(fiber);
    free(fiber);
    fiber = next;
  }
}

void w2si_fibers_end(struct w2si_store *store) {
  reap(store);
  while (store->fibers) end(store->fibers);
}

int32_t w2s_fiber_delete(struct w2s_fiber *fiber) {
  if (!fiber) return W2S_OK;
  if (fiber->state == W2SI_FIBER_RUNNING) return W2S_ERR_USAGE;
  struct w2si_store *store = fiber->store;
  if (store) {
    enum w2si_claim claim = w2si_claim(store, &w2si_thread);
    if (claim == W2SI_CLAIM_NONE) {
      fiber->next_doomed = atomic_load(&store->doomed);
      while (!atomic_compare_exchange_weak(&store->doomed, &fiber->next_doomed, fiber)) continue;
      return W2S_OK;
    }
    end(fiber);
    w2si_unclaim(store, claim);
  }
  free(fiber);
  return W2S_OK;
}

/* ---- on the host's stack --------------------------------------------------------------------------------------- */

/* Everything but the stack, which the first resumption takes. */
struct w2s_fiber *w2s_fiber_new(struct w2s_store *pub, struct w2s_funcref *func, union w2s_value *values,
                                struct w2s_error *error) {
  struct w2si_store *store = w2si_store(pub);
  w2si_ok(error);
  if (!func || ((struct w2s_vm_head *)func->vm)->store != pub) {
    w2si_fail(error, W2S_ERR_USAGE, func ? "the function belongs to another store" : "the function is null");
    return NULL;
  }
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) {
    w2si_fail_usage(error);
    return NULL;
  }
  reap(store);
  struct w2s_fiber *fiber = NULL;
  if (store->n_fibers >= store->limits.fibers) {
    w2si_fail(error, W2S_ERR_RESOURCE, "the store's limit of %llu calls on fibers is reached",
              (unsigned long long)store->limits.fibers);
  } else if (!(fiber = calloc(1, sizeof *fiber))) {
    w2si_fail(error, W2S_ERR_RESOURCE, "out of memory for a fiber");
  } else {
    fiber->store = store;
    fiber->func = func;
    fiber->trampoline = w2s_func_trampoline(func);
    fiber->values = values;
    fiber->next = store->fibers;
    if (fiber->next) fiber->next->prev = fiber;
    store->fibers = fiber;
    store->n_fibers++;
  }
  w2si_unclaim(store, claim);
  return fiber;
}

/* Take a stack and lay it out for the call. */
static int32_t prepare(struct w2s_fiber *fiber) {
  const uint64_t budget = fiber->store->limits.stack_bytes;
  const uint64_t largest = (uint64_t)1 << 40;
  if (!w2si_switch_works()) return W2S_ERR_USAGE;
  if (!w2si_fiber_stack_take(&fiber->stack, (budget < largest ? budget : largest) + RED_ZONE)) return W2S_ERR_RESOURCE;
  w2si_switch_init(&fiber->where, fiber->stack.low, fiber->stack.high, fiber);
  fiber->thread = &w2si_thread;
  fiber->context = (struct w2si_context){.fiber = fiber, .stack_limit = fiber->stack.low + RED_ZONE};
  return W2S_OK;
}

/* Run the fiber and what it asks of the host, until it has ended or hangs in a host function. */
static int32_t run(struct w2si_store *store, struct w2s_fiber *fiber) {
  struct w2s_fiber *outer = store->caller;
  for (;;) {
    exchange(store, &fiber->context);
    w2si_switch_to_fiber(&fiber->where);
    exchange(store, &fiber->context);
    if (!fiber->run) return fiber->status;
    if (fiber->run == yield) return W2S_SUSPENDED;
    struct w2s_exception *pending = store->pub.pending;
    store->pub.pending = fiber->context.pending;
    store->caller = fiber->host ? fiber : NULL;
    fiber->run(fiber->env);
    store->caller = outer;
    fiber->context.pending = store->pub.pending;
    store->pub.pending = pending;
    if (fiber->host && fiber->host_result == W2S_HOST_SUSPENDED) return W2S_SUSPENDED;
  }
}

static int32_t refuse(struct w2s_error *error, const char *what) { return w2si_fail(error, W2S_ERR_USAGE, "%s", what); }

static int32_t check_state(const struct w2s_fiber *fiber, struct w2s_error *error) {
  switch (fiber->state) {
    case W2SI_FIBER_NEW: return W2S_OK;
    case W2SI_FIBER_RUNNING: return refuse(error, "the call is running");
    case W2SI_FIBER_ENDED: return refuse(error, "the call has ended");
    default: break;
  }
  if (fiber->thread != &w2si_thread) return refuse(error, "the call was suspended by another thread");
  return W2S_OK;
}

int32_t w2s_fiber_resume(struct w2s_fiber *fiber, int32_t host_result, struct w2s_error *error) {
  uint8_t *frame = w2si_frame();
  struct w2si_thread *thread = &w2si_thread;
  w2si_ok(error);
  int32_t status = check_state(fiber, error);
  if (status != W2S_OK) return status;
  struct w2si_store *store = fiber->store;
  enum w2si_claim claim = w2si_claim(store, thread);
  if (claim == W2SI_CLAIM_NONE) return w2si_fail_usage(error);
  reap(store);
  status = w2si_enter(store, thread, frame);
  if (status == W2S_OK && fiber->state == W2SI_FIBER_NEW) {
    status = prepare(fiber);
    if (status == W2S_ERR_RESOURCE) w2si_fail(error, status, "no room for a stack");
    if (status == W2S_ERR_USAGE) refuse(error, "this thread has a shadow stack, so calls cannot be suspended");
  } else if (status != W2S_OK) {
    w2s_call_error(status, error);
    if (status == W2S_ERR_TRAP) end(fiber);
  }
  if (status == W2S_OK) {
    fiber->state = W2SI_FIBER_RUNNING;
    fiber->host_top = store->top;
    fiber->host_result = host_result == W2S_HOST_SUSPENDED ? W2S_HOST_FAILED : host_result;
    status = run(store, fiber);
    fiber->state = W2SI_FIBER_SUSPENDED;
    if (status != W2S_SUSPENDED) end(fiber);
    if (status != W2S_OK && status != W2S_SUSPENDED) w2s_call_error(status, error);
  }
  w2si_unclaim(store, claim);
  return status;
}

struct w2s_host_func *w2s_fiber_host(const struct w2s_fiber *fiber, union w2s_value **values) {
  if (fiber->state != W2SI_FIBER_SUSPENDED) return NULL;
  *values = fiber->host_values;
  return fiber->host;
}

int32_t w2s_fiber_throw(struct w2s_fiber *fiber, struct w2s_tag *tag, const union w2s_value *values, uint64_t origin) {
  if (fiber->state != W2SI_FIBER_SUSPENDED) return W2S_HOST_FAILED;
  struct w2si_store *store = fiber->store;
  enum w2si_claim claim = w2si_claim(store, &w2si_thread);
  if (claim == W2SI_CLAIM_NONE) return W2S_HOST_FAILED;
  struct w2s_exception *pending = store->pub.pending;
  store->pub.pending = fiber->context.pending;
  int32_t result = w2s_host_throw(&store->pub, tag, values, origin);
  fiber->context.pending = store->pub.pending;
  store->pub.pending = pending;
  w2si_unclaim(store, claim);
  return result;
}

int32_t w2s_may_suspend(const struct w2s_store *pub) {
  const struct w2si_store *store = w2si_const_store(pub);
  return store->caller && store->caller->host_top == store->top;
}
