/* What tcc lacks of the builtins that the other headers use, and its versions of what port.h says with attributes.
 *
 * tcc does not optimise across statements, so that nothing needs to be kept or hidden from it; it has no vectors, no
 * 128-bit integers and no atomic operations: files that need them are compiled by somebody else. Nothing here needs
 * its run-time library. Included by port.h only. */
#ifndef WASM2SO_TCC_H
#define WASM2SO_TCC_H

#include <stdint.h>

#define W2S_INLINE static inline
#define W2S_OUTLINE static
#define W2S_COLD
#define W2S_OWN_FRAME
#define W2S_JUMP_TARGET
#define W2S_USED
#define W2S_EXPORT
#define W2S_ANYWHERE
#define W2S_KEEP_INT(v) ((void)0)
#define W2S_KEEP_FLOAT(v) ((void)0)
#define W2S_KEEP_VECTOR(v) ((void)0)
#define W2S_BARRIER() ((void)0)
#define W2S_HIDE_INT(v) ((void)0)
#define W2S_HIDE_FLOAT(v) ((void)0)
#define W2S_HIDE_VECTOR(v) ((void)0)
#define W2S_WITH_VECTORS "tcc_vectors.h"
#define W2S_WITH_ATOMICS "tcc_atomics.h"
#define W2S_STAY ((void)0)

#define __builtin_trap() __asm__("ud2")

/* One move: its size is a constant, so that one of these is compiled. */
#define W2S_MOVE(type, to, from) (*(type *)(void *)(to) = *(const type *)(const void *)(from))
#define __builtin_memcpy(to, from, n)                                                                                 \
  ((n) == 1   ? (void)W2S_MOVE(uint8_t, to, from)                                                                     \
   : (n) == 2 ? (void)W2S_MOVE(uint16_t, to, from)                                                                    \
   : (n) == 4 ? (void)W2S_MOVE(uint32_t, to, from)                                                                    \
              : (void)W2S_MOVE(uint64_t, to, from))

/* Of what is not 0. */
static inline int __builtin_clzll(uint64_t x) {
  int n = 0;
  for (int step = 32; step; step >>= 1) {
    if (!(x >> (64 - step))) {
      n += step;
      x <<= step;
    }
  }
  return n;
}
static inline int __builtin_clz(uint32_t x) { return __builtin_clzll(x) - 32; }
static inline int __builtin_ctzll(uint64_t x) { return 63 - __builtin_clzll(x & -x); }
static inline int __builtin_ctz(uint32_t x) { return __builtin_ctzll(x); }

static inline int __builtin_popcountll(uint64_t x) {
  x -= x >> 1 & 0x5555555555555555ull;
  x = (x & 0x3333333333333333ull) + (x >> 2 & 0x3333333333333333ull);
  x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0full;
  return (int)(x * 0x0101010101010101ull >> 56);
}
static inline int __builtin_popcount(uint32_t x) { return __builtin_popcountll(x); }

/* Unsigned 64-bit integers and floats: by way of signed ones, the lowest bit kept for rounding. */
static inline double w2s_tcc_u64_to_f64(uint64_t x) {
  return x >> 63 ? (double)(int64_t)(x >> 1 | (x & 1)) * 2 : (double)(int64_t)x;
}
static inline float w2s_tcc_u64_to_f32(uint64_t x) {
  return x >> 63 ? (float)(int64_t)(x >> 1 | (x & 1)) * 2 : (float)(int64_t)x;
}
static inline uint64_t w2s_tcc_f64_to_u64(double x) {
  return x >= 9223372036854775808.0 ? (uint64_t)(int64_t)(x - 9223372036854775808.0) ^ 1ull << 63 : (uint64_t)(int64_t)x;
}
#define W2S_U64_TO_F32(x) w2s_tcc_u64_to_f32(x)
#define W2S_U64_TO_F64(x) w2s_tcc_u64_to_f64(x)
#define W2S_F32_TO_U64(x) w2s_tcc_f64_to_u64(x)
#define W2S_F64_TO_U64(x) w2s_tcc_f64_to_u64(x)

/* The high half of a product: of halves, then for signed operands what a sign bit takes away. */
static inline uint64_t w2s_tcc_mul_high_u(uint64_t x, uint64_t y) {
  const uint64_t low = (x & 0xffffffff) * (y & 0xffffffff);
  const uint64_t one = (x >> 32) * (y & 0xffffffff) + (low >> 32);
  const uint64_t other = (x & 0xffffffff) * (y >> 32) + (one & 0xffffffff);
  return (x >> 32) * (y >> 32) + (one >> 32) + (other >> 32);
}
static inline uint64_t w2s_tcc_mul_high_s(uint64_t x, uint64_t y) {
  return w2s_tcc_mul_high_u(x, y) - (x >> 63 ? y : 0) - (y >> 63 ? x : 0);
}
#define W2S_MUL_HIGH_S(x, y) w2s_tcc_mul_high_s(x, y)
#define W2S_MUL_HIGH_U(x, y) w2s_tcc_mul_high_u(x, y)

/* An aligned read is one instruction. */
#define __atomic_load_n(place, order) (*(place))

double ceil(double), floor(double), trunc(double), rint(double), sqrt(double);
float ceilf(float), floorf(float), truncf(float), rintf(float), sqrtf(float);
#define __builtin_ceil ceil
#define __builtin_floor floor
#define __builtin_trunc trunc
#define __builtin_rint rint
#define __builtin_sqrt sqrt
#define __builtin_ceilf ceilf
#define __builtin_floorf floorf
#define __builtin_truncf truncf
#define __builtin_rintf rintf
#define __builtin_sqrtf sqrtf

#endif
