;;! A load whose value is dropped must still trap.
(memory 1)
(func (param i32) (drop (i64.load (local.get 0))))
(func (param i32) (result i32)
  (drop (f32.load offset=100 (local.get 0)))
  (i32.mul (i32.load (local.get 0)) (i32.const 0)))
(func (param i32) (local i32) (local.set 1 (i32.load8_u (local.get 0))))

;; func 0
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const uint64_t t0 = w2s_i64_load(m0, l0, 0u);
;; return;
;; func 1
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const float t0 = w2s_f32_load(m0, l0, 100u);
;; const uint32_t t1 = w2s_i32_load(m0, l0, 0u);
;; return t1 * 0u;
;; func 2
;; uint32_t l1 = 0;
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; l1 = w2s_i32_load8_u(m0, l0, 0u);
;; return;
