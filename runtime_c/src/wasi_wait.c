/* Waiting for the host, in slices short enough to be interrupted. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <poll.h>

#include "store.h"
#include "wasi_core.h"

int w2si_check(struct w2s_wasi *wasi) {
  struct w2si_store *store = w2si_store(wasi->store);
  if (atomic_exchange_explicit(&wasi->interrupt, 0, memory_order_acquire) ||
      w2si_take_interrupt(store)) {
    return w2si_unwind(W2S_TRAP_INTERRUPT);
  }
  int32_t gives_up = wasi->check ? wasi->check(wasi->check_env) : store->poll ? store->poll(wasi->store) : 0;
  return gives_up ? w2si_unwind(W2S_TRAP_HOST) : 0;
}

int w2si_check_at_times(struct w2s_wasi *wasi) {
  enum { CALLS = 16 }; /* the clock costs more than the smallest calls */
  struct timespec now;
  if (++wasi->n_calls % CALLS) return 0;
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  const uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
  if (ms - wasi->checked_at < W2SI_WAIT_SLICE_MS) return 0;
  wasi->checked_at = ms;
  return w2si_check(wasi);
}

void w2s_wasi_interrupt(struct w2s_wasi *wasi) {
  atomic_store_explicit(&wasi->interrupt, 1, memory_order_release);
}

int w2si_wait_slice(struct w2s_wasi *wasi, struct pollfd *fds, uint32_t n, uint64_t timeout, int *n_ready) {
  const uint64_t slice = (uint64_t)W2SI_WAIT_SLICE_MS * 1000000;
  const uint64_t wait = timeout < slice ? timeout : slice;
  const struct timespec time = {.tv_sec = (time_t)(wait / 1000000000), .tv_nsec = (long)(wait % 1000000000)};
  *n_ready = 0;
  int result = ppoll(fds, n, &time, NULL);
  if (result > 0) {
    *n_ready = result;
    return 0;
  }
  if (result < 0 && errno != EINTR) return w2si_errno(errno);
  return w2si_check(wasi);
}

int w2si_wait_fd(struct w2s_wasi *wasi, int fd, short events) {
  struct pollfd poll = {.fd = fd, .events = events};
  int n_ready = 0;
  while (!n_ready) {
    int failed = w2si_wait_slice(wasi, &poll, 1, UINT64_MAX, &n_ready);
    if (failed) return failed;
  }
  return 0;
}
