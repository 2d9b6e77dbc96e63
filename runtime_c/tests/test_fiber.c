/* Fibers: suspending and going on, in any order; traps and overflow on them; what the host sees; ending them early. */
#define _GNU_SOURCE 1

#include <pthread.h>

#include "../src/arch.h"
#include "../src/enter.h"
#include "../src/fiber.h"
#include "guest.h"

enum { N_CALLS = 200, N_ROUNDS = 10 };

/* What the host function does is told by its argument; ORDER_SUSPEND and all numbers beyond suspend. */
enum order { ORDER_OK, ORDER_FAIL, ORDER_TRAP, ORDER_RECURSE, ORDER_SYNC_SUSPEND, ORDER_DIRECT, ORDER_OTHER, ORDER_DELETE,
             ORDER_FIBERS, ORDER_SUSPEND };

struct env {
  struct w2s_store *store;
  struct w2s_instance *instance;
  struct w2s_module *module;
  struct w2s_fiber *current; /* the fiber that is being resumed */
  struct w2s_fiber *other;   /* one to resume from a host function */
  const uint8_t *resumer;    /* a frame of the resumer */
  uint32_t fp_control;
  int n_refused;
};

struct call {
  struct w2s_fiber *fiber;
  union w2s_value values[2];
};

static struct call *begin(struct env *env, struct call *call, uint32_t nth, uint32_t argument) {
  struct w2s_error error;
  call->values[0].i32 = argument;
  call->values[1].i32 = 0;
  call->fiber = w2s_fiber_new(env->store, guest_func(env->instance, nth), call->values, &error);
  CHECK(call->fiber && error.status == W2S_OK);
  return call;
}

/* The result, -1 - trap code, or SUSPENDED. */
enum { SUSPENDED = -1000 };

static int64_t resume(struct env *env, struct call *call, int32_t host_result) {
  struct w2s_error error;
  struct w2s_fiber *outer = env->current;
  const uint8_t *resumer = env->resumer;
  env->current = call->fiber;
  env->resumer = w2si_frame();
  int32_t status = w2s_fiber_resume(call->fiber, host_result, &error);
  env->current = outer;
  env->resumer = resumer;
  CHECK(error.status == status || status == W2S_SUSPENDED);
  CHECK(w2si_thread.in_wasm == NULL);
  if (status == W2S_SUSPENDED) return SUSPENDED;
  if (status == W2S_OK) return call->values[0].i32;
  CHECK(status == W2S_ERR_TRAP && strcmp(error.message, w2s_trap_message(error.trap)) == 0);
  return -1 - (int64_t)error.trap;
}

static int64_t answer(struct env *env, struct call *call, uint32_t result) {
  union w2s_value *values = NULL;
  CHECK(w2s_fiber_host(call->fiber, &values) != NULL);
  values[0].i32 = result;
  return resume(env, call, W2S_HOST_OK);
}

static void end(struct call *call) { CHECK(w2s_fiber_delete(call->fiber) == W2S_OK); }

static int64_t whole(struct env *env, uint32_t nth, uint32_t argument) {
  struct call call;
  int64_t result = resume(env, begin(env, &call, nth, argument), 0);
  end(&call);
  return result;
}

static int32_t host(struct w2s_host_func *self, union w2s_value *values) {
  struct env *env = self->env;
  uint32_t order = values[0].i32;
  int on_fiber = env->current != NULL;
  struct w2s_error error;
  struct call call;
  int64_t inner = 0;
  env->fp_control = w2si_fp_control();
  if (on_fiber) { /* right below the frame that resumes, so not on the fiber's stack */
    CHECK(w2si_frame() < env->resumer && env->resumer - w2si_frame() < 64 << 10);
    CHECK(w2s_fiber_delete(env->current) == W2S_ERR_USAGE);
    CHECK(w2s_fiber_resume(env->current, 0, &error) == W2S_ERR_USAGE && strstr(error.message, "running"));
  }
  struct w2s_fiber *current = env->current;
  switch (order) {
    case ORDER_OK: values[0].i32 = 99; return W2S_HOST_OK;
    case ORDER_FAIL: return W2S_HOST_FAILED;
    case ORDER_TRAP:
      env->current = NULL;
      inner = guest_call(env->store, env->instance, GUEST_LOAD, 77, 0);
      break;
    case ORDER_RECURSE:
      env->current = NULL;
      inner = guest_call(env->store, env->instance, GUEST_RECURSE, 0, 0);
      break;
    case ORDER_SYNC_SUSPEND: /* a plain call inside: what it calls cannot suspend */
      env->current = NULL;
      inner = guest_call(env->store, env->instance, GUEST_CALL_HOST, ORDER_SUSPEND, 0);
      CHECK(inner == -1 - W2S_TRAP_HOST);
      break;
    case ORDER_DIRECT: /* a host function that a host function calls */
      env->current = NULL;
      inner = guest_call(env->store, env->instance, GUEST_HOST, ORDER_SUSPEND, 0);
      CHECK(inner == -1 - W2S_TRAP_HOST);
      break;
    case ORDER_OTHER: /* let another fiber run to its next suspension */
      call.fiber = env->other;
      inner = answer(env, &call, 5);
      break;
    case ORDER_DELETE: w2s_store_delete(env->store); break; /* refused: it is in use */
    case ORDER_FIBERS: /* fibers in fibers, until the thread's stack is used up */
      begin(env, &call, GUEST_CALL_HOST, ORDER_FIBERS);
      inner = resume(env, &call, 0);
      end(&call);
      CHECK(inner < 0);
      return W2S_HOST_FAILED;
    default:
      if (!w2s_may_suspend(env->store)) {
        CHECK(!on_fiber);
        env->n_refused++;
      } else {
        CHECK(on_fiber);
      }
      return W2S_HOST_SUSPENDED;
  }
  env->current = current;
  CHECK(w2s_may_suspend(env->store) == on_fiber);
  values[0].i32 = (uint32_t)(1000 + inner);
  return W2S_HOST_OK;
}

static void make_env(struct env *env, struct w2s_module *module) {
  *env = (struct env){.store = w2s_store_new(), .module = module};
  env->instance = guest_instantiate(env->store, module, host, env);
}

static void test_plain(struct env *env) {
  struct w2s_error error;
  struct call call;
  CHECK(whole(env, GUEST_STORE, 1) == 7);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_OK) == 99);
  CHECK(whole(env, GUEST_HOST, ORDER_OK) == 99); /* a host function without wasm */
  CHECK(whole(env, GUEST_HOST, ORDER_FAIL) == -1 - W2S_TRAP_HOST);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_FAIL) == -1 - W2S_TRAP_HOST);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_TRAP) == 1000 - 1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_RECURSE) == 1000 - 1 - W2S_TRAP_STACK_OVERFLOW);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_SYNC_SUSPEND) == 1000 - 1 - W2S_TRAP_HOST);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_DIRECT) == 1000 - 1 - W2S_TRAP_HOST);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_DELETE) == 1000);
  CHECK(guest_call(env->store, env->instance, GUEST_CALL_HOST, ORDER_SUSPEND, 0) == -1 - W2S_TRAP_HOST);
  CHECK(whole(env, GUEST_LOAD, 0) == -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  for (uint32_t code = 0; code <= W2S_TRAP_EXIT; code++) CHECK(whole(env, GUEST_TRAP, code) == -1 - (int64_t)code);
  CHECK(whole(env, GUEST_RECURSE, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
  CHECK(whole(env, GUEST_GROW, 0) == 1);
  CHECK(resume(env, begin(env, &call, GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  CHECK(answer(env, &call, 42) == 42);
  CHECK(w2s_fiber_resume(call.fiber, 0, &error) == W2S_ERR_USAGE && strstr(error.message, "ended"));
  end(&call);
  CHECK(resume(env, begin(env, &call, GUEST_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  CHECK(answer(env, &call, 43) == 43);
  end(&call);
  CHECK(resume(env, begin(env, &call, GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  CHECK(resume(env, &call, W2S_HOST_FAILED) == -1 - W2S_TRAP_HOST);
  end(&call);
  CHECK(resume(env, begin(env, &call, GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  CHECK(resume(env, &call, W2S_HOST_SUSPENDED) == -1 - W2S_TRAP_HOST); /* no answer */
  end(&call);
  CHECK(!w2s_may_suspend(env->store) && w2si_store(env->store)->n_fibers == 0);
}

/* Many calls under way, gone on with in another order each round, with traps and plain calls in between. */
static void test_interleaved(struct env *env) {
  struct call calls[N_CALLS];
  for (uint32_t k = 0; k < N_CALLS; k++) {
    CHECK(resume(env, begin(env, &calls[k], GUEST_CALL_HOST, ORDER_SUSPEND + k), 0) == SUSPENDED);
  }
  for (uint32_t round = 0; round < N_ROUNDS; round++) {
    for (uint32_t i = 0; i < N_CALLS; i++) {
      uint32_t k = (i * 37 + round) % N_CALLS;
      if (k % N_ROUNDS != round) continue;
      CHECK(whole(env, GUEST_LOAD, 0) == -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
      CHECK(guest_call(env->store, env->instance, GUEST_RECURSE, 0, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
      CHECK(answer(env, &calls[k], k + 1) == k + 1);
      end(&calls[k]);
      CHECK(resume(env, begin(env, &calls[k], GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
    }
  }
  for (uint32_t k = 0; k < N_CALLS; k++) {
    if (k % 2) CHECK(answer(env, &calls[k], 2 * k) == 2 * k);
    end(&calls[k]); /* every other one is left where it is */
  }
  CHECK(w2si_store(env->store)->n_fibers == 0);
  CHECK(guest_call(env->store, env->instance, GUEST_STORE, 0, 0) == 7);
}

static void test_nested(struct env *env) {
  struct call inner;
  struct call outer;
  CHECK(resume(env, begin(env, &inner, GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  env->other = inner.fiber;
  begin(env, &outer, GUEST_CALL_HOST, ORDER_OTHER);
  inner.values[0].i32 = 0;
  CHECK(resume(env, &outer, 0) > 0);
  CHECK(inner.values[0].i32 == 5); /* it ended meanwhile */
  end(&inner);
  end(&outer);
  struct w2s_limits limits;
  w2s_store_get_limits(env->store, &limits);
  struct w2s_limits before = limits;
  limits.stack_bytes = 1 << 20;
  limits.fibers = 100000;
  w2s_store_set_limits(env->store, &limits);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_FIBERS) == -1 - W2S_TRAP_HOST);
  CHECK(w2si_store(env->store)->n_fibers == 0);
  w2s_store_set_limits(env->store, &before);
}

static void test_fp(struct env *env) {
  const uint32_t mode = (W2SI_FP_DEFAULT ^ 0x8040) & 0xffc0; /* flush to zero, denormals are zero */
  struct call call;
  if (w2s_cpu_level() == 0) return; /* the bits are x86's */
  w2si_set_fp_control(mode);
  CHECK(resume(env, begin(env, &call, GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  CHECK(w2si_fp_control() == mode && env->fp_control == mode);
  w2si_set_fp_control(W2SI_FP_DEFAULT);
  CHECK(answer(env, &call, 1) == 1);
  CHECK(w2si_fp_control() == W2SI_FP_DEFAULT);
  end(&call);
  w2si_set_fp_control(mode);
  CHECK(whole(env, GUEST_LOAD, 0) < 0 && w2si_fp_control() == mode);
  CHECK(whole(env, GUEST_CALL_HOST, ORDER_OK) == 99 && env->fp_control == mode);
  w2si_set_fp_control(W2SI_FP_DEFAULT);
}

static void test_limits(struct env *env) {
  struct w2s_limits limits;
  struct w2s_error error;
  struct call calls[2];
  w2s_store_get_limits(env->store, &limits);
  struct w2s_limits before = limits;
  limits.fibers = 1;
  limits.stack_bytes = 64 << 10;
  w2s_store_set_limits(env->store, &limits);
  CHECK(resume(env, begin(env, &calls[0], GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  CHECK(!w2s_fiber_new(env->store, guest_func(env->instance, GUEST_LOAD), calls[1].values, &error));
  CHECK(error.status == W2S_ERR_RESOURCE && strstr(error.message, "limit of 1 calls"));
  CHECK(answer(env, &calls[0], 1) == 1);
  end(&calls[0]);
  CHECK(whole(env, GUEST_RECURSE, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
  limits.stack_bytes = UINT64_MAX; /* more than there is address space */
  w2s_store_set_limits(env->store, &limits);
  begin(env, &calls[0], GUEST_STORE, 0);
  CHECK(w2s_fiber_resume(calls[0].fiber, 0, &error) == W2S_ERR_RESOURCE && strstr(error.message, "stack"));
  w2s_store_set_limits(env->store, &before);
  CHECK(resume(env, &calls[0], 0) == 7); /* it is as it was */
  end(&calls[0]);
}

static void test_store_gone(struct w2s_module *module) {
  struct env env;
  struct call calls[3];
  struct w2s_error error;
  union w2s_value *values;
  make_env(&env, module);
  for (int k = 0; k < 2; k++) CHECK(resume(&env, begin(&env, &calls[k], GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  begin(&env, &calls[2], GUEST_STORE, 0);
  w2s_store_delete(env.store);
  for (int k = 0; k < 3; k++) {
    CHECK(w2s_fiber_resume(calls[k].fiber, 0, &error) == W2S_ERR_USAGE);
    CHECK(!w2s_fiber_host(calls[k].fiber, &values) && w2s_fiber_throw(calls[k].fiber, NULL, NULL, 0) == W2S_HOST_FAILED);
    end(&calls[k]);
  }
  CHECK(w2s_fiber_delete(NULL) == W2S_OK);
}

/* Another thread: it may not go on with a call, but delete it, even while code of the store runs. */
struct other {
  struct w2s_fiber *refused;
  struct w2s_fiber *deleted;
  struct w2s_store *store;
  struct w2s_instance *instance;
};

static void *use_elsewhere(void *data) {
  struct other *other = data;
  struct w2s_error error;
  if (other->refused) {
    CHECK(w2s_fiber_resume(other->refused, 0, &error) == W2S_ERR_USAGE && strstr(error.message, "another thread"));
    CHECK(guest_call(other->store, other->instance, GUEST_STORE, 0, 0) == 7); /* the store is free */
  }
  CHECK(w2s_fiber_delete(other->deleted) == W2S_OK);
  return NULL;
}

static int32_t delete_elsewhere(struct w2s_host_func *self, union w2s_value *values) {
  struct other *other = self->env;
  pthread_t thread;
  if (values[0].i32 == ORDER_SUSPEND) return W2S_HOST_SUSPENDED;
  CHECK(!pthread_create(&thread, NULL, use_elsewhere, other));
  pthread_join(thread, NULL);
  return W2S_HOST_OK;
}

static void test_threads(struct env *env) {
  struct call calls[2];
  pthread_t thread;
  for (int k = 0; k < 2; k++) CHECK(resume(env, begin(env, &calls[k], GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  struct other other = {calls[0].fiber, calls[1].fiber, env->store, env->instance};
  CHECK(!pthread_create(&thread, NULL, use_elsewhere, &other));
  pthread_join(thread, NULL);
  CHECK(answer(env, &calls[0], 3) == 3);
  end(&calls[0]);
  CHECK(w2si_store(env->store)->n_fibers == 0);

  struct env busy = {.store = w2s_store_new()};
  other = (struct other){.store = busy.store};
  busy.instance = guest_instantiate(busy.store, env->module, delete_elsewhere, &other);
  CHECK(resume(&busy, begin(&busy, &calls[0], GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  other.deleted = calls[0].fiber;
  CHECK(guest_call(busy.store, busy.instance, GUEST_CALL_HOST, ORDER_OK, 0) == ORDER_OK);
  CHECK(w2si_store(busy.store)->n_fibers == 1); /* put off */
  CHECK(whole(&busy, GUEST_STORE, 0) == 7);
  CHECK(w2si_store(busy.store)->n_fibers == 0);
  CHECK(resume(&busy, begin(&busy, &calls[0], GUEST_CALL_HOST, ORDER_SUSPEND), 0) == SUSPENDED);
  other.deleted = calls[0].fiber;
  CHECK(guest_call(busy.store, busy.instance, GUEST_CALL_HOST, ORDER_OK, 0) == ORDER_OK);
  w2s_store_delete(busy.store); /* with one put off */
}

/* A fault right below the fiber's stack, as of code that needs more of it than it says, is an overflow. */
static struct env *guard_env;

static void touch_guard(struct w2s_funcref *callee, union w2s_value *values) {
  (void)callee, (void)values;
  *(volatile uint8_t *)(guard_env->current->stack.low - 100) = 1;
}

static void test_guard(struct env *env) {
  struct call call;
  guard_env = env;
  begin(env, &call, GUEST_STORE, 0);
  call.fiber->trampoline = touch_guard;
  CHECK(resume(env, &call, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
  end(&call);
}

static void *run_thread(void *data) {
  struct env env;
  make_env(&env, data);
  test_plain(&env);
  test_interleaved(&env);
  w2s_store_delete(env.store);
  return NULL;
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct w2s_module *modules[] = {guest_open(argv[1], "PLAIN"), guest_open(argv[1], "CHECKED")};
  pthread_t threads[2];
  for (int k = 0; k < 2; k++) {
    struct env env;
    make_env(&env, modules[k]);
    test_plain(&env);
    test_interleaved(&env);
    test_nested(&env);
    test_fp(&env);
    test_limits(&env);
    test_threads(&env);
    test_guard(&env);
    test_plain(&env);
    w2s_store_delete(env.store);
    test_store_gone(modules[k]);
  }
  for (int k = 0; k < 2; k++) CHECK(!pthread_create(&threads[k], NULL, run_thread, modules[k]));
  for (int k = 0; k < 2; k++) pthread_join(threads[k], NULL);
  for (int k = 0; k < 2; k++) w2s_module_release(modules[k]);
  return 0;
}
