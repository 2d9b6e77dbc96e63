;;! Atomic accesses go to an aligned cell; 8, 16 and 32 bits share their helpers between i32 and i64.
(memory 1)
(func (param i32) (drop (i32.atomic.load offset=8 (local.get 0))))
(func (param i32 i64) (result i64)
  (i64.atomic.store8 (local.get 0) (local.get 1))
  (i64.atomic.rmw16.xor_u offset=2 (local.get 0) (i64.const 7)))
(func (param i32 i32) (result i32)
  atomic.fence
  (i32.atomic.rmw.cmpxchg (local.get 0) (i32.const 0) (i32.add (local.get 1) (i32.const 1))))
(func (param i32) (result i32)
  (drop (memory.atomic.wait64 (local.get 0) (i64.const 1) (i64.const -1)))
  (memory.atomic.notify offset=4 (local.get 0) (i32.const 1)))

;; func 0
;; const uint32_t t0 = w2s_atomic_load32(w2s_cell(vm, (&vm->mem0)->base, l0, 8u, 4));
;; return;
;; func 1
;; w2s_atomic_store8(w2s_cell(vm, (&vm->mem0)->base, l0, 0u, 1), l1);
;; const uint64_t t0 = w2s_atomic_xor16(w2s_cell(vm, (&vm->mem0)->base, l0, 2u, 2), 7ull);
;; return t0;
;; func 2
;; w2s_atomic_fence();
;; const uint32_t t0 = w2s_atomic_cmpxchg32(w2s_cell(vm, (&vm->mem0)->base, l0, 0u, 4), 0u, l1 + 1u);
;; return t0;
;; func 3
;; const uint32_t t0 = w2s_atomic_wait64(vm, &vm->mem0, l0, 0u, 1ull, 18446744073709551615ull);
;; const uint32_t t1 = w2s_atomic_notify(vm, &vm->mem0, l0, 4u, 1u);
;; return t1;
