/* Loads and stores (spec: Memory Instructions). Two families:
 *
 * - w2s_<op>(base, index, offset): a guarded 32-bit memory. index and offset are below 2^32 and the reservation
 *   spans every sum of them, so the access needs no check: beyond the memory's end it faults, and the fault
 *   handler turns that into a trap.
 * - w2s_<op>_c(vm, memory, index, offset): any other memory, checked before it is touched.
 *
 * Values are accessed at types without alignment that alias anything, as wasm has it. A load is kept even when its
 * value is dead (W2S_KEEP), since out of bounds must always trap.
 */
#ifndef WASM2SO_MEM_H
#define WASM2SO_MEM_H

#include "num.h"

/* A byte of a guarded memory. */
typedef W2S_SPACE uint8_t w2s_byte;

/* Values at any address of a guarded memory, which may lie in an address space of its own. Floats are read as such, since
 * gcc moves the bytes of a memcpy through an integer register. */
typedef W2S_SPACE uint32_t w2s_u32_at W2S_ANYWHERE;
typedef W2S_SPACE uint64_t w2s_u64_at W2S_ANYWHERE;
typedef W2S_SPACE int8_t w2s_i8_at W2S_ANYWHERE;
typedef W2S_SPACE uint8_t w2s_u8_at W2S_ANYWHERE;
typedef W2S_SPACE int16_t w2s_i16_at W2S_ANYWHERE;
typedef W2S_SPACE uint16_t w2s_u16_at W2S_ANYWHERE;
typedef W2S_SPACE int32_t w2s_i32_at W2S_ANYWHERE;
typedef W2S_SPACE float w2s_f32_at W2S_ANYWHERE;
typedef W2S_SPACE double w2s_f64_at W2S_ANYWHERE;
/* Floats at any address of a checked memory. */
typedef float w2s_f32_any W2S_ANYWHERE;
typedef double w2s_f64_any W2S_ANYWHERE;

/* Where the addresses of a guarded memory begin: its base, or 0 in its own address space. */
W2S_INLINE w2s_byte *w2s_base(const struct w2s_memory *memory) { return W2S_IN_SPACE(memory->base); }

/* The address of n bytes at index + offset in a checked memory; every sum is tested before it can wrap. */
W2S_INLINE uint8_t *w2s_checked(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                uint64_t n) {
  const uint64_t bytes = memory->bytes;
  if (W2S_UNLIKELY(n > bytes || offset > bytes - n || index > bytes - n - offset))
    w2s_trap(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS);
  return memory->base + index + offset;
}

/* i32.load. */
W2S_INLINE uint32_t w2s_i32_load(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint32_t v = *(const w2s_u32_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint32_t w2s_i32_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint32_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load. */
W2S_INLINE uint64_t w2s_i64_load(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint64_t v = *(const w2s_u64_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint64_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* f32.load. */
W2S_INLINE float w2s_f32_load(const w2s_byte *base, uint32_t index, uint64_t offset) {
  float v = *(const w2s_f32_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_FLOAT(v);
  return v;
}
W2S_INLINE float w2s_f32_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  float v = *(const w2s_f32_any *)w2s_checked(vm, memory, index, offset, sizeof v);
  W2S_HIDE_FLOAT(v);
  return v;
}

/* f64.load. */
W2S_INLINE double w2s_f64_load(const w2s_byte *base, uint32_t index, uint64_t offset) {
  double v = *(const w2s_f64_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_FLOAT(v);
  return v;
}
W2S_INLINE double w2s_f64_load_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  double v = *(const w2s_f64_any *)w2s_checked(vm, memory, index, offset, sizeof v);
  W2S_HIDE_FLOAT(v);
  return v;
}

/* i32.load8_s. */
W2S_INLINE uint32_t w2s_i32_load8_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  int8_t v = *(const w2s_i8_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return (uint32_t)(int32_t)v;
}
W2S_INLINE uint32_t w2s_i32_load8_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint32_t)(int32_t)v;
}

/* i32.load8_u. */
W2S_INLINE uint32_t w2s_i32_load8_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint8_t v = *(const w2s_u8_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint32_t w2s_i32_load8_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i32.load16_s. */
W2S_INLINE uint32_t w2s_i32_load16_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  int16_t v = *(const w2s_i16_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return (uint32_t)(int32_t)v;
}
W2S_INLINE uint32_t w2s_i32_load16_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint32_t)(int32_t)v;
}

/* i32.load16_u. */
W2S_INLINE uint32_t w2s_i32_load16_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint16_t v = *(const w2s_u16_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint32_t w2s_i32_load16_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load8_s. */
W2S_INLINE uint64_t w2s_i64_load8_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  int8_t v = *(const w2s_i8_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return (uint64_t)(int64_t)v;
}
W2S_INLINE uint64_t w2s_i64_load8_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint64_t)(int64_t)v;
}

/* i64.load8_u. */
W2S_INLINE uint64_t w2s_i64_load8_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint8_t v = *(const w2s_u8_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load8_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint8_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load16_s. */
W2S_INLINE uint64_t w2s_i64_load16_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  int16_t v = *(const w2s_i16_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return (uint64_t)(int64_t)v;
}
W2S_INLINE uint64_t w2s_i64_load16_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint64_t)(int64_t)v;
}

/* i64.load16_u. */
W2S_INLINE uint64_t w2s_i64_load16_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint16_t v = *(const w2s_u16_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load16_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint16_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i64.load32_s. */
W2S_INLINE uint64_t w2s_i64_load32_s(const w2s_byte *base, uint32_t index, uint64_t offset) {
  int32_t v = *(const w2s_i32_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return (uint64_t)(int64_t)v;
}
W2S_INLINE uint64_t w2s_i64_load32_s_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  int32_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return (uint64_t)(int64_t)v;
}

/* i64.load32_u. */
W2S_INLINE uint64_t w2s_i64_load32_u(const w2s_byte *base, uint32_t index, uint64_t offset) {
  uint32_t v = *(const w2s_u32_at *)(base + (uint64_t)index + offset);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_i64_load32_u_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset) {
  uint32_t v;
  __builtin_memcpy(&v, w2s_checked(vm, memory, index, offset, sizeof v), sizeof v);
  return v;
}

/* i32.store. */
W2S_INLINE void w2s_i32_store(w2s_byte *base, uint32_t index, uint64_t offset, uint32_t value) {
  *(w2s_u32_at *)(base + (uint64_t)index + offset) = value;
}
W2S_INLINE void w2s_i32_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint32_t value) {
  const uint32_t v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store. */
W2S_INLINE void w2s_i64_store(w2s_byte *base, uint32_t index, uint64_t offset, uint64_t value) {
  *(w2s_u64_at *)(base + (uint64_t)index + offset) = value;
}
W2S_INLINE void w2s_i64_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint64_t v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* f32.store. */
W2S_INLINE void w2s_f32_store(w2s_byte *base, uint32_t index, uint64_t offset, float value) {
  *(w2s_f32_at *)(base + (uint64_t)index + offset) = value;
}
W2S_INLINE void w2s_f32_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, float value) {
  const float v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* f64.store. */
W2S_INLINE void w2s_f64_store(w2s_byte *base, uint32_t index, uint64_t offset, double value) {
  *(w2s_f64_at *)(base + (uint64_t)index + offset) = value;
}
W2S_INLINE void w2s_f64_store_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, double value) {
  const double v = value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i32.store8. */
W2S_INLINE void w2s_i32_store8(w2s_byte *base, uint32_t index, uint64_t offset, uint32_t value) {
  *(w2s_u8_at *)(base + (uint64_t)index + offset) = (uint8_t)value;
}
W2S_INLINE void w2s_i32_store8_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint32_t value) {
  const uint8_t v = (uint8_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i32.store16. */
W2S_INLINE void w2s_i32_store16(w2s_byte *base, uint32_t index, uint64_t offset, uint32_t value) {
  *(w2s_u16_at *)(base + (uint64_t)index + offset) = (uint16_t)value;
}
W2S_INLINE void w2s_i32_store16_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint32_t value) {
  const uint16_t v = (uint16_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store8. */
W2S_INLINE void w2s_i64_store8(w2s_byte *base, uint32_t index, uint64_t offset, uint64_t value) {
  *(w2s_u8_at *)(base + (uint64_t)index + offset) = (uint8_t)value;
}
W2S_INLINE void w2s_i64_store8_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint8_t v = (uint8_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store16. */
W2S_INLINE void w2s_i64_store16(w2s_byte *base, uint32_t index, uint64_t offset, uint64_t value) {
  *(w2s_u16_at *)(base + (uint64_t)index + offset) = (uint16_t)value;
}
W2S_INLINE void w2s_i64_store16_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset, uint64_t value) {
  const uint16_t v = (uint16_t)value;
  __builtin_memcpy(w2s_checked(vm, memory, index, offset, sizeof v), &v, sizeof v);
}

/* i64.store32. */
W2S_INLINE void w2s_i64_store32(w2s_byte *base, uint32_t index, uint64_t offset, uint64_t value) {
  *(w2s_u32_at *)(base + (uint64_t)index + offset) = (uint32_t)value;
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
