;;! A conditional branch with values; what stays on the stack is unchanged when it is not taken.
(func (param i32 i64) (result i64)
  (block (result i64)
    (br_if 0 (local.get 1) (i32.gt_u (local.get 0) (i32.const 9)))
    (i64.const 1)
    i64.add))
(func (param i32) (result i32)
  (br_if 0 (i32.const 5) (local.get 0))
  (drop)
  (i32.const 6))
(func (param i32)
  (block (block (br_if 1 (i32.eqz (local.get 0))) (br_if 0 (local.get 0)))))

;; func 0
;; uint64_t b1_0;
;; if (l0 > 9u) { b1_0 = l1; goto L1; }
;; b1_0 = l1 + 1ull;
;; L1:;
;; return b1_0;
;; func 1
;; if (l0) return 5u;
;; return 6u;
;; func 2
;; if (l0 == 0) goto L1;
;; if (l0) goto L2;
;; L2:;
;; L1:;
;; return;
