/* poll_oneoff: waiting for clocks and descriptors at once. */
#define _GNU_SOURCE 1

#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "wasi_call.h"

/* A subscription, copied from guest memory, and what has become of it. */
struct subscription {
  uint64_t userdata;
  uint64_t deadline; /* clocks */
  uint64_t bytes;    /* descriptors: known to be available */
  struct w2si_desc *desc; /* held */
  uint32_t clock;
  int slot; /* its place among the host descriptors, or -1 */
  uint16_t error;
  uint16_t flags;
  uint8_t type;
  uint8_t ready;
};

struct polling {
  struct w2s_wasi *wasi;
  struct subscription *subs;
  struct pollfd *fds;
  uint32_t n;
  uint32_t n_fds;
  uint32_t n_ready;
};

static void settle(struct polling *polling, struct subscription *sub, int error) {
  sub->error = (uint16_t)error;
  sub->ready = 1;
  polling->n_ready++;
}

/* ---- subscribing ---- */

/* A fake clock does not move by being looked at here. */
static uint64_t time_on(struct w2s_wasi *wasi, uint32_t clock) {
  return wasi->clocks[clock].on ? wasi->clocks[clock].now : w2si_now(wasi, clock);
}

/* Relative times run on the monotonic clock, so that setting the other one does not change them. */
static void subscribe_clock(struct polling *polling, struct subscription *sub, const uint8_t *from, int unstable) {
  from += unstable ? 24 : 16;
  const uint64_t timeout = w2si_get64(from + 8);
  const uint16_t flags = w2si_get16(from + 24);
  sub->clock = w2si_get32(from);
  if (sub->clock > W2S_WASI_MONOTONIC || (flags & ~W2SI_CLOCK_ABSTIME)) {
    settle(polling, sub, W2SI_EINVAL);
    return;
  }
  sub->deadline = timeout;
  if (flags & W2SI_CLOCK_ABSTIME) return;
  if (!polling->wasi->clocks[sub->clock].on) sub->clock = W2S_WASI_MONOTONIC;
  const uint64_t now = time_on(polling->wasi, sub->clock);
  sub->deadline = timeout > UINT64_MAX - now ? UINT64_MAX : now + timeout;
}

static void subscribe_fd(struct polling *polling, struct subscription *sub, uint32_t fd) {
  struct w2si_desc *desc = w2si_desc_at(polling->wasi, fd);
  const int for_write = sub->type == W2SI_EVENT_WRITE;
  struct w2si_ready ready = {.fd = -1};
  int failed = desc ? w2si_desc_need(desc, W2SI_RIGHT_POLL_FD_READWRITE |
                                               (for_write ? W2SI_RIGHT_FD_WRITE : W2SI_RIGHT_FD_READ))
                    : W2SI_EBADF;
  if (!failed && desc->ops->ready) failed = desc->ops->ready(desc, for_write, &ready);
  if (failed || ready.fd < 0) {
    sub->bytes = ready.bytes;
    settle(polling, sub, failed);
    return;
  }
  desc->refs++;
  sub->desc = desc;
  sub->slot = (int)polling->n_fds;
  polling->fds[polling->n_fds++] = (struct pollfd){.fd = ready.fd, .events = for_write ? POLLOUT : POLLIN};
}

static int subscribe(struct polling *polling, const uint8_t *from, int unstable) {
  const size_t stride = unstable ? W2SI_UNSTABLE_SUBSCRIPTION_BYTES : W2SI_SUBSCRIPTION_BYTES;
  for (uint32_t i = 0; i < polling->n; i++, from += stride) {
    struct subscription *sub = &polling->subs[i];
    uint8_t copy[W2SI_UNSTABLE_SUBSCRIPTION_BYTES];
    memcpy(copy, from, stride);
    *sub = (struct subscription){.userdata = w2si_get64(copy), .type = copy[8], .slot = -1};
    switch (sub->type) {
      case W2SI_EVENT_CLOCK: subscribe_clock(polling, sub, copy, unstable); break;
      case W2SI_EVENT_READ:
      case W2SI_EVENT_WRITE: subscribe_fd(polling, sub, w2si_get32(copy + 16)); break;
      default: return W2SI_EINVAL;
    }
  }
  return 0;
}

/* ---- waiting ---- */

/* Settle the clocks that have come; the time until the next in `*wait`. */
static void look_at_clocks(struct polling *polling, uint64_t *wait) {
  *wait = UINT64_MAX;
  for (uint32_t i = 0; i < polling->n; i++) {
    struct subscription *sub = &polling->subs[i];
    if (sub->type != W2SI_EVENT_CLOCK || sub->ready) continue;
    const uint64_t now = time_on(polling->wasi, sub->clock);
    if (sub->deadline <= now) {
      settle(polling, sub, 0);
    } else if (sub->deadline - now < *wait) {
      *wait = sub->deadline - now;
    }
  }
}

static void look_at_fds(struct polling *polling) {
  for (uint32_t i = 0; i < polling->n; i++) {
    struct subscription *sub = &polling->subs[i];
    if (sub->slot < 0 || sub->ready) continue;
    const struct pollfd *fd = &polling->fds[sub->slot];
    int bytes = 0;
    if (!fd->revents) continue;
    if (sub->type == W2SI_EVENT_READ && ioctl(fd->fd, FIONREAD, &bytes) == 0 && bytes > 0) sub->bytes = (uint64_t)bytes;
    if ((fd->revents & (POLLHUP | POLLERR)) && !sub->bytes) sub->flags = W2SI_EVENT_HANGUP;
    settle(polling, sub, fd->revents & POLLNVAL ? W2SI_EBADF : 0);
  }
}

/* Move the fake clock with the nearest deadline there, if there is one. */
static int skip_time(struct polling *polling) {
  struct subscription *first = NULL;
  for (uint32_t i = 0; i < polling->n; i++) {
    struct subscription *sub = &polling->subs[i];
    if (sub->type != W2SI_EVENT_CLOCK || sub->ready || !polling->wasi->clocks[sub->clock].on) continue;
    if (!first || sub->deadline < first->deadline) first = sub;
  }
  if (first) polling->wasi->clocks[first->clock].now = first->deadline;
  return first != NULL;
}

static int wait_all(struct polling *polling) {
  uint64_t wait;
  int n_ready;
  for (int skipped = 0;;) {
    look_at_clocks(polling, &wait);
    /* even if something is ready at once, so may descriptors be */
    if (polling->n_ready || skipped) wait = 0;
    int failed = w2si_wait_slice(polling->wasi, polling->fds, polling->n_fds, wait, &n_ready);
    if (failed) return failed;
    if (n_ready) look_at_fds(polling);
    if (polling->n_ready) return 0;
    skipped = skip_time(polling);
  }
}

/* ---- reporting ---- */

static uint32_t report(const struct polling *polling, uint8_t *to) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < polling->n; i++) {
    const struct subscription *sub = &polling->subs[i];
    if (!sub->ready) continue;
    memset(to, 0, W2SI_EVENT_BYTES);
    w2si_put64(to, sub->userdata);
    w2si_put16(to + 8, sub->error);
    to[10] = sub->type;
    w2si_put64(to + 16, sub->bytes);
    w2si_put16(to + 24, sub->flags);
    to += W2SI_EVENT_BYTES;
    n++;
  }
  return n;
}

int w2si_poll_oneoff(struct w2si_call *call, const struct w2si_arg *args) {
  const uint64_t stride = call->unstable ? W2SI_UNSTABLE_SUBSCRIPTION_BYTES : W2SI_SUBSCRIPTION_BYTES;
  const uint64_t n = args[2].n;
  if (n == 0 || n > call->wasi->limits.subscriptions) return W2SI_EINVAL;
  const uint8_t *in = w2si_guest(call, args[0].n, n * stride);
  uint8_t *out = w2si_guest(call, args[1].n, n * W2SI_EVENT_BYTES);
  if (!in || !out) return w2si_unwind(W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  struct polling polling = {.wasi = call->wasi, .n = (uint32_t)n};
  polling.subs = calloc((size_t)n, sizeof *polling.subs);
  polling.fds = calloc((size_t)n, sizeof *polling.fds);
  int failed = polling.subs && polling.fds ? subscribe(&polling, in, call->unstable != 0) : W2SI_ENOMEM;
  if (!failed) failed = wait_all(&polling);
  if (!failed) w2si_put32(args[3].at, report(&polling, out));
  for (uint32_t i = 0; polling.subs && i < polling.n; i++) {
    if (polling.subs[i].desc) w2si_desc_release(polling.subs[i].desc);
  }
  free(polling.subs);
  free(polling.fds);
  return failed;
}
