;;! Vector arithmetic: functions of simd.h; bit operations are C's own. Constants are two halves.
(func (param v128 v128) (result v128)
  (i32x4.add (i32x4.mul (local.get 0) (local.get 1)) (v128.const i32x4 1 2 3 4)))
(func (param v128 v128 v128) (result v128)
  (v128.or (v128.andnot (local.get 0) (local.get 1)) (v128.not (local.get 2))))
(func (param v128 v128 v128) (result v128)
  (v128.bitselect (f32x4.min (local.get 0) (local.get 1)) (local.get 1) (local.get 2)))
(func (param v128 i32) (result v128 i32)
  (i8x16.shl (local.get 0) (local.get 1)) (i8x16.all_true (local.get 0)))
(func (param v128 v128 v128) (result v128)
  (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2)))

;; func 0
;; return w2s_i32x4_add(w2s_i32x4_mul(l0, l1), w2s_v128_const(0x200000001ull, 0x400000003ull));
;; func 1
;; return (l0 & ~l1) | (~l2);
;; func 2
;; return w2s_v128_bitselect(w2s_f32x4_min(l0, l1), l1, l2);
;; func 3
;; w2s_results(vm)[1].i32 = w2s_i8x16_all_true(l0); return w2s_i8x16_shl(l0, l1);
;; func 4
;; return w2s_f32x4_relaxed_madd(l0, l1, l2);
