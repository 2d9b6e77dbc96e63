;;! A pending read of a local keeps the value from before the write.
(func (param i32 i32) (result i32)
  local.get 0
  i32.const 1
  local.set 0
  local.get 1
  i32.add
  local.get 0
  i32.mul)
(func (param i32) (result i32 i32)
  local.get 0
  local.get 0
  i32.const 1
  i32.add
  local.tee 0)

;; func 0
;; const uint32_t t0 = l0;
;; l0 = 1u;
;; return (t0 + l1) * l0;
;; func 1
;; const uint32_t t0 = l0;
;; l0 = l0 + 1u;
;; w2s_results(vm)[1].i32 = l0; return t0;
