/* The builtins that generated code reaches through vm->head.builtins. Each checks all its arguments, then acts, so a
 * trap leaves no half-done operation; growing leaves wasm for the time, so that a fault in it is never taken for a
 * guest's. */
#define _GNU_SOURCE 1

#include <string.h>

#include "bridge.h"
#include "builtins.h"
#include "exception.h"
#include "instance.h"
#include "limiter.h"
#include "memory.h"
#include "shared.h"
#include "table.h"
#include "trap.h"
#include "type.h"
#include "wait.h"

static struct w2si_store *store_of(struct w2s_vm *vm) { return w2si_store(((struct w2s_vm_head *)vm)->store); }

static struct w2s_instance *instance_of(struct w2s_vm *vm) { return ((struct w2s_vm_head *)vm)->instance; }

/* Is [at, at + n) outside of [0, size)? */
static int outside(uint64_t at, uint64_t n, uint64_t size) { return n > size || at > size - n; }

static void trap_if(struct w2s_vm *vm, uint32_t code, uintptr_t pc) {
  if (code) w2si_trap(store_of(vm), code, pc, 0);
}

static uint64_t memory_grow(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t delta_pages) {
  struct w2si_thread *thread = &w2si_thread;
  const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
  if (!memory->shared && !w2si_guest_may_grow_memory(store_of(vm), memory, delta_pages, pc)) return UINT64_MAX;
  thread->in_wasm = NULL;
  uint64_t old = memory->shared ? w2si_shared_grow(store_of(vm), memory, delta_pages)
                                : w2si_memory_grow(memory, delta_pages);
  thread->in_wasm = store_of(vm);
  return old;
}

static void memory_fill(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t at, uint32_t byte, uint64_t n) {
  if (outside(at, n, w2si_memory_bytes(memory))) {
    trap_if(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS, (uintptr_t)__builtin_return_address(0));
  }
  memset(memory->base + at, (int)(byte & 0xff), n);
}

static void memory_copy(struct w2s_vm *vm, struct w2s_memory *to, uint64_t to_at, struct w2s_memory *from,
                        uint64_t from_at, uint64_t n) {
  if (outside(to_at, n, w2si_memory_bytes(to)) || outside(from_at, n, w2si_memory_bytes(from))) {
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

/* The place of an atomic access: aligned first, then inside the memory, as the reference interpreter has it. */
static const uint8_t *atomic_cell(struct w2s_vm *vm, const struct w2s_memory *memory, uint64_t index, uint64_t offset,
                                  uint64_t n, uintptr_t pc) {
  uint64_t bytes = w2si_memory_bytes(memory);
  if ((index + offset) & (n - 1)) trap_if(vm, W2S_TRAP_HEAP_MISALIGNED, pc);
  if (n > bytes || offset > bytes - n || index > bytes - n - offset) trap_if(vm, W2S_TRAP_MEMORY_OUT_OF_BOUNDS, pc);
  return memory->base + index + offset;
}

static uint32_t atomic_notify(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                              uint32_t count) {
  struct w2si_thread *thread = &w2si_thread;
  const uint8_t *cell =
      atomic_cell(vm, memory, index, offset, sizeof(uint32_t), (uintptr_t)__builtin_return_address(0));
  if (!memory->shared) return 0;
  thread->in_wasm = NULL;
  uint32_t woken = w2si_notify(cell, count);
  thread->in_wasm = store_of(vm);
  return woken;
}

/* A wait, and what stopped it before its end. */
struct wait {
  struct w2si_store *store;
  uint32_t trap;
};

static int32_t poll(void *env) {
  struct wait *wait = env;
  if (w2si_take_interrupt(wait->store)) {
    wait->trap = W2S_TRAP_INTERRUPT;
  } else if (w2si_poll_host(wait->store)) {
    wait->trap = W2S_TRAP_HOST;
  }
  return wait->trap != 0;
}

static uint32_t atomic_wait(struct w2s_vm *vm, struct w2s_memory *memory, uint64_t index, uint64_t offset,
                            uint64_t expected, uint64_t timeout_ns, uint32_t n_bytes) {
  struct w2si_thread *thread = &w2si_thread;
  uintptr_t pc = (uintptr_t)__builtin_return_address(0);
  const uint8_t *cell = atomic_cell(vm, memory, index, offset, n_bytes, pc);
  if (!memory->shared) trap_if(vm, W2S_TRAP_WAIT_ON_UNSHARED, pc);
  struct wait wait = {.store = store_of(vm)};
  thread->in_wasm = NULL;
  int32_t result = w2si_wait(cell, expected, n_bytes, (int64_t)timeout_ns, poll, &wait);
  thread->in_wasm = wait.store;
  trap_if(vm, wait.trap, pc);
  return (uint32_t)result;
}

static uint64_t table_grow(struct w2s_vm *vm, struct w2s_table *table, uint64_t delta, union w2s_ref init) {
  struct w2si_thread *thread = &w2si_thread;
  const uintptr_t pc = (uintptr_t)__builtin_return_address(0);
  if (!w2si_guest_may_grow_table(store_of(vm), table, delta, pc)) return UINT64_MAX;
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

static struct w2s_exception *exception_new(struct w2s_vm *vm, struct w2s_tag *tag) {
  struct w2si_thread *thread = &w2si_thread;
  thread->in_wasm = NULL;
  struct w2s_exception *exception = w2si_exception_new(store_of(vm), tag);
  thread->in_wasm = store_of(vm);
  if (!exception) trap_if(vm, W2S_TRAP_OUT_OF_MEMORY, (uintptr_t)__builtin_return_address(0));
  return exception;
}

static void exception_release(struct w2s_vm *vm, struct w2s_exception *exception) {
  struct w2si_thread *thread = &w2si_thread;
  thread->in_wasm = NULL;
  w2si_exception_release(store_of(vm), exception);
  thread->in_wasm = store_of(vm);
}

static uint32_t exception_keep(struct w2s_vm *vm, const void *frame, const uint32_t *live, uint32_t n_live) {
  struct w2si_thread *thread = &w2si_thread;
  thread->in_wasm = NULL;
  uint32_t handle = w2si_exception_keep(store_of(vm), frame, live, n_live);
  thread->in_wasm = store_of(vm);
  if (!handle) trap_if(vm, W2S_TRAP_OUT_OF_MEMORY, (uintptr_t)__builtin_return_address(0));
  return handle;
}

static void exception_rethrow(struct w2s_vm *vm, uint32_t handle) {
  struct w2si_store *store = store_of(vm);
  struct w2s_exception *exception = w2si_exception_of(store, handle);
  if (!exception) trap_if(vm, W2S_TRAP_NULL_REFERENCE, (uintptr_t)__builtin_return_address(0));
  exception->refs++;
  store->pub.pending = exception;
}

static void unwind(struct w2s_vm *vm) { w2si_unwind_exception(store_of(vm), (uintptr_t)__builtin_return_address(0)); }

static struct w2s_funcref *bridge(struct w2s_vm *vm, struct w2s_funcref *callee) {
  struct w2si_thread *thread = &w2si_thread;
  thread->in_wasm = NULL;
  struct w2s_funcref *found = w2si_bridge_of(store_of(vm), callee);
  thread->in_wasm = store_of(vm);
  if (!found) trap_if(vm, W2S_TRAP_OUT_OF_MEMORY, (uintptr_t)__builtin_return_address(0));
  return found;
}

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
    .atomic_notify = atomic_notify,
    .atomic_wait = atomic_wait,
    .exception_new = exception_new,
    .exception_release = exception_release,
    .exception_keep = exception_keep,
    .exception_rethrow = exception_rethrow,
    .unwind = unwind,
    .bridge = bridge,
    .out_of_fuel = w2si_builtin_out_of_fuel,
    .epoch_reached = w2si_builtin_epoch_reached,
};
