;;! Calls of own and imported functions are written at once, in order.
(import "m" "host" (func $host (param i32) (result i32)))
(import "m" "log" (func $log (param f64 i64)))
(func $own (param i32) (result i32) (local.get 0))
(func (param i32) (result i32)
  (i32.add (call $own (local.get 0)) (call $host (call $own (i32.const 1)))))
(func (call $log (f64.const 0.5) (i64.const -1)) (drop (call $own (i32.const 2))))

;; func 2
;; return l0;
;; func 3
;; w2s_check_stack(vm);
;; const uint32_t t0 = w_f2(vm, l0);
;; const uint32_t t1 = w_f2(vm, 1u);
;; const uint32_t t2 = ((w_t0 *)w2s_way(vm, vm->f0.code, vm->f0.vm, w_crossings[0]))(vm->f0.vm, t1);
;; return t0 + t2;
;; func 4
;; w2s_check_stack(vm);
;; ((w_t1 *)w2s_way(vm, vm->f1.code, vm->f1.vm, w_crossings[1]))(vm->f1.vm, 0.5, 18446744073709551615ull);
;; const uint32_t t0 = w_f2(vm, 2u);
;; return;
