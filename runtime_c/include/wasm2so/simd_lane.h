/* Vectors: types, constants, lanes and bits. */
#ifndef WASM2SO_SIMD_LANE_H
#define WASM2SO_SIMD_LANE_H

#include "num.h"

/* A v128. Lane types are other views of the same 16 bytes; a cast between them keeps the bits. */
typedef uint64_t w2s_v128 W2S_VECTOR;
typedef uint8_t w2s_u8x16 W2S_VECTOR;
typedef int8_t w2s_i8x16 W2S_VECTOR;
typedef uint16_t w2s_u16x8 W2S_VECTOR;
typedef int16_t w2s_i16x8 W2S_VECTOR;
typedef uint32_t w2s_u32x4 W2S_VECTOR;
typedef int32_t w2s_i32x4 W2S_VECTOR;
typedef uint64_t w2s_u64x2 W2S_VECTOR;
typedef int64_t w2s_i64x2 W2S_VECTOR;
typedef float w2s_f32x4 W2S_VECTOR;
typedef double w2s_f64x2 W2S_VECTOR;

/* A v128 where only 8-byte alignment is certain: in slots of values and in globals of other instances. */
typedef w2s_v128 w2s_v128_slot W2S_ALIGNED(8);

/* The v128 in a slot's words, to read or to assign. */
W2S_INLINE w2s_v128_slot *w2s_slot_v128(uint64_t *words) { return (w2s_v128_slot *)(void *)words; }

/* v128.const, by halves. */
W2S_INLINE w2s_v128 w2s_v128_const(uint64_t low, uint64_t high) { return (w2s_v128){low, high}; }

/* ---- splat ---- */

W2S_INLINE w2s_v128 w2s_i8x16_splat(uint32_t value) {
  const uint8_t x = (uint8_t)value;
  return (w2s_v128)(w2s_u8x16){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
W2S_INLINE w2s_v128 w2s_i16x8_splat(uint32_t value) {
  const uint16_t x = (uint16_t)value;
  return (w2s_v128)(w2s_u16x8){x, x, x, x, x, x, x, x};
}
W2S_INLINE w2s_v128 w2s_i32x4_splat(uint32_t x) { return (w2s_v128)(w2s_u32x4){x, x, x, x}; }
W2S_INLINE w2s_v128 w2s_i64x2_splat(uint64_t x) { return (w2s_v128){x, x}; }
W2S_INLINE w2s_v128 w2s_f32x4_splat(float x) { return (w2s_v128)(w2s_f32x4){x, x, x, x}; }
W2S_INLINE w2s_v128 w2s_f64x2_splat(double x) { return (w2s_v128)(w2s_f64x2){x, x}; }

/* ---- extract_lane, replace_lane: the lane was checked when the module was ---- */

W2S_INLINE uint32_t w2s_i8x16_extract_lane_s(w2s_v128 v, uint32_t lane) { return (uint32_t)((w2s_i8x16)v)[lane]; }
W2S_INLINE uint32_t w2s_i8x16_extract_lane_u(w2s_v128 v, uint32_t lane) { return ((w2s_u8x16)v)[lane]; }
W2S_INLINE uint32_t w2s_i16x8_extract_lane_s(w2s_v128 v, uint32_t lane) { return (uint32_t)((w2s_i16x8)v)[lane]; }
W2S_INLINE uint32_t w2s_i16x8_extract_lane_u(w2s_v128 v, uint32_t lane) { return ((w2s_u16x8)v)[lane]; }
W2S_INLINE uint32_t w2s_i32x4_extract_lane(w2s_v128 v, uint32_t lane) { return ((w2s_u32x4)v)[lane]; }
W2S_INLINE uint64_t w2s_i64x2_extract_lane(w2s_v128 v, uint32_t lane) { return v[lane]; }
W2S_INLINE float w2s_f32x4_extract_lane(w2s_v128 v, uint32_t lane) {
  float x = ((w2s_f32x4)v)[lane];
  W2S_HIDE_FLOAT(x); /* the vector may be known */
  return x;
}
W2S_INLINE double w2s_f64x2_extract_lane(w2s_v128 v, uint32_t lane) {
  double x = ((w2s_f64x2)v)[lane];
  W2S_HIDE_FLOAT(x);
  return x;
}

W2S_INLINE w2s_v128 w2s_i8x16_replace_lane(w2s_v128 v, uint32_t x, uint32_t lane) {
  w2s_u8x16 r = (w2s_u8x16)v;
  r[lane] = (uint8_t)x;
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_i16x8_replace_lane(w2s_v128 v, uint32_t x, uint32_t lane) {
  w2s_u16x8 r = (w2s_u16x8)v;
  r[lane] = (uint16_t)x;
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_i32x4_replace_lane(w2s_v128 v, uint32_t x, uint32_t lane) {
  w2s_u32x4 r = (w2s_u32x4)v;
  r[lane] = x;
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_i64x2_replace_lane(w2s_v128 v, uint64_t x, uint32_t lane) {
  v[lane] = x;
  return v;
}
W2S_INLINE w2s_v128 w2s_f32x4_replace_lane(w2s_v128 v, float x, uint32_t lane) {
  w2s_f32x4 r = (w2s_f32x4)v;
  r[lane] = x;
  return (w2s_v128)r;
}
W2S_INLINE w2s_v128 w2s_f64x2_replace_lane(w2s_v128 v, double x, uint32_t lane) {
  w2s_f64x2 r = (w2s_f64x2)v;
  r[lane] = x;
  return (w2s_v128)r;
}

/* ---- bits ---- */

/* v128.bitselect: bits of `a` where `mask` has ones, of `b` elsewhere. */
W2S_INLINE w2s_v128 w2s_v128_bitselect(w2s_v128 a, w2s_v128 b, w2s_v128 mask) { return (a & mask) | (b & ~mask); }

#endif
