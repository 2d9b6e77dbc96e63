;;! A tail call of the function itself starts it again; any other is left to the function's entry.
(func $count (param i32 i32) (result i32) (local i32)
  (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
  (local.set 2 (i32.add (local.get 1) (local.get 2)))
  (return_call $count (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 2) (i32.const 2))))
(func $hop (param i32) (result i32)
  (return_call $count (local.get 0) (i32.const 1)))

;; func 0
;; uint32_t l2;
;; L0:;
;; l2 = 0;
;; if (l0 != 0) goto E1;
;; return l1;
;; E1:;
;; l2 = l1 + l2;
;; const uint32_t t0 = l0 - 1u;
;; const uint32_t t1 = l2 + 2u;
;; l0 = t0;
;; l1 = t1;
;; goto L0;
;; func 1
;; if (W2S_JUMPS) W2S_JUMP w_j0(vm, l0, 1u);
;; w2s_results(vm)[0].i32 = l0;
;; w2s_results(vm)[1].i32 = 1u;
;; w2s_tail_call(vm, (void (*)(void))w_f0, vm, w_tramp0, 2u);
;; return 0;
