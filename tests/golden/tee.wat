;;! local.tee assigns and goes on with the local; nested assignments settle what reads the old value.
(func (param i32) (result i32) (local i32)
  (i32.add (local.tee 1 (i32.mul (local.get 0) (local.get 0))) (local.get 1)))
(func (param i32) (result i32)
  (i32.add (local.get 0) (local.tee 0 (i32.add (local.tee 0 (i32.const 3)) (local.get 0)))))

;; func 0
;; uint32_t l1 = 0;
;; l1 = l0 * l0;
;; return l1 + l1;
;; func 1
;; const uint32_t t0 = l0;
;; l0 = 3u;
;; l0 = l0 + l0;
;; return t0 + l0;
