/* Calls, tables and the stack (spec: Control and Table Instructions). */
#ifndef WASM2SO_CALL_H
#define WASM2SO_CALL_H

#include "num.h"

/* Function entry: trap before the stack is used up. Frames grow downwards from the frame address. */
W2S_INLINE void w2s_check_stack(w2s_vm *vm) {
  const uint8_t *frame = (const uint8_t *)__builtin_frame_address(0);
  if (W2S_UNLIKELY(frame < ((struct w2s_vm_head *)(void *)vm)->store->stack_limit))
    w2s_trap(vm, W2S_TRAP_STACK_OVERFLOW);
}

/* Function entry where the frame itself may be larger than the reserve below the limit. */
W2S_INLINE void w2s_check_stack_for(w2s_vm *vm, uint64_t frame_bytes) {
  const uint8_t *frame = (const uint8_t *)__builtin_frame_address(0);
  const uint8_t *limit = ((struct w2s_vm_head *)(void *)vm)->store->stack_limit;
  if (W2S_UNLIKELY(frame < limit || (uint64_t)(frame - limit) < frame_bytes)) w2s_trap(vm, W2S_TRAP_STACK_OVERFLOW);
}

/* What the segment register holds while the code of `vm` runs; NULL: anything, as for the host. */
W2S_INLINE uint8_t *w2s_segment(const w2s_vm *vm) { return ((const struct w2s_vm_head *)(const void *)vm)->segment; }

/* The code to call for a function of `callee`: its own, or, where the segment register must be set for it, that of a
 * stub which does so. Every call leaves the register as it was. */
W2S_INLINE void (*w2s_way(w2s_vm *vm, void (*code)(void), const w2s_vm *callee, void (*stub)(void)))(void) {
  if (W2S_LIKELY(callee == vm)) return code;
  if (w2s_segment(callee) == 0 || w2s_segment(callee) == w2s_segment(vm)) return code;
  ((struct w2s_vm_head *)(void *)vm)->store->crossing = code;
  return stub;
}

/* In the stub: what to call. */
W2S_INLINE void (*w2s_crossing(w2s_vm *callee))(void) { return ((struct w2s_vm_head *)(void *)callee)->store->crossing; }

/* In the stub: set the segment register for the callee; what it held. */
W2S_INLINE uint8_t *w2s_cross(const w2s_vm *callee) {
  uint8_t *before;
  W2S_GET_SEGMENT(before);
  W2S_SET_SEGMENT(w2s_segment(callee));
  return before;
}

/* In the stub: after the call. */
W2S_INLINE void w2s_cross_back(uint8_t *before) { W2S_SET_SEGMENT(before); }

/* Second and further results of the last call. */
W2S_INLINE union w2s_value *w2s_results(w2s_vm *vm) { return ((struct w2s_vm_head *)(void *)vm)->store->results; }

/* call_indirect: the callee, once index, null and canonical type have been checked. */
W2S_INLINE struct w2s_funcref *w2s_callee(w2s_vm *vm, const struct w2s_table *table, uint64_t index,
                                                uint32_t type) {
  if (W2S_UNLIKELY(index >= table->n_elems)) w2s_trap(vm, W2S_TRAP_UNDEFINED_ELEMENT);
  struct w2s_funcref *callee = table->elems[index].func;
  if (W2S_UNLIKELY(callee == 0)) w2s_trap(vm, W2S_TRAP_INDIRECT_CALL_TO_NULL);
  if (W2S_UNLIKELY(callee->type != type)) w2s_trap(vm, W2S_TRAP_BAD_SIGNATURE);
  return callee;
}

/* call_indirect with a type that has subtypes. */
W2S_INLINE struct w2s_funcref *w2s_callee_sub(w2s_vm *vm, const struct w2s_table *table, uint64_t index,
                                                    uint32_t type) {
  if (W2S_UNLIKELY(index >= table->n_elems)) w2s_trap(vm, W2S_TRAP_UNDEFINED_ELEMENT);
  struct w2s_funcref *callee = table->elems[index].func;
  if (W2S_UNLIKELY(callee == 0)) w2s_trap(vm, W2S_TRAP_INDIRECT_CALL_TO_NULL);
  if (callee->type != type &&
      W2S_UNLIKELY(!((struct w2s_vm_head *)(void *)vm)->builtins->type_matches(callee->type, type)))
    w2s_trap(vm, W2S_TRAP_BAD_SIGNATURE);
  return callee;
}

/* call_ref and ref.as_non_null on a function: null traps. */
W2S_INLINE struct w2s_funcref *w2s_non_null_func(w2s_vm *vm, struct w2s_funcref *func) {
  if (W2S_UNLIKELY(func == 0)) w2s_trap(vm, W2S_TRAP_NULL_REFERENCE);
  return func;
}

/* ref.as_non_null on any other reference. */
W2S_INLINE uint32_t w2s_non_null_ref(w2s_vm *vm, uint32_t ref) {
  if (W2S_UNLIKELY(ref == 0)) w2s_trap(vm, W2S_TRAP_NULL_REFERENCE);
  return ref;
}

/* table.get of a function table. */
W2S_INLINE struct w2s_funcref *w2s_table_get_func(w2s_vm *vm, const struct w2s_table *table, uint64_t index) {
  if (W2S_UNLIKELY(index >= table->n_elems)) w2s_trap(vm, W2S_TRAP_TABLE_OUT_OF_BOUNDS);
  return table->elems[index].func;
}

/* table.get of any other table: a 32-bit handle. */
W2S_INLINE uint32_t w2s_table_get_ref(w2s_vm *vm, const struct w2s_table *table, uint64_t index) {
  if (W2S_UNLIKELY(index >= table->n_elems)) w2s_trap(vm, W2S_TRAP_TABLE_OUT_OF_BOUNDS);
  return (uint32_t)table->elems[index].word;
}

/* A reference as a table element. */
W2S_INLINE union w2s_ref w2s_from_func(struct w2s_funcref *func) {
  union w2s_ref ref;
  ref.func = func;
  return ref;
}
W2S_INLINE union w2s_ref w2s_from_ref(uint32_t handle) {
  union w2s_ref ref;
  ref.word = handle;
  return ref;
}

/* table.set. */
W2S_INLINE void w2s_table_put(w2s_vm *vm, const struct w2s_table *table, uint64_t index, union w2s_ref value) {
  if (W2S_UNLIKELY(index >= table->n_elems)) w2s_trap(vm, W2S_TRAP_TABLE_OUT_OF_BOUNDS);
  table->elems[index] = value;
}

/* table.grow: the old size, all ones where it cannot grow. */
W2S_INLINE uint64_t w2s_table_grown(w2s_vm *vm, struct w2s_table *table, union w2s_ref init, uint64_t delta) {
  return ((struct w2s_vm_head *)(void *)vm)->builtins->table_grow(vm, table, delta, init);
}

/* table.fill. */
W2S_INLINE void w2s_table_fill(w2s_vm *vm, struct w2s_table *table, uint64_t at, union w2s_ref value, uint64_t n) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->table_fill(vm, table, at, value, n);
}

/* table.copy. */
W2S_INLINE void w2s_table_copy(w2s_vm *vm, struct w2s_table *to, struct w2s_table *from, uint64_t to_at,
                               uint64_t from_at, uint64_t n) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->table_copy(vm, to, to_at, from, from_at, n);
}

/* table.init. */
W2S_INLINE void w2s_table_init(w2s_vm *vm, struct w2s_table *table, uint32_t segment, uint64_t to_at,
                               uint32_t from_at, uint32_t n) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->table_init(vm, table, segment, to_at, from_at, n);
}

/* elem.drop. */
W2S_INLINE void w2s_elem_drop(w2s_vm *vm, uint32_t segment) {
  ((struct w2s_vm_head *)(void *)vm)->builtins->elem_drop(vm, segment);
}

/* A host stub's way out of wasm: run the host function; does not return if it fails. */
W2S_INLINE void w2s_call_host(struct w2s_host_func *host, union w2s_value *values) {
  host->head.builtins->call_host(host, values);
}

#endif
