/* Loads and stores (spec: Memory Instructions). Two families:
 *
 * - w2s_<op>(base, index, offset): a guarded 32-bit memory. index and offset are below 2^32 and the reservation
 *   spans every sum of them, so the access needs no check: beyond the memory's end it faults, and the fault
 *   handler turns that into a trap.
 * - w2s_<op>_c(vm, memory, index, offset): any other memory, checked before it is touched.
 *
 * Bytes are moved by memcpy: wasm allows unaligned access and has no strict aliasing. A load is kept even when its
 * value is dead (W2S_KEEP), since out of bounds must always trap.
 */
#ifndef WASM2SO_MEM_H
#define WASM2SO_MEM_H

#include "num.h"

/* Floats at any address. Read as such, since gcc moves the bytes of a memcpy through an integer register. */
typedef float w2s_f32_at W2S_ANYWHERE;
typedef double w2s_f64_at W2S_ANYWHERE;

/* The address of n bytes at index + offset in a checked memory; every sum is tested before it can wrap. */
W2S_INLINE uint8_t *w2s_checked(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                uint64_t n) {
  const uint64_t bytes = memory->bytes;
  if (W2S_UNLIKELY(n > bytes || offset > bytes - n || index > bytes - n - offset))
    w2s_trap(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  return memory->base + index + offset;
}

/* i32.load. */
W2S_INLINE uint32_t w2s_i32_load(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint32_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint32_t w2s_i32_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint32_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load. */
W2S_INLINE uint64_t w2s_i64_load(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint64_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint64_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* f32.load. */
W2S_INLINE float w2s_f32_load(const uint8_t *base, uint32_t index, uint64_t offset) {
  float v = *(const w2s_f32_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_FLOAT(v);
  return v;
}
W2S_INLINE float w2s_f32_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  float v = *(const w2s_f32_at *)w2s_checked(vm, memory, index, offset, sizeof v);
  W2S_HIDE_FLOAT(v);
  return v;
}

/* f64.load. */
W2S_INLINE double w2s_f64_load(const uint8_t *base, uint32_t index, uint64_t offset) {
  double v = *(const w2s_f64_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_FLOAT(v);
  return v;
}
W2S_INLINE double w2s_f64_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  double v = *(const w2s_f64_at *)w2s_checked(vm, memory, index, offset, sizeof v);
  W2S_HIDE_FLOAT(v);
  return v;
}

/* i32.load8_s. */
W2S_INLINE uint32_t w2s_i32_load8_s(const uint8_t *base, uint32_t index, uint64_t offset) {
  int8_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return (uint32_t)(int32_t)v;
}
W2S_INLINE uint32_t w2s_i32_load8_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint32_t)(int32_t)v;
}

/* i32.load8_u. */
W2S_INLINE uint32_t w2s_i32_load8_u(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint8_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint32_t w2s_i32_load8_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i32.load16_s. */
W2S_INLINE uint32_t w2s_i32_load16_s(const uint8_t *base, uint32_t index, uint64_t offset) {
  int16_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return (uint32_t)(int32_t)v;
}
W2S_INLINE uint32_t w2s_i32_load16_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint32_t)(int32_t)v;
}

/* i32.load16_u. */
W2S_INLINE uint32_t w2s_i32_load16_u(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint16_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint32_t w2s_i32_load16_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load8_s. */
W2S_INLINE uint64_t w2s_i64_load8_s(const uint8_t *base, uint32_t index, uint64_t offset) {
  int8_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return (uint64_t)(int64_t)v;
}
W2S_INLINE uint64_t w2s_i64_load8_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint64_t)(int64_t)v;
}

/* i64.load8_u. */
W2S_INLINE uint64_t w2s_i64_load8_u(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint8_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load8_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load16_s. */
W2S_INLINE uint64_t w2s_i64_load16_s(const uint8_t *base, uint32_t index, uint64_t offset) {
  int16_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return (uint64_t)(int64_t)v;
}
W2S_INLINE uint64_t w2s_i64_load16_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint64_t)(int64_t)v;
}

/* i64.load16_u. */
W2S_INLINE uint64_t w2s_i64_load16_u(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint16_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load16_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load32_s. */
W2S_INLINE uint64_t w2s_i64_load32_s(const uint8_t *base, uint32_t index, uint64_t offset) {
  int32_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return (uint64_t)(int64_t)v;
}
W2S_INLINE uint64_t w2s_i64_load32_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int32_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint64_t)(int64_t)v;
}

/* i64.load32_u. */
W2S_INLINE uint64_t w2s_i64_load32_u(const uint8_t *base, uint32_t index, uint64_t offset) {
  uint32_t v;
  __builtin_memcpy(&v, base + (uint64_t)index + offset, sizeof v);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load32_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint32_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i32.store. */
W2S_INLINE void w2s_i32_store(uint8_t *base, uint32_t index, uint64_t offset, uint32_t value) {
  const uint32_t v = value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i32_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint32_t value) {
  const uint32_t v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store. */
W2S_INLINE void w2s_i64_store(uint8_t *base, uint32_t index, uint64_t offset, uint64_t value) {
  const uint64_t v = value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i64_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint64_t v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* f32.store. */
W2S_INLINE void w2s_f32_store(uint8_t *base, uint32_t index, uint64_t offset, float value) {
  const float v = value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_f32_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, float value) {
  const float v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* f64.store. */
W2S_INLINE void w2s_f64_store(uint8_t *base, uint32_t index, uint64_t offset, double value) {
  const double v = value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_f64_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, double value) {
  const double v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i32.store8. */
W2S_INLINE void w2s_i32_store8(uint8_t *base, uint32_t index, uint64_t offset, uint32_t value) {
  const uint8_t v = (uint8_t)value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i32_store8_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint32_t value) {
  const uint8_t v = (uint8_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i32.store16. */
W2S_INLINE void w2s_i32_store16(uint8_t *base, uint32_t index, uint64_t offset, uint32_t value) {
  const uint16_t v = (uint16_t)value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i32_store16_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint32_t value) {
  const uint16_t v = (uint16_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store8. */
W2S_INLINE void w2s_i64_store8(uint8_t *base, uint32_t index, uint64_t offset, uint64_t value) {
  const uint8_t v = (uint8_t)value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i64_store8_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint8_t v = (uint8_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store16. */
W2S_INLINE void w2s_i64_store16(uint8_t *base, uint32_t index, uint64_t offset, uint64_t value) {
  const uint16_t v = (uint16_t)value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i64_store16_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint16_t v = (uint16_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store32. */
W2S_INLINE void w2s_i64_store32(uint8_t *base, uint32_t index, uint64_t offset, uint64_t value) {
  const uint32_t v = (uint32_t)value;
  __builtin_memcpy(base + (uint64_t)index + offset, &v, sizeof v);
}
W2S_INLINE void w2s_i64_store32_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint32_t v = (uint32_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* memory.size, in pages. */
W2S_INLINE uint64_t w2s_memory_pages(const struct w2s_memory *memory) { return memory->bytes >> memory->page_log2; }

/* memory.grow: the old size in pages, all ones where it cannot grow. */
W2S_INLINE uint64_t w2s_memory_grown(w2s_vm *vm, struct w2s_memory *memory, uint64_t delta) {
  return ((struct w2s_vm_head *)(void *)vm)->builtins->memory_grow(vm, memory, delta);
}

/* memory.fill. */
W2S_INLINE void w2s_memory_fill(w2s_vm *vm, struct w2s_memory *memory, uint64_t at, uint32_t byte, uint64_t n) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->memory_fill(vm, memory, at, byte, n);
}

/* memory.copy; the two memories may be the same and the ranges may overlap. */
W2S_INLINE void w2s_memory_copy(w2s_vm *vm, struct w2s_memory *to, struct w2s_memory *from, uint64_t to_at,
                                uint64_t from_at, uint64_t n) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->memory_copy(vm, to, to_at, from, from_at, n);
}

/* memory.init. */
W2S_INLINE void w2s_memory_init(w2s_vm *vm, struct w2s_memory *memory, uint32_t segment, uint64_t to_at,
                                uint32_t from_at, uint32_t n) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->memory_init(vm, memory, segment, to_at, from_at, n);
}

/* data.drop. */
W2S_INLINE void w2s_data_drop(w2s_vm *vm, uint32_t segment) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->data_drop(vm, segment);
}

#endif
