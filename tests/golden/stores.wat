;;! Stores; the address is evaluated before the value.
(memory 1)
(func (param i32 i64 f32)
  (i32.store offset=4 (local.get 0) (i32.const -1))
  (i64.store32 (local.get 0) (local.get 1))
  (i32.store8 (i32.add (local.get 0) (i32.const 1)) (i32.const 300))
  (f32.store (local.get 0) (local.get 2)))
(func (param i32)
  (i32.store (local.get 0) (i32.load (local.get 0))))

;; func 0
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; w2s_i32_store(m0, l0, 4u, 4294967295u);
;; w2s_i64_store32(m0, l0, 0u, l1);
;; w2s_i32_store8(m0, l0 + 1u, 0u, 300u);
;; w2s_f32_store(m0, l0, 0u, l2);
;; return;
;; func 1
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const uint32_t t0 = w2s_i32_load(m0, l0, 0u);
;; w2s_i32_store(m0, l0, 0u, t0);
;; return;
