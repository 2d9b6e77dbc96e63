/* Integer lanes, as far as the compiler's vector types have the operation. Unsigned lanes, so that arithmetic wraps. */
#ifndef WASM2SO_SIMD_INT_H
#define WASM2SO_SIMD_INT_H

#include "simd_lane.h"

/* ---- comparisons: lanes of all ones where true ---- */

W2S_INLINE w2s_v128 w2s_i8x16_eq(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a == (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_ne(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a != (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_lt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i8x16)a < (w2s_i8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_lt_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a < (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_gt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i8x16)a > (w2s_i8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_gt_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a > (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_le_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i8x16)a <= (w2s_i8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_le_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a <= (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_ge_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i8x16)a >= (w2s_i8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_ge_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a >= (w2s_u8x16)b); }

W2S_INLINE w2s_v128 w2s_i16x8_eq(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a == (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_ne(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a != (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_lt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i16x8)a < (w2s_i16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_lt_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a < (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_gt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i16x8)a > (w2s_i16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_gt_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a > (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_le_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i16x8)a <= (w2s_i16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_le_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a <= (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_ge_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i16x8)a >= (w2s_i16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_ge_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a >= (w2s_u16x8)b); }

W2S_INLINE w2s_v128 w2s_i32x4_eq(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a == (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_ne(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a != (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_lt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i32x4)a < (w2s_i32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_lt_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a < (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_gt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i32x4)a > (w2s_i32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_gt_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a > (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_le_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i32x4)a <= (w2s_i32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_le_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a <= (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_ge_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i32x4)a >= (w2s_i32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_ge_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a >= (w2s_u32x4)b); }

W2S_INLINE w2s_v128 w2s_i64x2_eq(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u64x2)a == (w2s_u64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_ne(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u64x2)a != (w2s_u64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_lt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i64x2)a < (w2s_i64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_gt_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i64x2)a > (w2s_i64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_le_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i64x2)a <= (w2s_i64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_ge_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_i64x2)a >= (w2s_i64x2)b); }

/* ---- add, sub, mul, neg ---- */

W2S_INLINE w2s_v128 w2s_i8x16_add(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a + (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_sub(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u8x16)a - (w2s_u8x16)b); }
W2S_INLINE w2s_v128 w2s_i8x16_neg(w2s_v128 a) { return (w2s_v128)(-(w2s_u8x16)a); }
W2S_INLINE w2s_v128 w2s_i16x8_add(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a + (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_sub(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a - (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_mul(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u16x8)a * (w2s_u16x8)b); }
W2S_INLINE w2s_v128 w2s_i16x8_neg(w2s_v128 a) { return (w2s_v128)(-(w2s_u16x8)a); }
W2S_INLINE w2s_v128 w2s_i32x4_add(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a + (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_sub(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a - (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_mul(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u32x4)a * (w2s_u32x4)b); }
W2S_INLINE w2s_v128 w2s_i32x4_neg(w2s_v128 a) { return (w2s_v128)(-(w2s_u32x4)a); }
W2S_INLINE w2s_v128 w2s_i64x2_add(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u64x2)a + (w2s_u64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_sub(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u64x2)a - (w2s_u64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_mul(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_u64x2)a * (w2s_u64x2)b); }
W2S_INLINE w2s_v128 w2s_i64x2_neg(w2s_v128 a) { return (w2s_v128)(-(w2s_u64x2)a); }

/* ---- shifts of 16-bit lanes and wider: modulo the lane's width, beyond which C is undefined ---- */

W2S_INLINE w2s_v128 w2s_i16x8_shl(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_u16x8)a << (uint16_t)(n & 15));
}
W2S_INLINE w2s_v128 w2s_i16x8_shr_s(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_i16x8)a >> (int16_t)(n & 15));
}
W2S_INLINE w2s_v128 w2s_i16x8_shr_u(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_u16x8)a >> (uint16_t)(n & 15));
}
W2S_INLINE w2s_v128 w2s_i32x4_shl(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_u32x4)a << (uint32_t)(n & 31));
}
W2S_INLINE w2s_v128 w2s_i32x4_shr_s(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_i32x4)a >> (int32_t)(n & 31));
}
W2S_INLINE w2s_v128 w2s_i32x4_shr_u(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_u32x4)a >> (uint32_t)(n & 31));
}
W2S_INLINE w2s_v128 w2s_i64x2_shl(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_u64x2)a << (uint64_t)(n & 63));
}
W2S_INLINE w2s_v128 w2s_i64x2_shr_u(w2s_v128 a, uint32_t n) {
  return (w2s_v128)((w2s_u64x2)a >> (uint64_t)(n & 63));
}
/* i64x2.shr_s: x86 has no such instruction below AVX-512; shift without the sign, then extend it. */
W2S_INLINE w2s_v128 w2s_i64x2_shr_s(w2s_v128 a, uint32_t n) {
  const uint64_t sign = 0x8000000000000000ull >> (n & 63);
  const w2s_v128 m = {sign, sign};
  return ((a >> (uint64_t)(n & 63)) ^ m) - m;
}

/* i64x2.abs. */
W2S_INLINE w2s_v128 w2s_i64x2_abs(w2s_v128 a) {
  const w2s_v128 m = (w2s_v128)((w2s_i64x2)a < (w2s_i64x2){0, 0});
  return (a ^ m) - m;
}

#endif
