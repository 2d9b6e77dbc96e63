/* Float lanes, as far as the compiler's vector types have the operation.
 *
 * Operands of arithmetic are hidden: where one is known at compile time, compilers fold x*1, x/1, x-0, x+(-0) to x,
 * which keeps a signalling NaN that the instruction makes quiet. Hiding costs at most a register move.
 */
#ifndef WASM2SO_SIMD_FLOAT_H
#define WASM2SO_SIMD_FLOAT_H

#include "simd_lane.h"

/* ---- f32x4 ---- */

W2S_INLINE w2s_v128 w2s_f32x4_add(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f32x4)a + (w2s_f32x4)b);
}
W2S_INLINE w2s_v128 w2s_f32x4_sub(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f32x4)a - (w2s_f32x4)b);
}
W2S_INLINE w2s_v128 w2s_f32x4_mul(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f32x4)a * (w2s_f32x4)b);
}
W2S_INLINE w2s_v128 w2s_f32x4_div(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f32x4)a / (w2s_f32x4)b);
}

/* f32x4.abs, neg: the sign bit alone, NaNs included. */
W2S_INLINE w2s_v128 w2s_f32x4_abs(w2s_v128 a) { return a & w2s_i32x4_splat(0x7fffffffu); }
W2S_INLINE w2s_v128 w2s_f32x4_neg(w2s_v128 a) { return a ^ w2s_i32x4_splat(0x80000000u); }

W2S_INLINE w2s_v128 w2s_f32x4_eq(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f32x4)a == (w2s_f32x4)b); }
W2S_INLINE w2s_v128 w2s_f32x4_ne(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f32x4)a != (w2s_f32x4)b); }
W2S_INLINE w2s_v128 w2s_f32x4_lt(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f32x4)a < (w2s_f32x4)b); }
W2S_INLINE w2s_v128 w2s_f32x4_gt(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f32x4)a > (w2s_f32x4)b); }
W2S_INLINE w2s_v128 w2s_f32x4_le(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f32x4)a <= (w2s_f32x4)b); }
W2S_INLINE w2s_v128 w2s_f32x4_ge(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f32x4)a >= (w2s_f32x4)b); }

/* ---- f64x2 ---- */

W2S_INLINE w2s_v128 w2s_f64x2_add(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f64x2)a + (w2s_f64x2)b);
}
W2S_INLINE w2s_v128 w2s_f64x2_sub(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f64x2)a - (w2s_f64x2)b);
}
W2S_INLINE w2s_v128 w2s_f64x2_mul(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f64x2)a * (w2s_f64x2)b);
}
W2S_INLINE w2s_v128 w2s_f64x2_div(w2s_v128 a, w2s_v128 b) {
  W2S_HIDE_VECTOR(a);
  W2S_HIDE_VECTOR(b);
  return (w2s_v128)((w2s_f64x2)a / (w2s_f64x2)b);
}

/* f64x2.abs, neg. */
W2S_INLINE w2s_v128 w2s_f64x2_abs(w2s_v128 a) { return a & w2s_i64x2_splat(0x7fffffffffffffffull); }
W2S_INLINE w2s_v128 w2s_f64x2_neg(w2s_v128 a) { return a ^ w2s_i64x2_splat(0x8000000000000000ull); }

W2S_INLINE w2s_v128 w2s_f64x2_eq(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f64x2)a == (w2s_f64x2)b); }
W2S_INLINE w2s_v128 w2s_f64x2_ne(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f64x2)a != (w2s_f64x2)b); }
W2S_INLINE w2s_v128 w2s_f64x2_lt(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f64x2)a < (w2s_f64x2)b); }
W2S_INLINE w2s_v128 w2s_f64x2_gt(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f64x2)a > (w2s_f64x2)b); }
W2S_INLINE w2s_v128 w2s_f64x2_le(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f64x2)a <= (w2s_f64x2)b); }
W2S_INLINE w2s_v128 w2s_f64x2_ge(w2s_v128 a, w2s_v128 b) { return (w2s_v128)((w2s_f64x2)a >= (w2s_f64x2)b); }

#endif
