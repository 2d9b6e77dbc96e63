;;! Branches by index: few entries are a switch; the values are assigned for each target.
(func (param i32) (result i32)
  (block (block (block (br_table 0 1 2 (local.get 0)))
      (return (i32.const 10)))
    (return (i32.const 11)))
  (i32.const 12))
(func (param i32) (result i32)
  (block (result i32)
    (block (result i32)
      (br_table 0 1 0 (i32.const 7) (local.get 0)))
    (i32.const 1)
    i32.add))
(func (param i32) (block (br_table 0 (local.get 0))))

;; func 0
;; switch (l0) {
;;   case 0: goto L3;
;;   case 1: goto L2;
;;   default: goto L1;
;; }
;; L3:;
;; return 10u;
;; L2:;
;; return 11u;
;; L1:;
;; return 12u;
;; func 1
;; uint32_t b2_0;
;; uint32_t b1_0;
;; switch (l0) {
;;   case 1: { b1_0 = 7u; goto L1; }
;;   default: { b2_0 = 7u; goto L2; }
;; }
;; L2:;
;; b1_0 = b2_0 + 1u;
;; L1:;
;; return b1_0;
;; func 2
;; switch (l0) {
;;   default: goto L1;
;; }
;; L1:;
;; return;
