/* Random bytes: the system's, or a fixed sequence. */
#define _GNU_SOURCE 1

#include <errno.h>
#include <sys/random.h>

#include "wasi_call.h"

enum { CHUNK = 1 << 20 };

/* splitmix64: a seed's bits spread over the state. */
static uint64_t spread(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by) { return x << by | x >> (64 - by); }

/* xoshiro256**. */
static uint64_t next(uint64_t s[4]) {
  const uint64_t result = rotate(s[1] * 5, 7) * 9;
  const uint64_t t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate(s[3], 45);
  return result;
}

void w2s_wasi_set_seed(struct w2s_wasi *wasi, uint64_t seed) {
  for (int i = 0; i < 4; i++) wasi->random[i] = spread(&seed);
  wasi->seeded = 1;
}

static size_t fill_seeded(struct w2s_wasi *wasi, uint8_t *to, size_t n) {
  for (size_t at = 0; at < n; at += sizeof(uint64_t)) {
    const uint64_t word = next(wasi->random);
    memcpy(to + at, &word, n - at < sizeof word ? n - at : sizeof word);
  }
  return n;
}

int w2si_random_get(struct w2si_call *call, const struct w2si_arg *args) {
  uint8_t *to = args[0].at;
  uint64_t left = args[0].n;
  while (left) {
    const size_t part = left < CHUNK ? (size_t)left : CHUNK;
    ssize_t n = call->wasi->seeded ? (ssize_t)fill_seeded(call->wasi, to, part) : getrandom(to, part, 0);
    if (n < 0 && errno != EINTR) return w2si_errno(errno);
    if (n > 0) {
      to += n;
      left -= (uint64_t)n;
    }
    if (left) {
      int stop = w2si_check(call->wasi);
      if (stop) return stop;
    }
  }
  return 0;
}
