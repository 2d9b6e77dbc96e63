/* Vector loads and stores, in the two families of mem.h: guarded, and checked (`_c`). A guarded load is kept even when
 * its value is dead: one that goes through a scalar load has its barrier there. */
#ifndef WASM2SO_SIMD_MEMORY_H
#define WASM2SO_SIMD_MEMORY_H

#include "mem.h"
#include W2S_SIMD_PART

/* A vector at any address of a guarded memory. */
typedef W2S_SPACE w2s_v128 w2s_v128_at W2S_ANYWHERE;

/* A vector read from shared memory, cut off from it (see w2s_once_i in atomic.h). */
W2S_INLINE w2s_v128 w2s_once_v(w2s_v128 v) {
  W2S_HIDE_VECTOR(v);
  return v;
}

/* v128.load. */
W2S_INLINE w2s_v128 w2s_v128_load(const w2s_byte *base, uint32_t index, uint64_t offset) {
  w2s_v128 v = *(const w2s_v128_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_VECTOR(v);
  return v;
}
W2S_INLINE w2s_v128 w2s_v128_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  w2s_v128 v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* v128.load32_zero, v128.load64_zero: straight into a vector register, never through an integer one. */
W2S_INLINE w2s_v128 w2s_v128_load32_zero(const w2s_byte *base, uint32_t index, uint64_t offset) {
  const uint32_t bits = *(const w2s_u32_at *)(base + (uint64_t)index + offset);
  w2s_v128 v = (w2s_v128)(w2s_u32x4){bits, 0, 0, 0};
  W2S_KEEP_VECTOR(v);
  return v;
}
W2S_INLINE w2s_v128 w2s_v128_load32_zero_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                         uint64_t offset) {
  uint32_t bits;
  __builtin_memcpy(&bits, w2s_checked(vm, memory, index, offset, sizeof bits), sizeof bits);
  return (w2s_v128)(w2s_u32x4){bits, 0, 0, 0};
}
W2S_INLINE w2s_v128 w2s_v128_load64_zero(const w2s_byte *base, uint32_t index, uint64_t offset) {
  const uint64_t bits = *(const w2s_u64_at *)(base + (uint64_t)index + offset);
  w2s_v128 v = {bits, 0};
  W2S_KEEP_VECTOR(v);
  return v;
}
W2S_INLINE w2s_v128 w2s_v128_load64_zero_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                         uint64_t offset) {
  uint64_t bits;
  __builtin_memcpy(&bits, w2s_checked(vm, memory, index, offset, sizeof bits), sizeof bits);
  return (w2s_v128){bits, 0};
}

/* v128.load8x8_s and its kin: eight bytes, every lane extended. */
W2S_INLINE w2s_v128 w2s_v128_load8x8_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i16x8_extend_low_i8x16_s(w2s_v128_load64_zero(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load8x8_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  return w2s_i16x8_extend_low_i8x16_s(w2s_v128_load64_zero_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load8x8_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i16x8_extend_low_i8x16_u(w2s_v128_load64_zero(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load8x8_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  return w2s_i16x8_extend_low_i8x16_u(w2s_v128_load64_zero_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load16x4_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i32x4_extend_low_i16x8_s(w2s_v128_load64_zero(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load16x4_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i32x4_extend_low_i16x8_s(w2s_v128_load64_zero_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load16x4_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i32x4_extend_low_i16x8_u(w2s_v128_load64_zero(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load16x4_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i32x4_extend_low_i16x8_u(w2s_v128_load64_zero_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load32x2_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i64x2_extend_low_i32x4_s(w2s_v128_load64_zero(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load32x2_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i64x2_extend_low_i32x4_s(w2s_v128_load64_zero_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load32x2_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i64x2_extend_low_i32x4_u(w2s_v128_load64_zero(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load32x2_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i64x2_extend_low_i32x4_u(w2s_v128_load64_zero_c(vm, memory, index, offset));
}

/* v128.load8_splat and its kin. */
W2S_INLINE w2s_v128 w2s_v128_load8_splat(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i8x16_splat(w2s_i32_load8_u(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load8_splat_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                         uint64_t offset) {
  return w2s_i8x16_splat(w2s_i32_load8_u_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load16_splat(const w2s_byte *base, uint32_t index, uint64_t offset) {
  return w2s_i16x8_splat(w2s_i32_load16_u(base, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load16_splat_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i16x8_splat(w2s_i32_load16_u_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load32_splat(const w2s_byte *base, uint32_t index, uint64_t offset) {
  const w2s_u32x4 v = (w2s_u32x4)w2s_v128_load32_zero(base, index, offset);
  return (w2s_v128)W2S_SHUFFLE(v, v, 0, 0, 0, 0);
}
W2S_INLINE w2s_v128 w2s_v128_load32_splat_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i32x4_splat(w2s_i32_load_c(vm, memory, index, offset));
}
W2S_INLINE w2s_v128 w2s_v128_load64_splat(const w2s_byte *base, uint32_t index, uint64_t offset) {
  const w2s_v128 v = w2s_v128_load64_zero(base, index, offset);
  return W2S_SHUFFLE(v, v, 0, 0);
}
W2S_INLINE w2s_v128 w2s_v128_load64_splat_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index,
                                          uint64_t offset) {
  return w2s_i64x2_splat(w2s_i64_load_c(vm, memory, index, offset));
}

/* v128.load8_lane and its kin: the other lanes are those of `v`. */
W2S_INLINE w2s_v128 w2s_v128_load8_lane(const w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v,
                                      uint32_t lane) {
  return w2s_i8x16_replace_lane(v, w2s_i32_load8_u(base, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load8_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                        w2s_v128 v, uint32_t lane) {
  return w2s_i8x16_replace_lane(v, w2s_i32_load8_u_c(vm, memory, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load16_lane(const w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v,
                                       uint32_t lane) {
  return w2s_i16x8_replace_lane(v, w2s_i32_load16_u(base, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load16_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                         w2s_v128 v, uint32_t lane) {
  return w2s_i16x8_replace_lane(v, w2s_i32_load16_u_c(vm, memory, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load32_lane(const w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v,
                                       uint32_t lane) {
  return w2s_f32x4_replace_lane(v, w2s_f32_load(base, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load32_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                         w2s_v128 v, uint32_t lane) {
  return w2s_f32x4_replace_lane(v, w2s_f32_load_c(vm, memory, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load64_lane(const w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v,
                                       uint32_t lane) {
  return w2s_f64x2_replace_lane(v, w2s_f64_load(base, index, offset), lane);
}
W2S_INLINE w2s_v128 w2s_v128_load64_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                         w2s_v128 v, uint32_t lane) {
  return w2s_f64x2_replace_lane(v, w2s_f64_load_c(vm, memory, index, offset), lane);
}

/* v128.store: one store of a register. In halves, the first would be written where the second faults. */
W2S_INLINE void w2s_v128_store(w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v) {
  W2S_HIDE_VECTOR(v);
  *(w2s_v128_at *)(base + (uint64_t)index + offset) = v;
}
W2S_INLINE void w2s_v128_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                               w2s_v128 v) {
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* v128.store8_lane and its kin. */
W2S_INLINE void w2s_v128_store8_lane(w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v, uint32_t lane) {
  w2s_i32_store8(base, index, offset, w2s_i8x16_extract_lane_u(v, lane));
}
W2S_INLINE void w2s_v128_store8_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                     w2s_v128 v, uint32_t lane) {
  w2s_i32_store8_c(vm, memory, index, offset, w2s_i8x16_extract_lane_u(v, lane));
}
W2S_INLINE void w2s_v128_store16_lane(w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v, uint32_t lane) {
  w2s_i32_store16(base, index, offset, w2s_i16x8_extract_lane_u(v, lane));
}
W2S_INLINE void w2s_v128_store16_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                      w2s_v128 v, uint32_t lane) {
  w2s_i32_store16_c(vm, memory, index, offset, w2s_i16x8_extract_lane_u(v, lane));
}
W2S_INLINE void w2s_v128_store32_lane(w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v, uint32_t lane) {
  w2s_f32_store(base, index, offset, w2s_f32x4_extract_lane(v, lane));
}
W2S_INLINE void w2s_v128_store32_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                      w2s_v128 v, uint32_t lane) {
  w2s_f32_store_c(vm, memory, index, offset, w2s_f32x4_extract_lane(v, lane));
}
W2S_INLINE void w2s_v128_store64_lane(w2s_byte *base, uint32_t index, uint64_t offset, w2s_v128 v, uint32_t lane) {
  w2s_f64_store(base, index, offset, w2s_f64x2_extract_lane(v, lane));
}
W2S_INLINE void w2s_v128_store64_lane_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                      w2s_v128 v, uint32_t lane) {
  w2s_f64_store_c(vm, memory, index, offset, w2s_f64x2_extract_lane(v, lane));
}

#endif
