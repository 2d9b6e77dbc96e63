;; Constants and result patterns of every kind.
(assert_return (invoke "i" (i32.const 0xffffffff) (i32.const -1) (i64.const -0x8000000000000000)))
(assert_return (invoke "f"
  (f32.const 0x1.8p1) (f32.const -0) (f32.const inf) (f32.const -inf) (f32.const nan) (f32.const -nan:0x200000)
  (f32.const 1e-45) (f32.const 0x1p-149) (f32.const 3.4028234663852886e38) (f32.const 16777217)
  (f64.const 0.1) (f64.const nan:0x4000000000000) (f64.const 0x0.0000000000001p-1022)))
(assert_return (invoke "v"
  (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 -1)
  (v128.const i64x2 1 -1)
  (v128.const f32x4 1 -0 nan:0x1 inf)))
(assert_return (invoke "r" (ref.null func) (ref.null extern) (ref.extern 3) (ref.host 4)))
(assert_return (invoke "p")
  (f32.const nan:canonical) (f64.const nan:arithmetic)
  (v128.const f32x4 nan:canonical 1 nan:arithmetic 0)
  (either (i32.const 1) (i32.const 2))
  (ref.func) (ref.extern) (ref.i31) (ref.struct) (ref.null) (ref.null any) (ref.null nofunc))
