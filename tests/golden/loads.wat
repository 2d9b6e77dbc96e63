;;! Loads of every width; each is written at once, so the order of traps is wasm's.
(memory 1)
(func (param i32) (result i32)
  (i32.add (i32.load offset=8 (local.get 0)) (i32.load8_s (local.get 0))))
(func (param i32) (result i64)
  (i64.add (i64.load32_u offset=4294967295 (local.get 0)) (i64.load (i32.const 16))))
(func (param i32) (result f64)
  (f64.mul (f64.load (local.get 0)) (f64.promote_f32 (f32.load (local.get 0)))))
(func (param i32) (drop (i32.load16_u (local.get 0))))

;; func 0
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const uint32_t t0 = w2s_i32_load(m0, l0, 8u);
;; const uint32_t t1 = w2s_i32_load8_s(m0, l0, 0u);
;; return t0 + t1;
;; func 1
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const uint64_t t0 = w2s_i64_load32_u(m0, l0, 4294967295u);
;; const uint64_t t1 = w2s_i64_load(m0, 16u, 0u);
;; return t0 + t1;
;; func 2
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const double t0 = w2s_f64_load(m0, l0, 0u);
;; const float t1 = w2s_f32_load(m0, l0, 0u);
;; return t0 * w2s_f64_promote(t1);
;; func 3
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const uint32_t t0 = w2s_i32_load16_u(m0, l0, 0u);
;; return;
