/* What all programs share: numbers that are the same everywhere, and a hash of what was computed. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t next_random(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t n) {
  const uint8_t *bytes = (const uint8_t *)data;
  for (size_t i = 0; i < n; i++) hash = (hash ^ bytes[i]) * 1099511628211u;
  return hash;
}

static inline void tell(const char *name, uint64_t hash) { printf("%s %016llx\n", name, (unsigned long long)hash); }

enum { TEXT_WORDS = 4096 };

/* Text that repeats itself as prose does. Returns how much was written. */
static inline size_t make_text(char *to, size_t n, uint32_t seed) {
  static const char *const parts[] = {"the ", "quick ", "memory ", "of ", "a ", "module ", "is ", "linear ", "and ",
                                      "grows ", "by ", "pages.\n", "tables ", "hold ", "references; ", "traps "};
  size_t at = 0;
  for (;;) {
    const char *part = parts[next_random(&seed) & 15 & next_random(&seed)];
    const size_t length = strlen(part);
    if (at + length > n) return at;
    memcpy(to + at, part, length);
    at += length;
  }
}

#endif
