/* Relaxed vector instructions (spec: Relaxed Operations): the deterministic choice, on every machine. */
#ifndef WASM2SO_SIMD_RELAXED_H
#define WASM2SO_SIMD_RELAXED_H

#include "simd_float.h"
#include "simd_int.h"
#include W2S_SIMD_PART

/* Those that are as their strict kin. */
W2S_INLINE w2s_v128 w2s_i8x16_relaxed_swizzle(w2s_v128 a, w2s_v128 s) { return w2s_i8x16_swizzle(a, s); }
W2S_INLINE w2s_v128 w2s_i32x4_relaxed_trunc_f32x4_s(w2s_v128 a) { return w2s_i32x4_trunc_sat_f32x4_s(a); }
W2S_INLINE w2s_v128 w2s_i32x4_relaxed_trunc_f32x4_u(w2s_v128 a) { return w2s_i32x4_trunc_sat_f32x4_u(a); }
W2S_INLINE w2s_v128 w2s_i32x4_relaxed_trunc_f64x2_s_zero(w2s_v128 a) { return w2s_i32x4_trunc_sat_f64x2_s_zero(a); }
W2S_INLINE w2s_v128 w2s_i32x4_relaxed_trunc_f64x2_u_zero(w2s_v128 a) { return w2s_i32x4_trunc_sat_f64x2_u_zero(a); }
W2S_INLINE w2s_v128 w2s_f32x4_relaxed_min(w2s_v128 a, w2s_v128 b) { return w2s_f32x4_min(a, b); }
W2S_INLINE w2s_v128 w2s_f32x4_relaxed_max(w2s_v128 a, w2s_v128 b) { return w2s_f32x4_max(a, b); }
W2S_INLINE w2s_v128 w2s_f64x2_relaxed_min(w2s_v128 a, w2s_v128 b) { return w2s_f64x2_min(a, b); }
W2S_INLINE w2s_v128 w2s_f64x2_relaxed_max(w2s_v128 a, w2s_v128 b) { return w2s_f64x2_max(a, b); }
W2S_INLINE w2s_v128 w2s_i16x8_relaxed_q15mulr_s(w2s_v128 a, w2s_v128 b) { return w2s_i16x8_q15mulr_sat_s(a, b); }

/* relaxed_madd, relaxed_nmadd: rounded twice, as -ffp-contract=off has it. */
W2S_INLINE w2s_v128 w2s_f32x4_relaxed_madd(w2s_v128 a, w2s_v128 b, w2s_v128 c) {
  return w2s_f32x4_add(w2s_f32x4_mul(a, b), c);
}
W2S_INLINE w2s_v128 w2s_f32x4_relaxed_nmadd(w2s_v128 a, w2s_v128 b, w2s_v128 c) {
  return w2s_f32x4_add(w2s_f32x4_mul(w2s_f32x4_neg(a), b), c);
}
W2S_INLINE w2s_v128 w2s_f64x2_relaxed_madd(w2s_v128 a, w2s_v128 b, w2s_v128 c) {
  return w2s_f64x2_add(w2s_f64x2_mul(a, b), c);
}
W2S_INLINE w2s_v128 w2s_f64x2_relaxed_nmadd(w2s_v128 a, w2s_v128 b, w2s_v128 c) {
  return w2s_f64x2_add(w2s_f64x2_mul(w2s_f64x2_neg(a), b), c);
}

/* i32x4.relaxed_dot_i8x16_i7x16_add_s: pairs saturate to 16 bits before they are added in 32. */
W2S_INLINE w2s_v128 w2s_i32x4_relaxed_dot_i8x16_i7x16_add_s(w2s_v128 a, w2s_v128 b, w2s_v128 c) {
  return w2s_i32x4_add(w2s_i32x4_extadd_pairwise_i16x8_s(w2s_i16x8_relaxed_dot_i8x16_i7x16_s(a, b)), c);
}

#endif
