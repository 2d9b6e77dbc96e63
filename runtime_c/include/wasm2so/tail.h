/* Tail calls (spec: Control Instructions, return_call and its kin).
 *
 * A function that makes them has two parts: an inner one, which holds its code, and an entry, which calls the inner part.
 * The inner part either jumps to what it calls, or leaves the arguments in the store, says whom to call and returns to
 * the entry, whose loop makes the call. Both take no stack, and they may be mixed. Jumps are written as calls that a
 * compiler can make jumps of: W2S_JUMPS is 1 only where the build has them made, and looks at the object whether they
 * were. They go to symbols that stand for nothing else, so that each is found there: w_j12 is a function of the module, w_k3 a
 * few instructions that go wherever the store says. */
#ifndef WASM2SO_TAIL_H
#define WASM2SO_TAIL_H

#include "call.h"

_Static_assert(__builtin_offsetof(struct w2s_vm_head, store) == W2S_STORE_OFFSET, "offset in W2S_JUMP_CODE");
_Static_assert(__builtin_offsetof(struct w2s_store, tail.direct) == W2S_DIRECT_OFFSET, "offset in W2S_JUMP_CODE");

/* Leave the arguments in the result slots, say whom to call, and return to the entry. */
W2S_INLINE void w2s_tail_call(w2s_vm *vm, void (*code)(void), w2s_vm *callee,
                              void (*run)(struct w2s_funcref *, union w2s_value *), uint32_t n_slots) {
  struct w2s_tail *tail = &((struct w2s_vm_head *)(void *)vm)->store->tail;
  tail->callee.code = code;
  tail->callee.vm = callee;
  tail->n_slots = n_slots;
  tail->run = run;
}

/* The segment register for what a tail call goes to. */
W2S_INLINE void w2s_tail_switch(const w2s_vm *callee) {
  if (w2s_segment(callee) != 0) W2S_SET_SEGMENT(w2s_segment(callee));
}

/* Before an indirect jump: where to. An entry that finds its own address there leaves tail calls to whoever made the
 * jump, and so to the loop that this one is under. Other functions do not look. */
W2S_INLINE void w2s_jump_to(w2s_vm *vm, void (*code)(void), const w2s_vm *callee) {
  if (W2S_UNLIKELY(callee != vm)) w2s_tail_switch(callee);
  ((struct w2s_vm_head *)(void *)vm)->store->tail.direct = code;
}

/* At the entry: was it jumped to, or called by the loop below? Then its tail calls will be seen to. */
W2S_INLINE int w2s_tail_direct(w2s_vm *vm, void (*self)(void)) {
  struct w2s_tail *tail = &((struct w2s_vm_head *)(void *)vm)->store->tail;
  if (tail->direct != self) return 0;
  tail->direct = 0;
  return 1;
}

/* At the entry: what the segment register holds, if it may be another one when the inner part has returned from a jump to
 * another instance; else NULL. */
W2S_INLINE uint8_t *w2s_tail_segment(const w2s_vm *vm) {
  if (W2S_SEGMENTED) return w2s_segment(vm);
  uint8_t *segment = 0;
  if (W2S_UNLIKELY(((const struct w2s_vm_head *)(const void *)vm)->store->segmented)) W2S_GET_SEGMENT(segment);
  return segment;
}

/* Likewise, when all tail calls have been made: the register as it was. */
W2S_INLINE void w2s_tail_back(uint8_t *before) {
  if (before == 0) return;
  uint8_t *segment;
  W2S_GET_SEGMENT(segment);
  if (W2S_UNLIKELY(segment != before)) W2S_SET_SEGMENT(before);
}

/* Has the function that just returned asked for a tail call? */
W2S_INLINE int w2s_tail_asked(w2s_vm *vm) { return ((struct w2s_vm_head *)(void *)vm)->store->tail.run != 0; }

/* Make tail calls until one returns for good; results are in the result slots, the first one included. Arguments are
 * copied out of the slots first, because the callee may leave there those of the next tail call. */
W2S_OUTLINE union w2s_value *w2s_tail_loop(w2s_vm *vm) {
  struct w2s_store *store = ((struct w2s_vm_head *)(void *)vm)->store;
  struct w2s_tail *tail = &store->tail;
  while (tail->run) {
    void (*run)(struct w2s_funcref *, union w2s_value *) = tail->run;
    union w2s_value values[tail->n_slots];
    for (uint32_t i = 0; i < tail->n_slots; i++) values[i] = store->results[i];
    tail->run = 0;
    tail->direct = tail->callee.code;
    w2s_tail_switch(tail->callee.vm);
    run(&tail->callee, values);
    if (!tail->run) store->results[0] = values[0];
  }
  return store->results;
}

#endif
