/* What a fiber costs in C, in nanoseconds of CPU time: a host function that suspends its call, called without end from
 * code in the place of wasm; and beginning and ending a call. `switch N` prints name and figure, one a line. */
#define _GNU_SOURCE 1

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../../runtime_c/src/fiber.h"

static int32_t suspend(struct w2s_host_func *self, union w2s_value *values) {
  (void)self, (void)values;
  return W2S_HOST_SUSPENDED;
}

static int32_t answer(struct w2s_host_func *self, union w2s_value *values) {
  (void)self, (void)values;
  return W2S_HOST_OK;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static struct w2s_host_func *callee;

/* In the place of wasm. */
static void call_for_ever(struct w2s_funcref *func, union w2s_value *values) {
  (void)func;
  for (;;) callee->head.builtins->call_host(callee, values);
}

static long n_calls;

static void call_many(struct w2s_funcref *func, union w2s_value *values) {
  (void)func;
  for (long k = 0; k < n_calls; k++) callee->head.builtins->call_host(callee, values);
}

static void nothing(struct w2s_funcref *func, union w2s_value *values) { (void)func, (void)values; }

static struct w2s_fiber *fiber_of(struct w2s_store *store, union w2s_value *values, w2s_trampoline code) {
  struct w2s_error error;
  struct w2s_fiber *fiber = w2s_fiber_new(store, &callee->funcref, values, &error);
  if (!fiber) exit(1);
  fiber->trampoline = code;
  return fiber;
}

int main(int argc, char **argv) {
  const long n = argc > 1 ? atol(argv[1]) : 1000000;
  struct w2s_store *store = w2s_store_new();
  struct w2s_error error;
  union w2s_value values[1] = {{.i64 = 0}};
  callee = (struct w2s_host_func *)w2s_func_new(store, w2s_type_intern_func(NULL, 0, NULL, 0), suspend, NULL, NULL)->vm;

  struct w2s_fiber *fiber = fiber_of(store, values, call_for_ever);
  w2s_fiber_resume(fiber, 0, &error);
  double start = now();
  for (long k = 0; k < n; k++) {
    if (w2s_fiber_resume(fiber, W2S_HOST_OK, &error) != W2S_SUSPENDED) return 1;
  }
  printf("resume, until it suspends again\t%.1f\n", (now() - start) / (double)n);
  w2s_fiber_delete(fiber);

  enum { N_FIBERS = 1000 };
  static struct w2s_fiber *fibers[N_FIBERS];
  for (int i = 0; i < N_FIBERS; i++) w2s_fiber_resume(fibers[i] = fiber_of(store, values, call_for_ever), 0, &error);
  start = now();
  for (long k = 0; k < n; k++) w2s_fiber_resume(fibers[k % N_FIBERS], W2S_HOST_OK, &error);
  printf("the same, a thousand in turn\t%.1f\n", (now() - start) / (double)n);
  for (int i = 0; i < N_FIBERS; i++) w2s_fiber_delete(fibers[i]);

  callee->call = answer;
  n_calls = n;
  fiber = fiber_of(store, values, call_many);
  start = now();
  w2s_fiber_resume(fiber, 0, &error);
  printf("host function called on a fiber\t%.1f\n", (now() - start) / (double)n);
  w2s_fiber_delete(fiber);
  start = now();
  w2s_call_prepared(store, &callee->funcref, call_many, values, NULL);
  printf("host function called in a plain call\t%.1f\n", (now() - start) / (double)n);

  start = now();
  for (long k = 0; k < n / 10; k++) {
    fiber = fiber_of(store, values, nothing);
    w2s_fiber_resume(fiber, 0, &error);
    w2s_fiber_delete(fiber);
  }
  printf("a whole call on a fiber\t%.1f\n", (now() - start) / (double)(n / 10));
  start = now();
  for (long k = 0; k < n / 10; k++) w2s_call_prepared(store, &callee->funcref, nothing, values, NULL);
  printf("a whole plain call\t%.1f\n", (now() - start) / (double)(n / 10));
  w2s_store_delete(store);
  return 0;
}
