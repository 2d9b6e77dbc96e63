;;! Vectors in locals, globals, blocks, selections and second results.
(global $own (mut v128) (v128.const i64x2 1 2))
(global $constant v128 (v128.const i64x2 3 4))
(func $pair (param v128) (result i32 v128) (i32.const 1) (local.get 0))
(func (param v128 i32) (result v128) (local v128)
  (select (local.get 0) (local.get 2) (local.get 1)))
(func (result v128)
  (global.set $own (v128.and (global.get $own) (global.get $constant)))
  (global.get $own))
(func (param v128) (result v128) (local v128)
  (call $pair (local.get 0)) (local.set 1) (drop) (local.get 1))
(func (param v128 i32) (result v128)
  (block (result v128)
    (br_if 0 (local.get 0) (local.get 1)) (drop) (v128.const i64x2 0 0)))

;; func 0
;; *w2s_slot_v128(w2s_results(vm)[1].words) = l0; return 1u;
;; func 1
;; w2s_v128 l2 = w2s_v128_const(0x0ull, 0x0ull);
;; return l1 ? l0 : l2;
;; func 2
;; w2s_v128 t0 = vm->g0;
;; vm->g0 = t0 & w2s_v128_const(0x3ull, 0x4ull);
;; w2s_v128 t1 = vm->g0;
;; return t1;
;; func 3
;; w2s_v128 l1 = w2s_v128_const(0x0ull, 0x0ull);
;; w2s_check_stack(vm);
;; const uint32_t t0 = w_f0(vm, l0);
;; l1 = *w2s_slot_v128(w2s_results(vm)[1].words);
;; return l1;
;; func 4
;; w2s_v128 b1_0;
;; if (l1) { b1_0 = l0; goto L1; }
;; b1_0 = w2s_v128_const(0x0ull, 0x0ull);
;; L1:;
;; return b1_0;
