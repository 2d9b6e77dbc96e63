;;! Several results: the first is returned, the others lie in the store's slots.
(func $three (param i32) (result i32 i64 f64)
  (local.get 0) (i64.const 2) (f64.const 3))
(func (param i32) (result f64)
  (call $three (local.get 0))
  (local.set 0 (i32.const 0))
  (call $three (i32.const 1))
  drop drop drop
  drop drop drop
  (f64.const 4))
(func (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))

;; func 0
;; w2s_results(vm)[1].i64 = 2ull; w2s_results(vm)[2].f64 = 3.0; return l0;
;; func 1
;; w2s_check_stack(vm);
;; const uint32_t t0 = w_f0(vm, l0);
;; const uint64_t t1 = w2s_results(vm)[1].i64;
;; const double t2 = w2s_results(vm)[2].f64;
;; l0 = 0u;
;; const uint32_t t3 = w_f0(vm, 1u);
;; const uint64_t t4 = w2s_results(vm)[1].i64;
;; const double t5 = w2s_results(vm)[2].f64;
;; return 4.0;
;; func 2
;; w2s_results(vm)[1].i32 = l0; return l1;
