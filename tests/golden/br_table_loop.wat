;;! An entry of br_table that goes back to a loop, and one that leaves the function.
(func (param i32) (result i32)
  (loop (result i32)
    (block
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br_table 0 1 (i32.eqz (local.get 0))))
    (i32.const 8)))
(func (param i32)
  (loop (br_table 0 1 0 (local.get 0))))

;; func 0
;; L1:;
;; l0 = l0 - 1u;
;; switch ((uint32_t)(l0 == 0)) {
;;   case 0: goto L2;
;;   default: goto L1;
;; }
;; L2:;
;; return 8u;
;; func 1
;; L1:;
;; switch (l0) {
;;   case 1: return;
;;   default: goto L1;
;; }
