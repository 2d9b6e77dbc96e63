;;! Both arms assign the result; an if without else jumps over its body.
(func (param i32) (result i32)
  (if (result i32) (local.get 0)
    (then (i32.const 1))
    (else (i32.const 2))))
(func (param i32) (result i32)
  (if (i32.lt_s (local.get 0) (i32.const 0))
    (then (local.set 0 (i32.sub (i32.const 0) (local.get 0)))))
  local.get 0)
(func (param i32 i64) (result i64)
  local.get 1
  (if (param i64) (result i64) (i32.eqz (local.get 0))
    (then (i64.const 1) i64.add)
    (else (drop) (i64.const 0))))

;; func 0
;; uint32_t b1_0;
;; if (!l0) goto E1;
;; b1_0 = 1u; goto L1;
;; E1:;
;; b1_0 = 2u;
;; L1:;
;; return b1_0;
;; func 1
;; if (!((int32_t)l0 < (int32_t)0u)) goto E1;
;; l0 = 0u - l0;
;; E1:;
;; return l0;
;; func 2
;; uint64_t b1_0;
;; const uint64_t t0 = l1;
;; if (l0 != 0) goto E1;
;; b1_0 = t0 + 1ull; goto L1;
;; E1:;
;; b1_0 = 0ull;
;; L1:;
;; return b1_0;
