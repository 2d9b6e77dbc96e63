;;! Vector loads and stores, whole, extended, splat and by lanes.
(memory 1)
(func (param i32) (v128.store offset=16 (local.get 0) (v128.load (local.get 0))))
(func (param i32) (result v128)
  (i16x8.add (v128.load8x8_u (local.get 0)) (v128.load16_splat offset=8 (local.get 0))))
(func (param i32 v128) (result v128) (v128.load32_lane offset=4 2 (local.get 0) (local.get 1)))
(func (param i32 v128) (v128.store8_lane 15 (local.get 0) (local.get 1)))
(func (param i32) (drop (v128.load64_zero (local.get 0))))

;; func 0
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; w2s_v128 t0 = w2s_v128_load(m0, l0, 0u);
;; w2s_v128_store(m0, l0, 16u, t0);
;; return;
;; func 1
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; w2s_v128 t0 = w2s_v128_load8x8_u(m0, l0, 0u);
;; w2s_v128 t1 = w2s_v128_load16_splat(m0, l0, 8u);
;; return w2s_i16x8_add(t0, t1);
;; func 2
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; w2s_v128 t0 = w2s_v128_load32_lane(m0, l0, 4u, l1, 2);
;; return t0;
;; func 3
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; w2s_v128_store8_lane(m0, l0, 0u, l1, 15);
;; return;
;; func 4
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; w2s_v128 t0 = w2s_v128_load64_zero(m0, l0, 0u);
;; return;
