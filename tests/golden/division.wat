;;! Division and truncation may trap: written at once, even if the result is dropped.
(func (param i32 i32) (result i32)
  (i32.add (i32.div_s (local.get 0) (local.get 1)) (i32.rem_u (local.get 0) (i32.const 10))))
(func (param i64 i64) (drop (i64.div_u (local.get 0) (local.get 1))))
(func (param f32 f64) (result i32)
  (i32.xor (i32.trunc_f32_s (local.get 0)) (i32.trunc_sat_f64_u (local.get 1))))
(func (param i64 i64) (result i64) (i64.rem_s (local.get 0) (local.get 1)))

;; func 0
;; const uint32_t t0 = w2s_i32_div_s(vm, l0, l1);
;; const uint32_t t1 = w2s_i32_rem_u(vm, l0, 10u);
;; return t0 + t1;
;; func 1
;; const uint64_t t0 = w2s_i64_div_u(vm, l0, l1);
;; return;
;; func 2
;; const uint32_t t0 = w2s_i32_trunc_f32_s(vm, l0);
;; return t0 ^ w2s_i32_trunc_sat_f64_u(l1);
;; func 3
;; const uint64_t t0 = w2s_i64_rem_s(vm, l0, l1);
;; return t0;
