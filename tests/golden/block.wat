;;! A block's result comes by falling through or by a branch; a block that nothing branches to leaves no trace.
(func (param i32) (result i32)
  (block (result i32)
    (i32.const 10)
    (br_if 0 (local.get 0))
    (drop)
    (i32.const 20)))
(func (param i32) (result i32)
  (block (result i32) (i32.add (local.get 0) (i32.const 1))))
(func (param i32 i32) (result i32)
  local.get 0
  local.get 1
  (block (param i32 i32) (result i32) i32.sub (br 0)))

;; func 0
;; uint32_t b1_0;
;; if (l0) { b1_0 = 10u; goto L1; }
;; b1_0 = 20u;
;; L1:;
;; return b1_0;
;; func 1
;; return l0 + 1u;
;; func 2
;; uint32_t b1_0;
;; const uint32_t t0 = l0;
;; const uint32_t t1 = l1;
;; b1_0 = t0 - t1; goto L1;
;; L1:;
;; return b1_0;
