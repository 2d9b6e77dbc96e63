/* What x86 has instructions for beyond the compiler's vector types, from SSE4.1 on. simd_plain.h has the same functions
 * for all other machines. Intrinsics are the compiler's own, not a library. */
#ifndef WASM2SO_SIMD_PART_H
#define WASM2SO_SIMD_PART_H

#include <smmintrin.h>

#include "simd_lane.h"

/* ---- lanes and tests ---- */

/* i8x16.swizzle: pshufb looks at four bits and the top one, so saturate what is not an index. */
W2S_INLINE w2s_v128 w2s_i8x16_swizzle(w2s_v128 a, w2s_v128 s) {
  return (w2s_v128)_mm_shuffle_epi8((__m128i)a, _mm_adds_epu8((__m128i)s, _mm_set1_epi8(0x70)));
}

W2S_INLINE uint32_t w2s_v128_any_true(w2s_v128 a) { return !_mm_testz_si128((__m128i)a, (__m128i)a); }
W2S_INLINE uint32_t w2s_i8x16_all_true(w2s_v128 a) {
  const __m128i zeros = _mm_cmpeq_epi8((__m128i)a, _mm_setzero_si128());
  return (uint32_t)_mm_testz_si128(zeros, zeros);
}
W2S_INLINE uint32_t w2s_i16x8_all_true(w2s_v128 a) {
  const __m128i zeros = _mm_cmpeq_epi16((__m128i)a, _mm_setzero_si128());
  return (uint32_t)_mm_testz_si128(zeros, zeros);
}
W2S_INLINE uint32_t w2s_i32x4_all_true(w2s_v128 a) {
  const __m128i zeros = _mm_cmpeq_epi32((__m128i)a, _mm_setzero_si128());
  return (uint32_t)_mm_testz_si128(zeros, zeros);
}
W2S_INLINE uint32_t w2s_i64x2_all_true(w2s_v128 a) {
  const __m128i zeros = _mm_cmpeq_epi64((__m128i)a, _mm_setzero_si128());
  return (uint32_t)_mm_testz_si128(zeros, zeros);
}

W2S_INLINE uint32_t w2s_i8x16_bitmask(w2s_v128 a) { return (uint32_t)_mm_movemask_epi8((__m128i)a); }
/* i16x8.bitmask: narrowing keeps the sign. */
W2S_INLINE uint32_t w2s_i16x8_bitmask(w2s_v128 a) {
  return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16((__m128i)a, _mm_setzero_si128()));
}
W2S_INLINE uint32_t w2s_i32x4_bitmask(w2s_v128 a) { return (uint32_t)_mm_movemask_ps((__m128)a); }
W2S_INLINE uint32_t w2s_i64x2_bitmask(w2s_v128 a) { return (uint32_t)_mm_movemask_pd((__m128d)a); }

/* ---- shifts of bytes: there are none, so shift wider lanes and mask ---- */

W2S_INLINE w2s_v128 w2s_i8x16_shl(w2s_v128 a, uint32_t n) {
  n &= 7;
  return (w2s_v128)_mm_slli_epi16((__m128i)a, (int)n) & w2s_i8x16_splat(0xffu << n);
}
W2S_INLINE w2s_v128 w2s_i8x16_shr_u(w2s_v128 a, uint32_t n) {
  n &= 7;
  return (w2s_v128)_mm_srli_epi16((__m128i)a, (int)n) & w2s_i8x16_splat(0xffu >> n);
}
/* i8x16.shr_s: without the sign, then extend it. */
W2S_INLINE w2s_v128 w2s_i8x16_shr_s(w2s_v128 a, uint32_t n) {
  const w2s_u8x16 sign = (w2s_u8x16)w2s_i8x16_splat(0x80u >> (n & 7));
  return (w2s_v128)(((w2s_u8x16)w2s_i8x16_shr_u(a, n) ^ sign) - sign);
}

/* ---- integer arithmetic ---- */

W2S_INLINE w2s_v128 w2s_i8x16_add_sat_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_adds_epi8((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i8x16_add_sat_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_adds_epu8((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i8x16_sub_sat_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_subs_epi8((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i8x16_sub_sat_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_subs_epu8((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_add_sat_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_adds_epi16((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_add_sat_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_adds_epu16((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_sub_sat_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_subs_epi16((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_sub_sat_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_subs_epu16((__m128i)a, (__m128i)b);
}

W2S_INLINE w2s_v128 w2s_i8x16_min_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_epi8((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i8x16_min_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_epu8((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i8x16_max_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_epi8((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i8x16_max_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_epu8((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i16x8_min_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_epi16((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i16x8_min_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_epu16((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i16x8_max_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_epi16((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i16x8_max_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_epu16((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i32x4_min_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_epi32((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i32x4_min_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_epu32((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i32x4_max_s(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_epi32((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i32x4_max_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_epu32((__m128i)a, (__m128i)b); }

W2S_INLINE w2s_v128 w2s_i8x16_avgr_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_avg_epu8((__m128i)a, (__m128i)b); }
W2S_INLINE w2s_v128 w2s_i16x8_avgr_u(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_avg_epu16((__m128i)a, (__m128i)b); }

W2S_INLINE w2s_v128 w2s_i8x16_abs(w2s_v128 a) { return (w2s_v128)_mm_abs_epi8((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i16x8_abs(w2s_v128 a) { return (w2s_v128)_mm_abs_epi16((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i32x4_abs(w2s_v128 a) { return (w2s_v128)_mm_abs_epi32((__m128i)a); }

/* i8x16.popcnt: two look-ups of four bits. */
W2S_INLINE w2s_v128 w2s_i8x16_popcnt(w2s_v128 a) {
  const __m128i counts = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m128i four = _mm_set1_epi8(0x0f);
  const __m128i low = _mm_shuffle_epi8(counts, _mm_and_si128((__m128i)a, four));
  const __m128i high = _mm_shuffle_epi8(counts, _mm_and_si128(_mm_srli_epi16((__m128i)a, 4), four));
  return (w2s_v128)_mm_add_epi8(low, high);
}

/* i16x8.q15mulr_sat_s: pmulhrsw wraps for -1 * -1 alone. */
W2S_INLINE w2s_v128 w2s_i16x8_q15mulr_sat_s(w2s_v128 a, w2s_v128 b) {
  const __m128i r = _mm_mulhrs_epi16((__m128i)a, (__m128i)b);
  return (w2s_v128)_mm_xor_si128(r, _mm_cmpeq_epi16(r, _mm_set1_epi16(-0x8000)));
}

W2S_INLINE w2s_v128 w2s_i32x4_dot_i16x8_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_madd_epi16((__m128i)a, (__m128i)b);
}

/* ---- narrower and wider lanes ---- */

W2S_INLINE w2s_v128 w2s_i8x16_narrow_i16x8_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_packs_epi16((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i8x16_narrow_i16x8_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_packus_epi16((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_narrow_i32x4_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_packs_epi32((__m128i)a, (__m128i)b);
}
W2S_INLINE w2s_v128 w2s_i16x8_narrow_i32x4_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_packus_epi32((__m128i)a, (__m128i)b);
}

/* extend: the high half of signed lanes is put in the upper part of wider ones and shifted down. */
W2S_INLINE w2s_v128 w2s_i16x8_extend_low_i8x16_s(w2s_v128 a) { return (w2s_v128)_mm_cvtepi8_epi16((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i16x8_extend_low_i8x16_u(w2s_v128 a) { return (w2s_v128)_mm_cvtepu8_epi16((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i16x8_extend_high_i8x16_s(w2s_v128 a) {
  return (w2s_v128)_mm_srai_epi16(_mm_unpackhi_epi8((__m128i)a, (__m128i)a), 8);
}
W2S_INLINE w2s_v128 w2s_i16x8_extend_high_i8x16_u(w2s_v128 a) {
  return (w2s_v128)_mm_unpackhi_epi8((__m128i)a, _mm_setzero_si128());
}
W2S_INLINE w2s_v128 w2s_i32x4_extend_low_i16x8_s(w2s_v128 a) { return (w2s_v128)_mm_cvtepi16_epi32((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i32x4_extend_low_i16x8_u(w2s_v128 a) { return (w2s_v128)_mm_cvtepu16_epi32((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i32x4_extend_high_i16x8_s(w2s_v128 a) {
  return (w2s_v128)_mm_srai_epi32(_mm_unpackhi_epi16((__m128i)a, (__m128i)a), 16);
}
W2S_INLINE w2s_v128 w2s_i32x4_extend_high_i16x8_u(w2s_v128 a) {
  return (w2s_v128)_mm_unpackhi_epi16((__m128i)a, _mm_setzero_si128());
}
W2S_INLINE w2s_v128 w2s_i64x2_extend_low_i32x4_s(w2s_v128 a) { return (w2s_v128)_mm_cvtepi32_epi64((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i64x2_extend_low_i32x4_u(w2s_v128 a) { return (w2s_v128)_mm_cvtepu32_epi64((__m128i)a); }
W2S_INLINE w2s_v128 w2s_i64x2_extend_high_i32x4_s(w2s_v128 a) {
  return (w2s_v128)_mm_cvtepi32_epi64(_mm_unpackhi_epi64((__m128i)a, (__m128i)a));
}
W2S_INLINE w2s_v128 w2s_i64x2_extend_high_i32x4_u(w2s_v128 a) {
  return (w2s_v128)_mm_unpackhi_epi32((__m128i)a, _mm_setzero_si128());
}

/* extmul of bytes: products of extended lanes fit. */
W2S_INLINE w2s_v128 w2s_i16x8_extmul_low_i8x16_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_low_i8x16_s(a) * (w2s_u16x8)w2s_i16x8_extend_low_i8x16_s(b));
}
W2S_INLINE w2s_v128 w2s_i16x8_extmul_high_i8x16_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_high_i8x16_s(a) * (w2s_u16x8)w2s_i16x8_extend_high_i8x16_s(b));
}
W2S_INLINE w2s_v128 w2s_i16x8_extmul_low_i8x16_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_low_i8x16_u(a) * (w2s_u16x8)w2s_i16x8_extend_low_i8x16_u(b));
}
W2S_INLINE w2s_v128 w2s_i16x8_extmul_high_i8x16_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)((w2s_u16x8)w2s_i16x8_extend_high_i8x16_u(a) * (w2s_u16x8)w2s_i16x8_extend_high_i8x16_u(b));
}
/* extmul of 16-bit lanes: low and high halves of the products, interleaved. */
W2S_INLINE w2s_v128 w2s_i32x4_extmul_low_i16x8_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_unpacklo_epi16(_mm_mullo_epi16((__m128i)a, (__m128i)b),
                                      _mm_mulhi_epi16((__m128i)a, (__m128i)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_high_i16x8_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_unpackhi_epi16(_mm_mullo_epi16((__m128i)a, (__m128i)b),
                                      _mm_mulhi_epi16((__m128i)a, (__m128i)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_low_i16x8_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_unpacklo_epi16(_mm_mullo_epi16((__m128i)a, (__m128i)b),
                                      _mm_mulhi_epu16((__m128i)a, (__m128i)b));
}
W2S_INLINE w2s_v128 w2s_i32x4_extmul_high_i16x8_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_unpackhi_epi16(_mm_mullo_epi16((__m128i)a, (__m128i)b),
                                      _mm_mulhi_epu16((__m128i)a, (__m128i)b));
}
/* extmul of 32-bit lanes: the instruction takes the even ones. */
W2S_INLINE w2s_v128 w2s_i64x2_extmul_low_i32x4_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_mul_epi32(_mm_unpacklo_epi32((__m128i)a, (__m128i)a),
                                 _mm_unpacklo_epi32((__m128i)b, (__m128i)b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_high_i32x4_s(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_mul_epi32(_mm_unpackhi_epi32((__m128i)a, (__m128i)a),
                                 _mm_unpackhi_epi32((__m128i)b, (__m128i)b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_low_i32x4_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_mul_epu32(_mm_unpacklo_epi32((__m128i)a, (__m128i)a),
                                 _mm_unpacklo_epi32((__m128i)b, (__m128i)b));
}
W2S_INLINE w2s_v128 w2s_i64x2_extmul_high_i32x4_u(w2s_v128 a, w2s_v128 b) {
  return (w2s_v128)_mm_mul_epu32(_mm_unpackhi_epi32((__m128i)a, (__m128i)a),
                                 _mm_unpackhi_epi32((__m128i)b, (__m128i)b));
}

/* extadd_pairwise: products with ones, added in pairs. */
W2S_INLINE w2s_v128 w2s_i16x8_extadd_pairwise_i8x16_s(w2s_v128 a) {
  return (w2s_v128)_mm_maddubs_epi16(_mm_set1_epi8(1), (__m128i)a);
}
W2S_INLINE w2s_v128 w2s_i16x8_extadd_pairwise_i8x16_u(w2s_v128 a) {
  return (w2s_v128)_mm_maddubs_epi16((__m128i)a, _mm_set1_epi8(1));
}
W2S_INLINE w2s_v128 w2s_i32x4_extadd_pairwise_i16x8_s(w2s_v128 a) {
  return (w2s_v128)_mm_madd_epi16((__m128i)a, _mm_set1_epi16(1));
}
W2S_INLINE w2s_v128 w2s_i32x4_extadd_pairwise_i16x8_u(w2s_v128 a) {
  return (w2s_v128)(((w2s_u32x4)a & 0xffffu) + ((w2s_u32x4)a >> 16));
}

/* i16x8.relaxed_dot_i8x16_i7x16_s: both sides signed, sums of pairs saturated. */
W2S_INLINE w2s_v128 w2s_i16x8_relaxed_dot_i8x16_i7x16_s(w2s_v128 a, w2s_v128 b) {
  const __m128i low =
      _mm_madd_epi16((__m128i)w2s_i16x8_extend_low_i8x16_s(a), (__m128i)w2s_i16x8_extend_low_i8x16_s(b));
  const __m128i high =
      _mm_madd_epi16((__m128i)w2s_i16x8_extend_high_i8x16_s(a), (__m128i)w2s_i16x8_extend_high_i8x16_s(b));
  return (w2s_v128)_mm_packs_epi32(low, high);
}

/* ---- floats ---- */

W2S_INLINE w2s_v128 w2s_f32x4_ceil(w2s_v128 a) { return (w2s_v128)_mm_ceil_ps((__m128)a); }
W2S_INLINE w2s_v128 w2s_f32x4_floor(w2s_v128 a) { return (w2s_v128)_mm_floor_ps((__m128)a); }
W2S_INLINE w2s_v128 w2s_f32x4_trunc(w2s_v128 a) {
  return (w2s_v128)_mm_round_ps((__m128)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
W2S_INLINE w2s_v128 w2s_f32x4_nearest(w2s_v128 a) {
  return (w2s_v128)_mm_round_ps((__m128)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
W2S_INLINE w2s_v128 w2s_f64x2_ceil(w2s_v128 a) { return (w2s_v128)_mm_ceil_pd((__m128d)a); }
W2S_INLINE w2s_v128 w2s_f64x2_floor(w2s_v128 a) { return (w2s_v128)_mm_floor_pd((__m128d)a); }
W2S_INLINE w2s_v128 w2s_f64x2_trunc(w2s_v128 a) {
  return (w2s_v128)_mm_round_pd((__m128d)a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
W2S_INLINE w2s_v128 w2s_f64x2_nearest(w2s_v128 a) {
  return (w2s_v128)_mm_round_pd((__m128d)a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

/* sqrt: hidden, as compilers may fold it for constants. */
W2S_INLINE w2s_v128 w2s_f32x4_sqrt(w2s_v128 a) {
  W2S_HIDE_VECTOR(a);
  return (w2s_v128)_mm_sqrt_ps((__m128)a);
}
W2S_INLINE w2s_v128 w2s_f64x2_sqrt(w2s_v128 a) {
  W2S_HIDE_VECTOR(a);
  return (w2s_v128)_mm_sqrt_pd((__m128d)a);
}

/* pmin is `b < a ? b : a`, pmax `a < b ? b : a`: minps and maxps with the operands turned round. */
W2S_INLINE w2s_v128 w2s_f32x4_pmin(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_ps((__m128)b, (__m128)a); }
W2S_INLINE w2s_v128 w2s_f32x4_pmax(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_ps((__m128)b, (__m128)a); }
W2S_INLINE w2s_v128 w2s_f64x2_pmin(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_min_pd((__m128d)b, (__m128d)a); }
W2S_INLINE w2s_v128 w2s_f64x2_pmax(w2s_v128 a, w2s_v128 b) { return (w2s_v128)_mm_max_pd((__m128d)b, (__m128d)a); }

/* min, max: `m` is right but for NaNs; where there is one, all ones with the lower payload bits cleared: a canonical
 * NaN. minps gives its second operand for zeros of either sign, so both orders are joined. */
W2S_INLINE w2s_v128 w2s_f32x4_min(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 m = (w2s_v128)_mm_min_ps((__m128)a, (__m128)b) | (w2s_v128)_mm_min_ps((__m128)b, (__m128)a);
  const w2s_v128 nan = (w2s_v128)_mm_cmpunord_ps((__m128)a, (__m128)b);
  return ~(w2s_v128)((w2s_u32x4)nan >> 10) & (m | nan);
}
W2S_INLINE w2s_v128 w2s_f32x4_max(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 m = (w2s_v128)_mm_max_ps((__m128)a, (__m128)b) & (w2s_v128)_mm_max_ps((__m128)b, (__m128)a);
  const w2s_v128 nan = (w2s_v128)_mm_cmpunord_ps((__m128)a, (__m128)b);
  return ~(w2s_v128)((w2s_u32x4)nan >> 10) & (m | nan);
}
W2S_INLINE w2s_v128 w2s_f64x2_min(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 m = (w2s_v128)_mm_min_pd((__m128d)a, (__m128d)b) | (w2s_v128)_mm_min_pd((__m128d)b, (__m128d)a);
  const w2s_v128 nan = (w2s_v128)_mm_cmpunord_pd((__m128d)a, (__m128d)b);
  return ~(nan >> 13) & (m | nan);
}
W2S_INLINE w2s_v128 w2s_f64x2_max(w2s_v128 a, w2s_v128 b) {
  const w2s_v128 m = (w2s_v128)_mm_max_pd((__m128d)a, (__m128d)b) & (w2s_v128)_mm_max_pd((__m128d)b, (__m128d)a);
  const w2s_v128 nan = (w2s_v128)_mm_cmpunord_pd((__m128d)a, (__m128d)b);
  return ~(nan >> 13) & (m | nan);
}

/* ---- conversions ---- */

/* i32x4.trunc_sat_f32x4_s: cvttps gives 0x80000000 for all it cannot convert. NaNs are made 0 before, and what is too
 * large turned over after. Its operand is hidden: for constants gcc folds it to other values than the CPU's. */
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f32x4_s(w2s_v128 a) {
  w2s_f32x4 x = (w2s_f32x4)(a & (w2s_v128)((w2s_f32x4)a == (w2s_f32x4)a));
  W2S_HIDE_VECTOR(x);
  return (w2s_v128)_mm_cvttps_epi32((__m128)x) ^ (w2s_v128)(x >= 2147483648.0f);
}

/* i32x4.trunc_sat_f32x4_u: the sum of x converted and of x - 2^31 converted, which is 0 where x is below 2^31 and where
 * it is not makes good for the 0x80000000 of the first. maxps gives its second operand for NaNs. */
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f32x4_u(w2s_v128 a) {
  w2s_f32x4 x = (w2s_f32x4)_mm_max_ps((__m128)a, _mm_setzero_ps());
  W2S_HIDE_VECTOR(x);
  w2s_f32x4 over = x - 2147483648.0f;
  W2S_HIDE_VECTOR(over);
  const w2s_v128 high = (w2s_v128)_mm_cvttps_epi32((__m128)over) ^ (w2s_v128)(over >= 2147483648.0f);
  return (w2s_v128)((w2s_u32x4)_mm_cvttps_epi32((__m128)x) +
                    (w2s_u32x4)_mm_max_epi32((__m128i)high, _mm_setzero_si128()));
}

/* i32x4.trunc_sat_f64x2_s_zero: NaNs are made 0; what is too small converts to 0x80000000. */
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f64x2_s_zero(w2s_v128 a) {
  const w2s_v128 number = a & (w2s_v128)((w2s_f64x2)a == (w2s_f64x2)a);
  w2s_f64x2 x = (w2s_f64x2)_mm_min_pd((__m128d)number, _mm_set1_pd(2147483647.0));
  W2S_HIDE_VECTOR(x);
  return (w2s_v128)_mm_cvttpd_epi32((__m128d)x);
}

/* i32x4.trunc_sat_f64x2_u_zero: in range 0 .. 2^32-1, an integer added to 2^52 stands in the lower bits. */
W2S_INLINE w2s_v128 w2s_i32x4_trunc_sat_f64x2_u_zero(w2s_v128 a) {
  const __m128d x = _mm_min_pd(_mm_max_pd((__m128d)a, _mm_setzero_pd()), _mm_set1_pd(4294967295.0));
  const __m128d whole = _mm_round_pd(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  return (w2s_v128)_mm_shuffle_ps((__m128)((w2s_f64x2)whole + 0x1p52), _mm_setzero_ps(), 0x88);
}

W2S_INLINE w2s_v128 w2s_f32x4_convert_i32x4_s(w2s_v128 a) { return (w2s_v128)_mm_cvtepi32_ps((__m128i)a); }
/* f32x4.convert_i32x4_u: both halves are exact, so their sum is rounded once. */
W2S_INLINE w2s_v128 w2s_f32x4_convert_i32x4_u(w2s_v128 a) {
  const w2s_f32x4 low = (w2s_f32x4)_mm_cvtepi32_ps((__m128i)((w2s_u32x4)a & 0xffffu));
  const w2s_f32x4 high = (w2s_f32x4)_mm_cvtepi32_ps((__m128i)((w2s_u32x4)a >> 16));
  return (w2s_v128)(high * 65536.0f + low);
}
W2S_INLINE w2s_v128 w2s_f64x2_convert_low_i32x4_s(w2s_v128 a) { return (w2s_v128)_mm_cvtepi32_pd((__m128i)a); }
/* f64x2.convert_low_i32x4_u: the lower bits of 2^52 + x are x. */
W2S_INLINE w2s_v128 w2s_f64x2_convert_low_i32x4_u(w2s_v128 a) {
  const w2s_f64x2 x = (w2s_f64x2)_mm_unpacklo_epi32((__m128i)a, _mm_set1_epi32(0x43300000));
  return (w2s_v128)(x - 0x1p52);
}

/* demote, promote: hidden, as a round trip is folded without quieting NaNs. */
W2S_INLINE w2s_v128 w2s_f32x4_demote_f64x2_zero(w2s_v128 a) {
  w2s_v128 r = (w2s_v128)_mm_cvtpd_ps((__m128d)a);
  W2S_HIDE_VECTOR(r);
  return r;
}
W2S_INLINE w2s_v128 w2s_f64x2_promote_low_f32x4(w2s_v128 a) {
  w2s_v128 r = (w2s_v128)_mm_cvtps_pd((__m128)a);
  W2S_HIDE_VECTOR(r);
  return r;
}

#endif
