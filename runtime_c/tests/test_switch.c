/* Changing stacks: what a function keeps in registers stays there, traps find their way, wherever calls go on. Needs no
 * compiled module, so that it can be linked statically and run on other machines under an emulator. */
#define _GNU_SOURCE 1

#include "../src/fiber.h"
#include "../src/trap.h"
#include "check.h"

enum { N_FIBERS = 50, N_ROUNDS = 40 };

static struct w2s_host_func *callee;
static int trap_in_the_end;

static int32_t suspend(struct w2s_host_func *self, union w2s_value *values) {
  (void)self, (void)values;
  return W2S_HOST_SUSPENDED;
}

static void wait_here(void) {
  union w2s_value value = {.i64 = 0};
  CHECK((uintptr_t)&value % _Alignof(union w2s_value) == 0);
  callee->head.builtins->call_host(callee, &value);
}

/* In the place of wasm: more values than there are registers that survive calls, all in use across the switches. */
static W2SI_NOINLINE void mix(uint64_t *ints, double *floats, uint64_t seed) {
  uint64_t a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4, f = seed + 5, g = seed + 6, h = seed + 7;
  double p = (double)seed, q = p + 0.25, r = p + 0.5, s = p + 0.75, t = p - 0.25, u = p - 0.5, v = p - 0.75, w = p * 2;
  for (int round = 0; round < N_ROUNDS; round++) {
    wait_here();
    a += b, b += c, c += d, d += e, e += f, f += g, g += h, h += a;
    p += q, q += r / 2, r += s / 4, s += t / 8, t += u / 16, u += v / 32, v += w / 64, w += 1;
  }
  *ints = a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
  *floats = p + q + r + s + t + u + v + w;
}

static void code(struct w2s_funcref *func, union w2s_value *values) {
  volatile double local = 1.5;
  uint64_t ints;
  double floats;
  (void)func;
  mix(&ints, &floats, values[0].i64);
  values[0].i64 = ints;
  values[1].f64 = floats;
  CHECK(local == 1.5);
  if (trap_in_the_end) w2si_trap(w2si_store(callee->head.store), W2S_TRAP_UNREACHABLE, 0, 0);
}

static int32_t return_at_once(struct w2s_host_func *self, union w2s_value *values) {
  (void)self, (void)values;
  return W2S_HOST_OK;
}

static void expect(struct w2s_store *store, uint64_t seed, union w2s_value *out) {
  out[0] = (union w2s_value){.i64 = seed};
  callee->call = return_at_once;
  CHECK(w2s_call_prepared(store, &callee->funcref, code, out, NULL) == W2S_OK);
  callee->call = suspend;
}

static void go_round(struct w2s_store *store) {
  struct w2s_error error;
  struct w2s_fiber *fibers[N_FIBERS];
  union w2s_value values[N_FIBERS][2];
  union w2s_value wanted[2];
  for (uint64_t k = 0; k < N_FIBERS; k++) {
    values[k][0] = (union w2s_value){.i64 = k * 1000};
    fibers[k] = w2s_fiber_new(store, &callee->funcref, values[k], &error);
    CHECK(fibers[k]);
    fibers[k]->trampoline = code;
    CHECK(w2s_fiber_resume(fibers[k], 0, &error) == W2S_SUSPENDED);
  }
  for (int round = 1; round <= N_ROUNDS; round++) {
    for (int i = 0; i < N_FIBERS; i++) {
      int k = (i * 7 + round) % N_FIBERS;
      int32_t last = trap_in_the_end ? W2S_ERR_TRAP : W2S_OK;
      CHECK(w2s_fiber_resume(fibers[k], W2S_HOST_OK, &error) == (round < N_ROUNDS ? W2S_SUSPENDED : last));
    }
  }
  int trapping = trap_in_the_end;
  trap_in_the_end = 0;
  for (uint64_t k = 0; k < N_FIBERS; k++) {
    expect(store, k * 1000, wanted);
    CHECK(values[k][0].i64 == wanted[0].i64 && values[k][1].f64 == wanted[1].f64);
    w2s_fiber_delete(fibers[k]);
  }
  trap_in_the_end = trapping;
}

int main(void) {
  struct w2s_store *store = w2s_store_new();
  callee = (struct w2s_host_func *)w2s_func_new(store, w2s_type_intern_func(NULL, 0, NULL, 0), suspend, NULL, NULL)->vm;
  for (trap_in_the_end = 0; trap_in_the_end < 2; trap_in_the_end++) go_round(store);
  w2s_store_delete(store);
  return 0;
}
