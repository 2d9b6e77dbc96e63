/* What all kernels share: arrays that are filled alike everywhere, and one line of output that tells the results. */
#ifndef KERNEL_H
#define KERNEL_H

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A value in [0, 1) for a place, the same on every machine. */
static inline double seeded(uint32_t i, uint32_t j) {
  uint32_t x = i * 2654435761u + j * 40503u + 12345u;
  x ^= x >> 15;
  x *= 2246822519u;
  x ^= x >> 13;
  return (double)(x & 0xffffffu) / 16777216.0;
}

static inline void fill(double *a, int rows, int columns, uint32_t salt) {
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) a[i * columns + j] = seeded((uint32_t)i + salt, (uint32_t)j);
  }
}

/* Order matters, and every bit counts. */
static inline void tell(const char *name, const double *a, int n) {
  uint64_t hash = 1469598103934665603u;
  double sum = 0;
  for (int i = 0; i < n; i++) {
    uint64_t bits;
    memcpy(&bits, &a[i], sizeof bits);
    hash = (hash ^ bits) * 1099511628211u;
    sum += a[i];
  }
  printf("%s %016llx %.6e\n", name, (unsigned long long)hash, sum);
}

#endif
