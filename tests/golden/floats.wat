;;! Float constants that C compilers fold wrongly go by bits: zeros, ones, infinities, NaNs with their payload.
(func (param f32) (result f32) (f32.mul (local.get 0) (f32.const 1)))
(func (result f32) (f32.const nan:0x200000))
(func (result f64) (f64.sub (f64.const -0) (f64.const inf)))
(func (param f64) (result f64)
  (f64.copysign (f64.min (local.get 0) (f64.const 0.1)) (f64.const -nan)))
(func (param f32) (result i32) (i32.reinterpret_f32 (f32.nearest (f32.neg (local.get 0)))))
(func (result f32) (f32.add (f32.const 0x1p-149) (f32.const -16777216)))

;; func 0
;; return l0 * w2s_f32_bits(0x3f800000u);
;; func 1
;; return w2s_f32_bits(0x7fa00000u);
;; func 2
;; return w2s_f64_bits(0x8000000000000000ull) - w2s_f64_bits(0x7ff0000000000000ull);
;; func 3
;; return w2s_f64_copysign(w2s_f64_min(l0, 0.1), w2s_f64_bits(0xfff8000000000000ull));
;; func 4
;; return w2s_i32_bits(w2s_f32_nearest(w2s_f32_neg(l0)));
;; func 5
;; return 1.401298464324817e-45f + (-16777216.0f);
