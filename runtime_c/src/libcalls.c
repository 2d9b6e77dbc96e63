/* The builtins that generated code reaches through vm->head.builtins. Each checks all its arguments, then acts, so a trap
 * leaves no half-done operation; those that change the runtime's own lists leave wasm for the time, so that a fault
 * in them is never taken for a guest's. */
#define _GNU_SOURCE 1

#include <string.h>

#include "builtins.h"
#include "instance.h"
#include "memory.h"
#include "table.h"
#include "trap.h"
#include "type.h"

static struct w2si_store *store_of(struct w2s_vm *vm) { return w2si_store(((struct w2s_vm_head *)vm)->store); }

static struct w2s_instance *instance_of(struct w2s_vm *vm) { return ((struct w2s_vm_head *)vm)->instance; }

/* Is [at, at + n) outside of [0, size)? */
static int outside(uint64_t at, uint64_t n, uint64_t size) { return n > size || at > size - n; }

static void trap_if(struct w2s_vm *vm, uint32_t code, uintptr_t pc) {
  if (code) w2si_trap(store_of(vm), code, pc, 0);
}

static uint64_t memory_grow(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t delta_pages) {
  struct w2si_thread *thread = &w2si_thread;
  thread->in_wasm = NULL;
  uint64_t old = w2si_memory_grow(memory, delta_pages);
  thread->in_wasm = store_of(vm);
  return old;
}

static void memory_fill(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t at, uint32_t byte, uint64_t n) {
  if (outside(at, n, memory->bytes)) {
    trap_if(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS, (uintptr_t)__builtin_return_address(0));
  }
  memset(memory->base + at, (int)(byte & 0xff), n);
}

static void memory_copy(struct w2s_vm *vm, struct w2s_memory *to, uint64_t to_at, struct w2s_memory *from,
                        uint64_t from_at, uint64_t n) {
  if (outside(to_at, n, to->bytes) || outside(from_at, n, from->bytes)) {
    trap_if(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS, (uintptr_t)__builtin_return_address(0));
  }
  memmove(to->base + to_at, from->base + from_at, n);
}

static void memory_init(struct w2s_vm *vm, struct w2s_memory *memory, uint32_t data_index, uint64_t to_at,
                        uint32_t from_at, uint32_t n) {
  trap_if(vm, w2si_memory_init_from(instance_of(vm), memory, data_index, to_at, from_at, n),
          (uintptr_t)__builtin_return_address(0));
}

static void data_drop(struct w2s_vm *vm, uint32_t data_index) { w2si_data_drop(instance_of(vm), data_index); }

static uint64_t table_grow(struct w2s_vm *vm, struct w2s_table *table, uint64_t delta, union w2s_ref init) {
  struct w2si_thread *thread = &w2si_thread;
  thread->in_wasm = NULL;
  uint64_t old = w2si_table_grow(table, delta, init);
  thread->in_wasm = store_of(vm);
  return old;
}

static void table_fill(struct w2s_vm *vm, struct w2s_table *table, uint64_t at, union w2s_ref value, uint64_t n) {
  if (outside(at, n, table->n_elems)) {
    trap_if(vm, W2S_TRAP_TABLE_OUT_OF_BOUNDS, (uintptr_t)__builtin_return_address(0));
  }
  for (uint64_t i = 0; i < n; i++) table->elems[at + i] = value;
}

static void table_copy(struct w2s_vm *vm, struct w2s_table *to, uint64_t to_at, struct w2s_table *from,
                       uint64_t from_at, uint64_t n) {
  if (outside(to_at, n, to->n_elems) || outside(from_at, n, from->n_elems)) {
    trap_if(vm, W2S_TRAP_TABLE_OUT_OF_BOUNDS, (uintptr_t)__builtin_return_address(0));
  }
  memmove(to->elems + to_at, from->elems + from_at, n * sizeof *to->elems);
}

static void table_init(struct w2s_vm *vm, struct w2s_table *table, uint32_t elem_index, uint64_t to_at,
                       uint32_t from_at, uint32_t n) {
  trap_if(vm, w2si_table_init_from(instance_of(vm), table, elem_index, to_at, from_at, n),
          (uintptr_t)__builtin_return_address(0));
}

static void elem_drop(struct w2s_vm *vm, uint32_t elem_index) { w2si_elem_drop(instance_of(vm), elem_index); }

const struct w2s_builtins w2si_builtins = {
    .n_entries = (sizeof(struct w2s_builtins) - 2 * sizeof(uint32_t)) / sizeof(void *),
    .trap = w2si_builtin_trap,
    .call_host = w2si_builtin_call_host,
    .memory_grow = memory_grow,
    .memory_fill = memory_fill,
    .memory_copy = memory_copy,
    .memory_init = memory_init,
    .data_drop = data_drop,
    .table_grow = table_grow,
    .table_fill = table_fill,
    .table_copy = table_copy,
    .table_init = table_init,
    .elem_drop = elem_drop,
    .type_matches = w2si_type_matches,
};
