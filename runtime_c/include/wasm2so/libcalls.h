/* The runtime's out-of-line helpers for generated code, reached through vm->head.builtins.
 *
 * The table is append-only: a new entry goes to the end, none changes its type. Every helper checks all its
 * arguments before it changes anything, and traps by not returning. `vm` is the calling instance's context.
 */
#ifndef WASM2SO_LIBCALLS_H
#define WASM2SO_LIBCALLS_H

#include "abi.h"

struct w2s_builtins {
  uint32_t n_entries;
  uint32_t reserved_;

  /* Unwind to the innermost activation with enum w2s_trap_code `code`. Never returns. */
  void (*trap)(struct w2s_vm *vm, uint32_t code);

  /* Called by host stubs: leave wasm, run the host function, come back; traps with W2S_TRAP_HOST on failure. */
  void (*call_host)(struct w2s_host_func *func, union w2s_value *values);

  /* memory.grow: the old size in pages, or UINT64_MAX where it cannot grow. */
  uint64_t (*memory_grow)(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t delta_pages);
  /* memory.fill, memory.copy, memory.init, data.drop (Step/memory.fill ...). */
  void (*memory_fill)(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t at, uint32_t byte, uint64_t n);
  void (*memory_copy)(struct w2s_vm *vm, struct w2s_memory *to, uint64_t to_at, struct w2s_memory *from,
                      uint64_t from_at, uint64_t n);
  void (*memory_init)(struct w2s_vm *vm, struct w2s_memory *memory, uint32_t data_index, uint64_t to_at,
                      uint32_t from_at, uint32_t n);
  void (*data_drop)(struct w2s_vm *vm, uint32_t data_index);

  /* table.grow: the old number of elements, or UINT64_MAX. */
  uint64_t (*table_grow)(struct w2s_vm *vm, struct w2s_table *table, uint64_t delta, union w2s_ref init);
  void (*table_fill)(struct w2s_vm *vm, struct w2s_table *table, uint64_t at, union w2s_ref value, uint64_t n);
  void (*table_copy)(struct w2s_vm *vm, struct w2s_table *to, uint64_t to_at, struct w2s_table *from,
                     uint64_t from_at, uint64_t n);
  void (*table_init)(struct w2s_vm *vm, struct w2s_table *table, uint32_t elem_index, uint64_t to_at,
                     uint32_t from_at, uint32_t n);
  void (*elem_drop)(struct w2s_vm *vm, uint32_t elem_index);

  /* call_indirect through a table whose element type is not final: is `actual` a subtype of `expected`? */
  uint32_t (*type_matches)(uint32_t actual, uint32_t expected);

  /* memory.atomic.notify: how many were woken. */
  uint32_t (*atomic_notify)(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                            uint32_t count);
  /* memory.atomic.wait32 (n_bytes 4) and wait64 (8): 0 woken, 1 not equal, 2 timed out. */
  uint32_t (*atomic_wait)(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                          uint64_t expected, uint64_t timeout_ns, uint32_t n_bytes);

  /* throw: an exception of `tag` whose values the caller fills in. Traps without memory. */
  struct w2s_exception *(*exception_new)(struct w2s_vm *vm, struct w2s_tag *tag);
  /* Give up a reference to an exception. */
  void (*exception_release)(struct w2s_vm *vm, struct w2s_exception *exception);
  /* catch_ref: the pending exception, pending no longer, as a handle. It belongs to the C frame at `frame`: it lives as
   * long as that frame runs and has the handle in `live` at each of its calls of this. Without a frame it lives until
   * the store's outermost call ends, or as long as the store if handles can be stored in it. */
  uint32_t (*exception_keep)(struct w2s_vm *vm, const void *frame, const uint32_t *live, uint32_t n_live);
  /* throw_ref, rethrow: make the exception with this handle pending; null traps. */
  void (*exception_rethrow)(struct w2s_vm *vm, uint32_t handle);
  /* Leave all frames up to the next one that can test for the pending exception. Never returns. */
  void (*unwind)(struct w2s_vm *vm);
  /* For a callee without `raw`: a function that calls it and has one. */
  struct w2s_funcref *(*bridge)(struct w2s_vm *vm, struct w2s_funcref *callee);

  /* The store's fuel is below zero: comes back once the embedder has given enough, else traps. */
  void (*out_of_fuel)(struct w2s_vm *vm);
  /* The epoch has come to the store's deadline: comes back if the code is to go on. */
  void (*epoch_reached)(struct w2s_vm *vm);
};

#endif
