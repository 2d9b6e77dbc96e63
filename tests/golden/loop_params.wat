;;! A branch to a loop with parameters is a parallel assignment: here they change places.
(func (param i32) (result i32)
  i32.const 1
  i32.const 2
  (loop (param i32 i32) (result i32)
    (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
    (if (param i32 i32) (result i32 i32) (local.get 0)
      (then (call $swap) (br 1)))
    i32.sub))
(func $swap (param i32 i32) (result i32 i32) local.get 1 local.get 0)
(func (param i32) (result i32) (local $t i32)
  i32.const 0
  i32.const 1
  (loop $fib (param i32 i32) (result i32)
    local.tee $t
    i32.add
    local.get $t
    (br_if $fib (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
    drop))

;; func 0
;; uint32_t p1_0;
;; uint32_t p1_1;
;; w2s_check_stack(vm);
;; p1_0 = 1u; p1_1 = 2u;
;; L1:;
;; l0 = l0 - 1u;
;; if (!l0) goto E2;
;; const uint32_t t0 = w_f1(vm, p1_0, p1_1);
;; const uint32_t t1 = w2s_results(vm)[1].i32;
;; p1_0 = t0; p1_1 = t1; goto L1;
;; E2:;
;; return p1_0 - p1_1;
;; func 1
;; w2s_results(vm)[1].i32 = l0; return l1;
;; func 2
;; uint32_t l1 = 0;
;; uint32_t p1_0;
;; uint32_t p1_1;
;; p1_0 = 0u; p1_1 = 1u;
;; L1:;
;; l1 = p1_1;
;; l0 = l0 - 1u;
;; const uint32_t t0 = p1_0 + l1;
;; if (l0) { p1_0 = t0; p1_1 = l1; goto L1; }
;; return p1_0 + l1;
