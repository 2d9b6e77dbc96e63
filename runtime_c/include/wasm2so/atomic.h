/* Atomic instructions (threads proposal: Atomic Memory Instructions) and what shared memories need beyond mem.h.
 *
 * Every atomic access goes to a cell: w2s_cell (guarded memories) and w2s_cell_c (checked ones) give its address. They
 * trap if it is not aligned, before the access and before any other trap, since a C compiler may assume alignment. The
 * accesses themselves are sequentially consistent, which keeps the compiler from moving other accesses across them.
 * 8, 16 and 32 bits are handled as uint32_t: arguments wrap, results are extended with zeros, as the instructions say
 * for both i32 and i64.
 */
#ifndef WASM2SO_ATOMIC_H
#define WASM2SO_ATOMIC_H

#include "mem.h"
#include W2S_WITH_ATOMICS

/* The cell of n bytes at index + offset in a guarded memory, whose base is aligned to pages. */
W2S_INLINE uint8_t *w2s_cell(w2s_vm *vm, uint8_t *base, uint32_t index, uint64_t offset, uint64_t n) {
  const uint64_t at = (uint64_t)index + offset;
  if (W2S_UNLIKELY(at & (n - 1))) w2s_trap(vm, W2S_TRAP_HEAP_MISALIGNED);
  return base + at;
}

/* Likewise in a checked memory; if the sum wraps, its low bits are right and the check sees the rest. */
W2S_INLINE uint8_t *w2s_cell_c(w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                               uint64_t n) {
  if (W2S_UNLIKELY((index + offset) & (n - 1))) w2s_trap(vm, W2S_TRAP_HEAP_MISALIGNED);
  return w2s_checked(vm, memory, index, offset, n);
}

/* A checked shared memory as it is now: a copy for one access, since other threads make the original grow. */
W2S_INLINE const struct w2s_memory *w2s_now(const struct w2s_memory *shared, struct w2s_memory *copy) {
  copy->bytes = __atomic_load_n(&shared->bytes, __ATOMIC_ACQUIRE);
  return copy;
}

/* The index of a plain access to shared memory, as if it could be another one each time: else a compiler, which knows of
 * no other threads, takes loads out of loops and leaves out stores that another one of its own overwrites. */
W2S_INLINE uint32_t w2s_fresh_i(uint32_t index) {
  W2S_HIDE_INT(index);
  return index;
}
W2S_INLINE uint64_t w2s_fresh_l(uint64_t index) {
  W2S_HIDE_INT(index);
  return index;
}

/* A value read from shared memory, cut off from it: a compiler short of registers may read memory again instead of
 * keeping a value, and what was checked before would not be what is used after. */
W2S_INLINE uint32_t w2s_once_i(uint32_t v) {
  W2S_HIDE_INT(v);
  return v;
}
W2S_INLINE uint64_t w2s_once_l(uint64_t v) {
  W2S_HIDE_INT(v);
  return v;
}
W2S_INLINE float w2s_once_f(float v) {
  W2S_KEEP_FLOAT(v);
  return v;
}
W2S_INLINE double w2s_once_d(double v) {
  W2S_KEEP_FLOAT(v);
  return v;
}

/* memory.size of a shared memory, in pages. */
W2S_INLINE uint64_t w2s_shared_pages(const struct w2s_memory *memory) {
  return __atomic_load_n(&memory->bytes, __ATOMIC_SEQ_CST) >> memory->page_log2;
}

/* atomic.fence. */
W2S_INLINE void w2s_atomic_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

/* memory.atomic.notify. */
W2S_INLINE uint32_t w2s_atomic_notify(w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                      uint32_t count) {
  return ((struct w2s_vm_head *)(void *)vm)->builtins->atomic_notify(vm, memory, index, offset, count);
}

/* memory.atomic.wait32. */
W2S_INLINE uint32_t w2s_atomic_wait32(w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                      uint32_t expected, uint64_t timeout) {
  return ((struct w2s_vm_head *)(void *)vm)->builtins->atomic_wait(vm, memory, index, offset, expected, timeout, 4);
}

/* memory.atomic.wait64. */
W2S_INLINE uint32_t w2s_atomic_wait64(w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                      uint64_t expected, uint64_t timeout) {
  return ((struct w2s_vm_head *)(void *)vm)->builtins->atomic_wait(vm, memory, index, offset, expected, timeout, 8);
}

/* 8 bits. A load whose value is dead is kept: out of bounds must trap. */
W2S_INLINE uint32_t w2s_atomic_load8(const uint8_t *cell) {
  const uint32_t v = __atomic_load_n((const uint8_t *)(const void *)cell, __ATOMIC_SEQ_CST);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE void w2s_atomic_store8(uint8_t *cell, uint32_t v) {
  __atomic_store_n((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_add8(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_add((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_sub8(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_sub((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_and8(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_and((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_or8(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_or((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_xor8(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_xor((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_xchg8(uint8_t *cell, uint32_t v) {
  return __atomic_exchange_n((uint8_t *)(void *)cell, (uint8_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_cmpxchg8(uint8_t *cell, uint32_t expected, uint32_t v) {
  uint8_t found = (uint8_t)expected;
  __atomic_compare_exchange_n((uint8_t *)(void *)cell, &found, (uint8_t)v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return found;
}

/* 16 bits. A load whose value is dead is kept: out of bounds must trap. */
W2S_INLINE uint32_t w2s_atomic_load16(const uint8_t *cell) {
  const uint32_t v = __atomic_load_n((const uint16_t *)(const void *)cell, __ATOMIC_SEQ_CST);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE void w2s_atomic_store16(uint8_t *cell, uint32_t v) {
  __atomic_store_n((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_add16(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_add((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_sub16(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_sub((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_and16(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_and((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_or16(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_or((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_xor16(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_xor((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_xchg16(uint8_t *cell, uint32_t v) {
  return __atomic_exchange_n((uint16_t *)(void *)cell, (uint16_t)v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_cmpxchg16(uint8_t *cell, uint32_t expected, uint32_t v) {
  uint16_t found = (uint16_t)expected;
  __atomic_compare_exchange_n((uint16_t *)(void *)cell, &found, (uint16_t)v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return found;
}

/* 32 bits. A load whose value is dead is kept: out of bounds must trap. */
W2S_INLINE uint32_t w2s_atomic_load32(const uint8_t *cell) {
  const uint32_t v = __atomic_load_n((const uint32_t *)(const void *)cell, __ATOMIC_SEQ_CST);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE void w2s_atomic_store32(uint8_t *cell, uint32_t v) {
  __atomic_store_n((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_add32(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_add((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_sub32(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_sub((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_and32(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_and((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_or32(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_or((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_xor32(uint8_t *cell, uint32_t v) {
  return __atomic_fetch_xor((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_xchg32(uint8_t *cell, uint32_t v) {
  return __atomic_exchange_n((uint32_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint32_t w2s_atomic_cmpxchg32(uint8_t *cell, uint32_t expected, uint32_t v) {
  uint32_t found = expected;
  __atomic_compare_exchange_n((uint32_t *)(void *)cell, &found, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return found;
}

/* 64 bits. A load whose value is dead is kept: out of bounds must trap. */
W2S_INLINE uint64_t w2s_atomic_load64(const uint8_t *cell) {
  const uint64_t v = __atomic_load_n((const uint64_t *)(const void *)cell, __ATOMIC_SEQ_CST);
  W2S_KEEP_INT(v);
  return v;
}
W2S_INLINE void w2s_atomic_store64(uint8_t *cell, uint64_t v) {
  __atomic_store_n((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_add64(uint8_t *cell, uint64_t v) {
  return __atomic_fetch_add((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_sub64(uint8_t *cell, uint64_t v) {
  return __atomic_fetch_sub((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_and64(uint8_t *cell, uint64_t v) {
  return __atomic_fetch_and((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_or64(uint8_t *cell, uint64_t v) {
  return __atomic_fetch_or((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_xor64(uint8_t *cell, uint64_t v) {
  return __atomic_fetch_xor((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_xchg64(uint8_t *cell, uint64_t v) {
  return __atomic_exchange_n((uint64_t *)(void *)cell, v, __ATOMIC_SEQ_CST);
}
W2S_INLINE uint64_t w2s_atomic_cmpxchg64(uint8_t *cell, uint64_t expected, uint64_t v) {
  __atomic_compare_exchange_n((uint64_t *)(void *)cell, &expected, v, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  return expected;
}

#endif
