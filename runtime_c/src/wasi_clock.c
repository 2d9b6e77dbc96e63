/* Clocks. */
#define _GNU_SOURCE 1

#include <errno.h>

#include "wasi_call.h"

static const clockid_t clocks[W2SI_N_CLOCKS] = {
    [W2S_WASI_REALTIME] = CLOCK_REALTIME,
    [W2S_WASI_MONOTONIC] = CLOCK_MONOTONIC,
    [W2S_WASI_PROCESS_CPU] = CLOCK_PROCESS_CPUTIME_ID,
    [W2S_WASI_THREAD_CPU] = CLOCK_THREAD_CPUTIME_ID,
};

int32_t w2s_wasi_set_clock(struct w2s_wasi *wasi, uint32_t clock, uint64_t start, uint64_t step) {
  if (clock >= W2SI_N_CLOCKS) return EINVAL;
  wasi->clocks[clock] = (struct w2si_fake_clock){.now = start, .step = step, .on = 1};
  return 0;
}

uint64_t w2si_now(struct w2s_wasi *wasi, uint32_t clock) {
  struct w2si_fake_clock *fake = &wasi->clocks[clock];
  struct timespec time = {.tv_sec = 0};
  if (!fake->on) {
    clock_gettime(clocks[clock], &time);
    return w2si_ns(&time);
  }
  uint64_t now = fake->now;
  fake->now += fake->step;
  return now;
}

int w2si_clock_res_get(struct w2si_call *call, const struct w2si_arg *args) {
  struct timespec time = {.tv_nsec = 1};
  if (args[0].n >= W2SI_N_CLOCKS) return W2SI_EINVAL;
  const struct w2si_fake_clock *fake = &call->wasi->clocks[args[0].n];
  if (!fake->on) {
    clock_getres(clocks[args[0].n], &time);
  } else if (fake->step) {
    time = (struct timespec){.tv_sec = (time_t)(fake->step / 1000000000), .tv_nsec = (long)(fake->step % 1000000000)};
  }
  w2si_put64(args[1].at, w2si_ns(&time));
  return 0;
}

int w2si_clock_time_get(struct w2si_call *call, const struct w2si_arg *args) {
  if (args[0].n >= W2SI_N_CLOCKS) return W2SI_EINVAL;
  w2si_put64(args[2].at, w2si_now(call->wasi, (uint32_t)args[0].n));
  return 0;
}
