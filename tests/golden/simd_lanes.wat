;;! Lanes: numbers are arguments. A shuffle is made of the widest lanes that it moves whole.
(func (param v128) (result i32) (i8x16.extract_lane_s 15 (local.get 0)))
(func (param v128 f64) (result v128) (f64x2.replace_lane 1 (local.get 0) (local.get 1)))
(func (param i32) (result v128) (i16x8.splat (i32.add (local.get 0) (i32.const 1))))
(func (param v128 v128) (result v128)
  (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get 0) (local.get 1)))
(func (param v128 v128) (result v128)
  (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get 0) (local.get 1)))
(func (param v128 v128) (result v128)
  (i8x16.shuffle 31 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 (local.get 0) (local.get 1)))

;; func 0
;; return w2s_i8x16_extract_lane_s(l0, 15);
;; func 1
;; return w2s_f64x2_replace_lane(l0, l1, 1);
;; func 2
;; return w2s_i16x8_splat((l0 + 1u));
;; func 3
;; return W2S_SHUFFLE32(l0, l1, 0, 4, 1, 5);
;; func 4
;; return W2S_SHUFFLE64(l0, l1, 1, 0);
;; func 5
;; return W2S_SHUFFLE8(l0, l1, 31, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14);
