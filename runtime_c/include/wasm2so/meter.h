/* Fuel and epochs, for modules that were compiled with them. */
#ifndef WASM2SO_METER_H
#define WASM2SO_METER_H

#include "num.h"

W2S_OUTLINE void w2s_out_of_fuel(w2s_vm *vm) { ((struct w2s_vm_head *)(void *)vm)->builtins->out_of_fuel(vm); }

W2S_OUTLINE void w2s_epoch_reached(w2s_vm *vm) { ((struct w2s_vm_head *)(void *)vm)->builtins->epoch_reached(vm); }

/* Take the cost of what follows off the fuel. Nothing that follows may be done before: where the code traps or asks the
 * host, the count must be that of the instructions that were reached, whatever a compiler made of them. */
W2S_INLINE void w2s_count(w2s_vm *vm, uint32_t cost) {
  ((struct w2s_vm_head *)(void *)vm)->store->fuel -= cost;
  W2S_BARRIER();
}

/* Likewise, and look whether that much was left. */
W2S_INLINE void w2s_burn(w2s_vm *vm, uint32_t cost) {
  w2s_count(vm, cost);
  if (W2S_UNLIKELY(((struct w2s_vm_head *)(void *)vm)->store->fuel < 0)) w2s_out_of_fuel(vm);
}

/* Likewise, for an instruction that does something n times. More than this nobody has. */
W2S_INLINE void w2s_burn_bulk(w2s_vm *vm, uint64_t n) {
  const uint64_t most = UINT64_C(1) << 62;
  ((struct w2s_vm_head *)(void *)vm)->store->fuel -= (int64_t)(n < most ? n : most);
  W2S_BARRIER();
  if (W2S_UNLIKELY(((struct w2s_vm_head *)(void *)vm)->store->fuel < 0)) w2s_out_of_fuel(vm);
}

/* Has the epoch come to the store's deadline? Both are written by other threads. */
W2S_INLINE void w2s_epoch(w2s_vm *vm) {
  const struct w2s_store *store = ((struct w2s_vm_head *)(void *)vm)->store;
  if (W2S_UNLIKELY(__atomic_load_n(store->epoch, __ATOMIC_RELAXED) >=
                   __atomic_load_n(&store->epoch_deadline, __ATOMIC_RELAXED)))
    w2s_epoch_reached(vm);
}

#endif
