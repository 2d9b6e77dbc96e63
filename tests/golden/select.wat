;;! select takes one of two values; both are evaluated first.
(func (param i32 i32 i32) (result i32)
  (select (local.get 0) (local.get 1) (local.get 2)))
(func (param f64 i32) (result f64)
  (select (f64.const 1.5) (local.get 0) (i32.eqz (local.get 1))))
(func (param externref i32) (result externref)
  (select (result externref) (local.get 0) (ref.null extern) (local.get 1)))
(memory 1)
(func (param i32) (result i32)
  (select (i32.load (local.get 0)) (i32.const 0) (local.get 0)))

;; func 0
;; return l2 ? l0 : l1;
;; func 1
;; return (uint32_t)(l1 == 0) ? 1.5 : l0;
;; func 2
;; return l1 ? l0 : 0u;
;; func 3
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; const uint32_t t0 = w2s_i32_load(m0, l0, 0u);
;; return l0 ? t0 : 0u;
