;;! A loop is a label and a jump back, never a C loop.
(func (param i32) (result i32) (local i32)
  (loop
    (local.set 1 (i32.add (local.get 1) (local.get 0)))
    (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))
    (br_if 0))
  local.get 1)
(func (loop (br 0)))
(func (result i32) (loop (result i32) (i32.const 3)))

;; func 0
;; uint32_t l1 = 0;
;; L1:;
;; l1 = l1 + l0;
;; l0 = l0 - 1u;
;; if (l0) goto L1;
;; return l1;
;; func 1
;; L1:;
;; goto L1;
;; func 2
;; return 3u;
