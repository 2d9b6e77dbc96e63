/* Traps: every kind, nested through host functions, from the stack's end, in several threads; the floating-point mode. */
#define _GNU_SOURCE 1

#include <pthread.h>

#include "../src/arch.h"
#include "../src/enter.h"
#include "guest.h"

enum { N_THREADS = 4, ROUNDS = 20 };

struct env {
  struct w2s_store *store;
  struct w2s_instance *instance;
  uint32_t fp_control; /* seen in the host function */
  int depth;
};

/* What the host function does is told by its argument. */
enum order { ORDER_OK, ORDER_FAIL, ORDER_NEST_LOAD, ORDER_NEST_TRAP, ORDER_NEST_RECURSE, ORDER_RECURSE_HOST, ORDER_DELETE };

static int32_t host(struct w2s_host_func *self, union w2s_value *values) {
  struct env *env = self->env;
  uint32_t order = values[0].i32;
  env->fp_control = w2si_fp_control();
  CHECK(*w2s_store_cookie(env->store) == NULL);
  int64_t inner = 0;
  switch (order) {
    case ORDER_OK: values[0].i32 = 99; return 0;
    case ORDER_FAIL: return 1;
    case ORDER_NEST_LOAD: inner = guest_call(env->store, env->instance, GUEST_LOAD, 77, 0); break;
    case ORDER_NEST_TRAP: inner = guest_call(env->store, env->instance, GUEST_TRAP, W2S_TRAP_UNREACHABLE, 0); break;
    case ORDER_NEST_RECURSE: inner = guest_call(env->store, env->instance, GUEST_RECURSE, 0, 0); break;
    case ORDER_DELETE: w2s_store_delete(env->store); return 0; /* refused: it is in use */
    case ORDER_RECURSE_HOST:
      inner = guest_call(env->store, env->instance, GUEST_CALL_HOST, ORDER_RECURSE_HOST, 0);
      CHECK(inner < 0);
      return 1;
    default:
      /* Deeper, then as told by the last digit. */
      inner = guest_call(env->store, env->instance, GUEST_CALL_HOST, order / 10 < 10 ? order % 10 : order / 10, 0);
      break;
  }
  values[0].i32 = (uint32_t)(1000 + inner);
  return 0;
}

static void test_kinds(struct env *env) {
  struct w2s_store *s = env->store;
  struct w2s_instance *i = env->instance;
  CHECK(guest_call(s, i, GUEST_LOAD, 0, 0) == -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  CHECK(w2s_last_trap() == W2S_TRAP_MEMORY_OUT_OF_BOUNDS && w2s_last_trap_pc() != 0);
  CHECK(guest_call(s, i, GUEST_LOAD, 0xffffffff, 0) == -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  CHECK(guest_call(s, i, GUEST_STORE, 65536, 0) == -1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  CHECK(guest_call(s, i, GUEST_STORE, 65535, 0) == 7);
  for (uint32_t code = 0; code <= W2S_TRAP_EXIT; code++) CHECK(guest_call(s, i, GUEST_TRAP, code, 0) == -1 - (int64_t)code);
  CHECK(strcmp(w2s_trap_message(W2S_TRAP_OUT_OF_MEMORY + 1), "unknown trap") == 0);
  CHECK(guest_call(s, i, GUEST_RECURSE, 0, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_OK, 0) == 99);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_FAIL, 0) == -1 - W2S_TRAP_HOST);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_NEST_LOAD, 0) == 1000 - 1 - W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_NEST_TRAP, 0) == 1000 - 1 - W2S_TRAP_UNREACHABLE);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_NEST_RECURSE, 0) == 1000 - 1 - W2S_TRAP_STACK_OVERFLOW);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_RECURSE_HOST, 0) == -1 - W2S_TRAP_HOST);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_DELETE, 0) == ORDER_DELETE);
  CHECK(guest_call(s, i, GUEST_CALL_HOST, ORDER_OK, 0) == 99);
}

static void test_fp(struct env *env) {
  const uint32_t host_mode = W2SI_FP_DEFAULT ^ 0x8040; /* flush to zero, denormals are zero */
  if (w2s_cpu_level() == 0) return;                     /* the bits are x86's */
  w2si_set_fp_control(host_mode);
  CHECK(guest_call(env->store, env->instance, GUEST_DIVIDE, 120, 20) == 1);
  CHECK(w2si_fp_control() == (host_mode & 0xffc0));
  struct w2s_funcref *divide = guest_func(env->instance, GUEST_DIVIDE);
  union w2s_value values[2] = {{.i32 = 120}, {.i32 = 20}};
  w2s_call_total(divide, w2s_func_trampoline(divide), values);
  CHECK(values[0].i32 == 1 && w2si_fp_control() == (host_mode & 0xffc0));
  CHECK(guest_call(env->store, env->instance, GUEST_CALL_HOST, ORDER_OK, 0) == 99);
  CHECK(env->fp_control == (host_mode & 0xffc0));
  CHECK(guest_call(env->store, env->instance, GUEST_LOAD, 0, 0) < 0 && w2si_fp_control() == (host_mode & 0xffc0));
  CHECK(guest_call(env->store, env->instance, GUEST_TRAP, 9, 0) < 0 && w2si_fp_control() == (host_mode & 0xffc0));
  w2si_set_fp_control(W2SI_FP_DEFAULT);
}

static void test_stack_limit(struct env *env) {
  struct w2s_limits limits;
  w2s_store_get_limits(env->store, &limits);
  uint64_t before = limits.stack_bytes;
  limits.stack_bytes = 1;
  w2s_store_set_limits(env->store, &limits);
  CHECK(guest_call(env->store, env->instance, GUEST_RECURSE, 0, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
  CHECK(guest_call(env->store, env->instance, GUEST_CALL_HOST, ORDER_OK, 0) == 99);
  limits.stack_bytes = before;
  w2s_store_set_limits(env->store, &limits);
}

static struct env make_env(struct w2s_module *module, struct env *env) {
  env->store = w2s_store_new();
  env->instance = guest_instantiate(env->store, module, host, env);
  return *env;
}

static void *run_thread(void *data) {
  struct env env = {0};
  make_env(data, &env);
  for (int k = 0; k < ROUNDS; k++) test_kinds(&env);
  w2s_store_delete(env.store);
  return NULL;
}

static void *run_small(void *data) {
  struct env env = {0};
  make_env(data, &env);
  CHECK(guest_call(env.store, env.instance, GUEST_RECURSE, 0, 0) == -1 - W2S_TRAP_STACK_OVERFLOW);
  CHECK(guest_call(env.store, env.instance, GUEST_CALL_HOST, ORDER_NEST_RECURSE, 0) == 1000 - 1 - W2S_TRAP_STACK_OVERFLOW);
  w2s_store_delete(env.store);
  return NULL;
}

/* Two threads at one store: the second is refused, not let in. */
struct contest {
  struct w2s_store *store;
  struct w2s_instance *instance;
  pthread_barrier_t inside;
  pthread_barrier_t done;
};

static int32_t wait_inside(struct w2s_host_func *self, union w2s_value *values) {
  struct contest *contest = self->env;
  (void)values;
  pthread_barrier_wait(&contest->inside);
  pthread_barrier_wait(&contest->done);
  return 0;
}

static void *hold_store(void *data) {
  struct contest *contest = data;
  guest_call(contest->store, contest->instance, GUEST_CALL_HOST, 0, 0);
  return NULL;
}

static void test_owner(struct w2s_module *module) {
  struct contest contest = {.store = w2s_store_new()};
  struct w2s_error error;
  struct w2s_extern item;
  union w2s_value value = {.i32 = 0};
  union w2s_ref null = {.word = 0};
  pthread_t thread;
  contest.instance = guest_instantiate(contest.store, module, wait_inside, &contest);
  pthread_barrier_init(&contest.inside, NULL, 2);
  pthread_barrier_init(&contest.done, NULL, 2);
  pthread_create(&thread, NULL, hold_store, &contest);
  pthread_barrier_wait(&contest.inside);
  CHECK(w2s_call(contest.store, guest_func(contest.instance, GUEST_STORE), &value, &error) == W2S_ERR_USAGE);
  CHECK(strstr(error.message, "another thread"));
  w2s_instance_export(contest.instance, GUEST_MEMORY, &item);
  CHECK(w2s_memory_grow(item.memory, 1) == UINT64_MAX);
  w2s_instance_export(contest.instance, GUEST_TABLE, &item);
  CHECK(w2s_table_grow(item.table, 1, null) == UINT64_MAX && !w2s_table_set(item.table, 0, null));
  CHECK(!w2s_func_new(contest.store, guest_type1(), host, NULL, NULL));
  CHECK(!w2s_memory_new(contest.store, 1, 0, 0, 0, 0, 16, 1, &error) && error.status == W2S_ERR_USAGE);
  pthread_barrier_wait(&contest.done);
  pthread_join(thread, NULL);
  CHECK(guest_call(contest.store, contest.instance, GUEST_STORE, 0, 0) == 7);
  struct w2s_store *other = w2s_store_new();
  CHECK(w2s_call(other, guest_func(contest.instance, GUEST_STORE), &value, &error) == W2S_ERR_USAGE);
  CHECK(strstr(error.message, "another store"));
  CHECK(w2s_call(other, NULL, &value, &error) == W2S_ERR_USAGE);
  w2s_store_delete(other);
  w2s_store_delete(contest.store);
}

int main(int argc, char **argv) {
  CHECK(argc == 2);
  struct w2s_module *module = guest_open(argv[1], "PLAIN");
  struct w2s_module *checked = guest_open(argv[1], "CHECKED");
  struct env env = {0};
  for (int k = 0; k < 2; k++) {
    make_env(k ? checked : module, &env);
    test_kinds(&env);
    test_fp(&env);
    test_stack_limit(&env);
    test_kinds(&env);
    w2s_store_delete(env.store);
  }
  test_owner(module);
  pthread_t threads[N_THREADS];
  for (int k = 0; k < N_THREADS; k++) CHECK(!pthread_create(&threads[k], NULL, run_thread, module));
  for (int k = 0; k < N_THREADS; k++) pthread_join(threads[k], NULL);
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, 512 << 10);
  CHECK(!pthread_create(&threads[0], &attr, run_small, module));
  pthread_join(threads[0], NULL);
  w2s_module_release(module);
  w2s_module_release(checked);
  return 0;
}
