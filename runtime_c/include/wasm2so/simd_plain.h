/* The functions of simd_sse41.h in plain C: loops over lanes and the compiler's vector types. For other machines, and
 * for x86 before SSE4.1. */
#ifndef WASM2SO_SIMD_PART_H
#define WASM2SO_SIMD_PART_H

#include "simd_lane.h"

/* ---- lanes and tests ---- */

W2S_INLINE w2s_v128 w2s_i8x16_swizzle(w2s_v128 a, w2s_v128 s) {
  const w2s_u8x16 x = (w2s_u8x16)a, index = (w2s_u8x16)s;
  w2s_u8x16 r = {0};
  for (int i = 0; i < 16; i++) r[i] = index[i] < 16 ? x[index[i]] : 0;
  return (w2s_v128)r;
}

W2S_INLINE uint32_t w2s_v128_any_true(w2s_v128 a) { return (a[0] | a[1]) != 0; }
W2S_INLINE uint32_t w2s_i8x16_all_true(w2s_v128 a) {
  return !w2s_v128_any_true((w2s_v128)((w2s_u8x16)a == (w2s_u8x16){0}));
}
W2S_INLINE uint32_t w2s_i16x8_all_true(w2s_v128 a) {
  return !w2s_v128_any_true((w2s_v128)((w2s_u16x8)a == (w2s_u16x8){0}));
}
W2S_INLINE uint32_t w2s_i32x4_all_true(w2s_v128 a) {
  return !w2s_v128_any_true((w2s_v128)((w2s_u32x4)a == (w2s_u32x4){0}));
}
W2S_INLINE uint32_t w2s_i64x2_all_true(w2s_v128 a) {
  return !w2s_v128_any_true((w2s_v128)((w2s_u64x2)a == (w2s_u64x2){0}));
}

W2S_INLINE uint32_t w2s_i8x16_bitmask(w2s_v128 a) {
  uint32_t r = 0;
  for (int i = 0; i < 16; i++) r |= (uint32_t)(((w2s_u8x16)a)[i] >> 7) << i;
  return r;
}
W2S_INLINE uint32_t w2s_i16x8_bitmask(w2s_v128 a) {
  uint32_t r = 0;
  for (int i = 0; i < 8; i++) r |= (uint32_t)(((w2s_u16x8)a)[i] >> 15) << i;
  return r;
}
W2S_INLINE uint32_t w2s_i32x4_bitmask(w2s_v128 a) {
  uint32_t r = 0;
  for (int i = 0; i < 4; i++) r |= (uint32_t)(((w2s_u32x4)a)[i] >> 31) << i;
  return r;
}
W2S_INLINE uint32_t w2s_i64x2_bitmask(w2s_v128 a) {
  uint32_t r = 0;
  for (int i = 0; i < 2; i++) r |= (uint32_t)(((w2s_u64x2)a)[i] >> 63) << i;
  return r;
}

/* ---- shifts of bytes ---- */

W2S_INLINE w2s_v128 w2s_i8x16_shl(w2s_v128 a, uint32_t n) { return (w2s_v128)((w2s_u8x16)a << (uint8_t)(n & 7)); }
W2S_INLINE w2s_v128 w2s_i8x16_shr_s(w2s_v128 a, uint32_t n) { return (w2s_v128)((w2s_i8x16)a >> (int8_t)(n & 7)); }
W2S_INLINE w2s_v128 w2s_i8x16_shr_u(w2s_v128 a, uint32_t n) { return (w2s_v128)((w2s_u8x16)a >> (uint8_t)(n & 7)); }

/* ---- integer arithmetic ---- */

/* add_sat, sub_sat: signed ones overflow where the result's sign is wrong; the limit has the first operand's sign. */
W2S_INLINE w2s_v128 w2s_i8x16_add_sat_s(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 r = (w2s_v128)((w2s_u8x16)a + (w2s_u8x16)b);
  const w2s_v128 limit = (w2s_v128)(((w2s_i8x16)a >> 7) ^ 0x7f);
  return w2s_v128_bitselect(limit, r, (w2s_v128)((w2s_i8x16)(~(a ^ b) & (a ^ r)) >> 7));
}
W2S_INLINE w2s_v128 w2s_i8x16_sub_sat_s(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 r = (w2s_v128)((w2s_u8x16)a - (w2s_u8x16)b);
  const w2s_v128 limit = (w2s_v128)(((w2s_i8x16)a >> 7) ^ 0x7f);
  return w2s_v128_bitselect(limit, r, (w2s_v128)((w2s_i8x16)((a ^ b) & (a ^ r)) >> 7));
}
W2S_INLINE w2s_v128 w2s_i8x16_add_sat_u(w2s_v128 a, w2s_v128 b) {
  const w2s_u8x16 r = (w2s_u8x16)a + (w2s_u8x16)b;
  return (w2s_v128)r | (w2s_v128)(r < (w2s_u8x16)a);
}
W2S_INLINE w2s_v128 w2s_i8x16_sub_sat_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u8x16)a - (w2s_u8x16)b) & (w2s_v128)((w2s_u8x16)a > (w2s_u8x16)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_add_sat_s(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 r = (w2s_v128)((w2s_u16x8)a + (w2s_u16x8)b);
  const w2s_v128 limit = (w2s_v128)(((w2s_i16x8)a >> 15) ^ 0x7fff);
  return w2s_v128_bitselect(limit, r, (w2s_v128)((w2s_i16x8)(~(a ^ b) & (a ^ r)) >> 15));
}
W2S_INLINE w2s_v128 w2s_i16x8_sub_sat_s(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 r = (w2s_v128)((w2s_u16x8)a - (w2s_u16x8)b);
  const w2s_v128 limit = (w2s_v128)(((w2s_i16x8)a >> 15) ^ 0x7fff);
  return w2s_v128_bitselect(limit, r, (w2s_v128)((w2s_i16x8)((a ^ b) & (a ^ r)) >> 15));
}
W2S_INLINE w2s_v128 w2s_i16x8_add_sat_u(w2s_v128 a, w2s_v128 b) {
  const w2s_u16x8 r = (w2s_u16x8)a + (w2s_u16x8)b;
  return (w2s_v128)r | (w2s_v128)(r < (w2s_u16x8)a);
}
W2S_INLINE w2s_v128 w2s_i16x8_sub_sat_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)a - (w2s_u16x8)b) & (w2s_v128)((w2s_u16x8)a > (w2s_u16x8)b);
}

W2S_INLINE w2s_v128 w2s_i8x16_min_s(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_i8x16)a < (w2s_i8x16)b));
}
W2S_INLINE w2s_v128 w2s_i8x16_max_s(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_i8x16)a > (w2s_i8x16)b));
}
W2S_INLINE w2s_v128 w2s_i8x16_min_u(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_u8x16)a < (w2s_u8x16)b));
}
W2S_INLINE w2s_v128 w2s_i8x16_max_u(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_u8x16)a > (w2s_u8x16)b));
}
W2S_INLINE w2s_v128 w2s_i16x8_min_s(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_i16x8)a < (w2s_i16x8)b));
}
W2S_INLINE w2s_v128 w2s_i16x8_max_s(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_i16x8)a > (w2s_i16x8)b));
}
W2S_INLINE w2s_v128 w2s_i16x8_min_u(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_u16x8)a < (w2s_u16x8)b));
}
W2S_INLINE w2s_v128 w2s_i16x8_max_u(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_u16x8)a > (w2s_u16x8)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_min_s(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_i32x4)a < (w2s_i32x4)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_max_s(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_i32x4)a > (w2s_i32x4)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_min_u(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_u32x4)a < (w2s_u32x4)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_max_u(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(a, b, (w2s_v128)((w2s_u32x4)a > (w2s_u32x4)b));
}

/* avgr_u: half the sum, rounded up, without the sum's carry. */
W2S_INLINE w2s_v128 w2s_i8x16_avgr_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u8x16)(a | b) - ((w2s_u8x16)(a ^ b) >> 1));
}
W2S_INLINE w2s_v128 w2s_i16x8_avgr_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)(a | b) - ((w2s_u16x8)(a ^ b) >> 1));
}

W2S_INLINE w2s_v128 w2s_i8x16_abs(w2s_v128 a) {
  const w2s_u8x16 sign = (w2s_u8x16)((w2s_i8x16)a >> 7);
  return (w2s_v128)(((w2s_u8x16)a ^ sign) - sign);
}
W2S_INLINE w2s_v128 w2s_i16x8_abs(w2s_v128 a) {
  const w2s_u16x8 sign = (w2s_u16x8)((w2s_i16x8)a >> 15);
  return (w2s_v128)(((w2s_u16x8)a ^ sign) - sign);
}
W2S_INLINE w2s_v128 w2s_i32x4_abs(w2s_v128 a) {
  const w2s_u32x4 sign = (w2s_u32x4)((w2s_i32x4)a >> 31);
  return (w2s_v128)(((w2s_u32x4)a ^ sign) - sign);
}

/* i8x16.popcnt: counts of two, four, eight bits. */
W2S_INLINE w2s_v128 w2s_i8x16_popcnt(w2s_v128 a) {
  w2s_u8x16 x = (w2s_u8x16)a;
  x -= (x >> 1) & 0x55;
  x = (x & 0x33) + ((x >> 2) & 0x33);
  return (w2s_v128)((x + (x >> 4)) & 0x0f);
}

/* i16x8.q15mulr_sat_s. */
W2S_INLINE w2s_v128 w2s_i16x8_q15mulr_sat_s(w2s_v128 a, w2s_v128 b) {
  w2s_i16x8 r = {0};
  for (int i = 0; i < 8; i++) {
    const int32_t x = (((w2s_i16x8)a)[i] * ((w2s_i16x8)b)[i] + 0x4000) >> 15;
    r[i] = (int16_t)(x > 0x7fff ? 0x7fff : x);
  }
  return (w2s_v128)r;
}

/* i32x4.dot_i16x8_s: the sum of two products can reach 2^31, which wraps. */
W2S_INLINE w2s_v128 w2s_i32x4_dot_i16x8_s(w2s_v128 a, w2s_v128 b) {
  const w2s_i16x8 x = (w2s_i16x8)a, y = (w2s_i16x8)b;
  w2s_u32x4 r = {0};
  for (int i = 0; i < 4; i++)
    r[i] = (uint32_t)(x[2 * i] * y[2 * i]) + (uint32_t)(x[2 * i + 1] * y[2 * i + 1]);
  return (w2s_v128)r;
}

/* ---- narrower and wider lanes ---- */

/* narrow: signed lanes, clamped to the narrower type, then their lower halves. */
W2S_INLINE w2s_v128 w2s_i8x16_narrow_i16x8_s(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 low = w2s_i16x8_splat((uint32_t)(-0x80)), high = w2s_i16x8_splat(0x7f);
  const w2s_u8x16 x = (w2s_u8x16)w2s_i16x8_min_s(w2s_i16x8_max_s(a, low), high);
  const w2s_u8x16 y = (w2s_u8x16)w2s_i16x8_min_s(w2s_i16x8_max_s(b, low), high);
  return (w2s_v128)W2S_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
W2S_INLINE w2s_v128 w2s_i8x16_narrow_i16x8_u(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 low = w2s_i16x8_splat((uint32_t)(0)), high = w2s_i16x8_splat(0xff);
  const w2s_u8x16 x = (w2s_u8x16)w2s_i16x8_min_s(w2s_i16x8_max_s(a, low), high);
  const w2s_u8x16 y = (w2s_u8x16)w2s_i16x8_min_s(w2s_i16x8_max_s(b, low), high);
  return (w2s_v128)W2S_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
}
W2S_INLINE w2s_v128 w2s_i16x8_narrow_i32x4_s(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 low = w2s_i32x4_splat((uint32_t)(-0x8000)), high = w2s_i32x4_splat(0x7fff);
  const w2s_u16x8 x = (w2s_u16x8)w2s_i32x4_min_s(w2s_i32x4_max_s(a, low), high);
  const w2s_u16x8 y = (w2s_u16x8)w2s_i32x4_min_s(w2s_i32x4_max_s(b, low), high);
  return (w2s_v128)W2S_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
}
W2S_INLINE w2s_v128 w2s_i16x8_narrow_i32x4_u(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 low = w2s_i32x4_splat((uint32_t)(0)), high = w2s_i32x4_splat(0xffff);
  const w2s_u16x8 x = (w2s_u16x8)w2s_i32x4_min_s(w2s_i32x4_max_s(a, low), high);
  const w2s_u16x8 y = (w2s_u16x8)w2s_i32x4_min_s(w2s_i32x4_max_s(b, low), high);
  return (w2s_v128)W2S_SHUFFLE(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
}

/* extend: lanes interleaved with zeros; signed ones with themselves, and shifted down. */
W2S_INLINE w2s_v128 w2s_i16x8_extend_low_i8x16_u(w2s_v128 a) {
  const w2s_u8x16 x = (w2s_u8x16)a, zero = {0};
  return (w2s_v128)W2S_SHUFFLE(x, zero, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
W2S_INLINE w2s_v128 w2s_i16x8_extend_low_i8x16_s(w2s_v128 a) {
  const w2s_u8x16 x = (w2s_u8x16)a;
  return (w2s_v128)((w2s_i16x8)W2S_SHUFFLE(x, x, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7) >> 8);
}
W2S_INLINE w2s_v128 w2s_i16x8_extend_high_i8x16_u(w2s_v128 a) {
  const w2s_u8x16 x = (w2s_u8x16)a, zero = {0};
  return (w2s_v128)W2S_SHUFFLE(x, zero, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
W2S_INLINE w2s_v128 w2s_i16x8_extend_high_i8x16_s(w2s_v128 a) {
  const w2s_u8x16 x = (w2s_u8x16)a;
  return (w2s_v128)((w2s_i16x8)W2S_SHUFFLE(x, x, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15) >> 8);
}
W2S_INLINE w2s_v128 w2s_i32x4_extend_low_i16x8_u(w2s_v128 a) {
  const w2s_u16x8 x = (w2s_u16x8)a, zero = {0};
  return (w2s_v128)W2S_SHUFFLE(x, zero, 0, 8, 1, 9, 2, 10, 3, 11);
}
W2S_INLINE w2s_v128 w2s_i32x4_extend_low_i16x8_s(w2s_v128 a) {
  const w2s_u16x8 x = (w2s_u16x8)a;
  return (w2s_v128)((w2s_i32x4)W2S_SHUFFLE(x, x, 0, 0, 1, 1, 2, 2, 3, 3) >> 16);
}
W2S_INLINE w2s_v128 w2s_i32x4_extend_high_i16x8_u(w2s_v128 a) {
  const w2s_u16x8 x = (w2s_u16x8)a, zero = {0};
  return (w2s_v128)W2S_SHUFFLE(x, zero, 4, 12, 5, 13, 6, 14, 7, 15);
}
W2S_INLINE w2s_v128 w2s_i32x4_extend_high_i16x8_s(w2s_v128 a) {
  const w2s_u16x8 x = (w2s_u16x8)a;
  return (w2s_v128)((w2s_i32x4)W2S_SHUFFLE(x, x, 4, 4, 5, 5, 6, 6, 7, 7) >> 16);
}
W2S_INLINE w2s_v128 w2s_i64x2_extend_low_i32x4_u(w2s_v128 a) {
  const w2s_u32x4 x = (w2s_u32x4)a, zero = {0};
  return (w2s_v128)W2S_SHUFFLE(x, zero, 0, 4, 1, 5);
}
W2S_INLINE w2s_v128 w2s_i64x2_extend_low_i32x4_s(w2s_v128 a) {
  const w2s_u32x4 x = (w2s_u32x4)a;
  return (w2s_v128)((w2s_i64x2)W2S_SHUFFLE(x, x, 0, 0, 1, 1) >> 32);
}
W2S_INLINE w2s_v128 w2s_i64x2_extend_high_i32x4_u(w2s_v128 a) {
  const w2s_u32x4 x = (w2s_u32x4)a, zero = {0};
  return (w2s_v128)W2S_SHUFFLE(x, zero, 2, 6, 3, 7);
}
W2S_INLINE w2s_v128 w2s_i64x2_extend_high_i32x4_s(w2s_v128 a) {
  const w2s_u32x4 x = (w2s_u32x4)a;
  return (w2s_v128)((w2s_i64x2)W2S_SHUFFLE(x, x, 2, 2, 3, 3) >> 32);
}

/* extmul: products of extended lanes fit. */
W2S_INLINE w2s_v128 w2s_i16x8_extmul_low_i8x16_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_low_i8x16_s(a) * (w2s_u16x8)w2s_i16x8_extend_low_i8x16_s(b));
}
W2S_INLINE w2s_v128 w2s_i16x8_extmul_low_i8x16_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_low_i8x16_u(a) * (w2s_u16x8)w2s_i16x8_extend_low_i8x16_u(b));
}
W2S_INLINE w2s_v128 w2s_i16x8_extmul_high_i8x16_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_high_i8x16_s(a) * (w2s_u16x8)w2s_i16x8_extend_high_i8x16_s(b));
}
W2S_INLINE w2s_v128 w2s_i16x8_extmul_high_i8x16_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_high_i8x16_u(a) * (w2s_u16x8)w2s_i16x8_extend_high_i8x16_u(b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_low_i16x8_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u32x4)w2s_i32x4_extend_low_i16x8_s(a) * (w2s_u32x4)w2s_i32x4_extend_low_i16x8_s(b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_low_i16x8_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u32x4)w2s_i32x4_extend_low_i16x8_u(a) * (w2s_u32x4)w2s_i32x4_extend_low_i16x8_u(b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_high_i16x8_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u32x4)w2s_i32x4_extend_high_i16x8_s(a) * (w2s_u32x4)w2s_i32x4_extend_high_i16x8_s(b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_high_i16x8_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u32x4)w2s_i32x4_extend_high_i16x8_u(a) * (w2s_u32x4)w2s_i32x4_extend_high_i16x8_u(b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_low_i32x4_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u64x2)w2s_i64x2_extend_low_i32x4_s(a) * (w2s_u64x2)w2s_i64x2_extend_low_i32x4_s(b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_low_i32x4_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u64x2)w2s_i64x2_extend_low_i32x4_u(a) * (w2s_u64x2)w2s_i64x2_extend_low_i32x4_u(b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_high_i32x4_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u64x2)w2s_i64x2_extend_high_i32x4_s(a) * (w2s_u64x2)w2s_i64x2_extend_high_i32x4_s(b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_high_i32x4_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u64x2)w2s_i64x2_extend_high_i32x4_u(a) * (w2s_u64x2)w2s_i64x2_extend_high_i32x4_u(b));
}

/* extadd_pairwise: even and odd lanes as the halves of wider ones. */
W2S_INLINE w2s_v128 w2s_i16x8_extadd_pairwise_i8x16_s(w2s_v128 a) {
  return (w2s_v128)(((w2s_i16x8)((w2s_u16x8)a << 8) >> 8) + ((w2s_i16x8)a >> 8));
}
W2S_INLINE w2s_v128 w2s_i16x8_extadd_pairwise_i8x16_u(w2s_v128 a) {
  return (w2s_v128)(((w2s_u16x8)a & 0xff) + ((w2s_u16x8)a >> 8));
}
W2S_INLINE w2s_v128 w2s_i32x4_extadd_pairwise_i16x8_s(w2s_v128 a) {
  return (w2s_v128)(((w2s_i32x4)((w2s_u32x4)a << 16) >> 16) + ((w2s_i32x4)a >> 16));
}
W2S_INLINE w2s_v128 w2s_i32x4_extadd_pairwise_i16x8_u(w2s_v128 a) {
  return (w2s_v128)(((w2s_u32x4)a & 0xffff) + ((w2s_u32x4)a >> 16));
}

/* i16x8.relaxed_dot_i8x16_i7x16_s: both sides signed, sums of pairs saturated. */
W2S_INLINE w2s_v128 w2s_i16x8_relaxed_dot_i8x16_i7x16_s(w2s_v128 a, w2s_v128 b) {
  const w2s_i8x16 x = (w2s_i8x16)a, y = (w2s_i8x16)b;
  w2s_i16x8 r = {0};
  for (int i = 0; i < 8; i++) {
    const int32_t sum = x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1];
    r[i] = (int16_t)(sum > 0x7fff ? 0x7fff : sum);
  }
  return (w2s_v128)r;
}

/* ---- floats: the scalar instructions of num.h, lane by lane ---- */

W2S_INLINE w2s_v128 w2s_f32x4_ceil(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_f32_ceil(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_floor(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_f32_floor(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_trunc(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_f32_trunc(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_nearest(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_f32_nearest(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_sqrt(w2s_v128 a) {
  W2S_HIDE_VECTOR(a);
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = __builtin_sqrtf(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_min(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_f32_min(((w2s_f32x4)a)[i], ((w2s_f32x4)b)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_max(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_f32_max(((w2s_f32x4)a)[i], ((w2s_f32x4)b)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_pmin(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(b, a, (w2s_v128)((w2s_f32x4)b < (w2s_f32x4)a));
}
W2S_INLINE w2s_v128 w2s_f32x4_pmax(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(b, a, (w2s_v128)((w2s_f32x4)a < (w2s_f32x4)b));
}
W2S_INLINE w2s_v128 w2s_f64x2_ceil(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_ceil(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_floor(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_floor(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_trunc(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_trunc(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_nearest(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_nearest(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_sqrt(w2s_v128 a) {
  W2S_HIDE_VECTOR(a);
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = __builtin_sqrt(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_min(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_min(((w2s_f64x2)a)[i], ((w2s_f64x2)b)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_max(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_max(((w2s_f64x2)a)[i], ((w2s_f64x2)b)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_pmin(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(b, a, (w2s_v128)((w2s_f64x2)b < (w2s_f64x2)a));
}
W2S_INLINE w2s_v128 w2s_f64x2_pmax(w2s_v128 a, w2s_v128 b) {
  return w2s_v128_bitselect(b, a, (w2s_v128)((w2s_f64x2)a < (w2s_f64x2)b));
}

/* ---- conversions ---- */

W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f32x4_s(w2s_v128 a) {
  w2s_u32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_i32_trunc_sat_f32_s(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f64x2_s_zero(w2s_v128 a) {
  w2s_u32x4 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_i32_trunc_sat_f64_s(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f32x4_u(w2s_v128 a) {
  w2s_u32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = w2s_i32_trunc_sat_f32_u(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f64x2_u_zero(w2s_v128 a) {
  w2s_u32x4 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_i32_trunc_sat_f64_u(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_convert_i32x4_s(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = (float)((w2s_i32x4)a)[i];
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_convert_low_i32x4_s(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = (double)((w2s_i32x4)a)[i];
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_convert_i32x4_u(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 4; i++) r[i] = (float)((w2s_u32x4)a)[i];
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_convert_low_i32x4_u(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = (double)((w2s_u32x4)a)[i];
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f32x4_demote_f64x2_zero(w2s_v128 a) {
  w2s_f32x4 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f32_demote(((w2s_f64x2)a)[i]);
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_promote_low_f32x4(w2s_v128 a) {
  w2s_f64x2 r = {0};
  for (int i = 0; i < 2; i++) r[i] = w2s_f64_promote(((w2s_f32x4)a)[i]);
  return (w2s_v128)r;
}

#endif
