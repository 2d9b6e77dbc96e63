;;! What is read from a shared memory is cut off from it; its size is read atomically.
(memory (export "own") 1 2 shared)
(memory i64 1 2 shared)
(func (param i32) (result i32)
  (i32.store (local.get 0) (i32.load8_s (local.get 0)))
  (memory.size))
(func (param i64) (result f64) (f64.load 1 (local.get 0)))
(func (param i64) (result i32) (i32.atomic.rmw.add 1 offset=4 (local.get 0) (i32.const 1)))

;; func 0
;; w2s_byte *const m0 = w2s_base(vm->mem0);
;; const uint32_t t0 = w2s_once_i(w2s_i32_load8_s(m0, w2s_fresh_i(l0), 0u));
;; w2s_i32_store(m0, w2s_fresh_i(l0), 0u, t0);
;; const uint32_t t1 = (uint32_t)w2s_shared_pages(vm->mem0);
;; return t1;
;; func 1
;; const struct w2s_memory *const m1 = vm->mem1;
;; struct w2s_memory s1 = {.base = m1->base};
;; const double t0 = w2s_once_d(w2s_f64_load_c(vm, w2s_now(m1, &s1), w2s_fresh_l(l0), 0u));
;; return t0;
;; func 2
;; const struct w2s_memory *const m1 = vm->mem1;
;; struct w2s_memory s1 = {.base = m1->base};
;; const uint32_t t0 = w2s_atomic_add32(w2s_cell_c(vm, w2s_now(m1, &s1), l0, 4u, 4), 1u);
;; return t0;
