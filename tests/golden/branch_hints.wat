;;! Branch hints become __builtin_expect.
(func (param i32) (result i32)
  (block (@metadata.code.branch_hint "\00") (br_if 0 (local.get 0)) (return (i32.const 1)))
  (local.get 0) (@metadata.code.branch_hint "\01")
  if (result i32) i32.const 2 else i32.const 3 end)

;; func 0
;; uint32_t b2_0;
;; if (W2S_UNLIKELY(l0)) goto L1;
;; return 1u;
;; L1:;
;; if (W2S_UNLIKELY(!l0)) goto E2;
;; b2_0 = 2u; goto L2;
;; E2:;
;; b2_0 = 3u;
;; L2:;
;; return b2_0;
