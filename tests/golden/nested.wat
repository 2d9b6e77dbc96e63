;;! Deep nesting stays flat in C: labels, no braces.
(func (param i32) (result i32)
  (block $a (result i32)
    (block $b (result i32)
      (block $c
        (block $d
          (br_if $c (local.get 0))
          (br_if $d (i32.eqz (local.get 0))))
        (br $a (i32.const 1)))
      (br $b (i32.const 2)))
    (i32.const 3)
    i32.mul))

;; func 0
;; uint32_t b1_0;
;; uint32_t b2_0;
;; if (l0) goto L3;
;; if (l0 == 0) goto L4;
;; L4:;
;; b1_0 = 1u; goto L1;
;; L3:;
;; b2_0 = 2u; goto L2;
;; L2:;
;; b1_0 = b2_0 * 3u;
;; L1:;
;; return b1_0;
