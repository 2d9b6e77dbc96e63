;;! Pure arithmetic folds into one expression, up to a bounded depth.
(func (param i32 i32) (result i32)
  (i32.xor (i32.shl (local.get 0) (local.get 1)) (i32.rotl (local.get 0) (i32.const 7))))
(func (param i64) (result i64)
  (i64.extend8_s (i64.sub (i64.popcnt (local.get 0)) (i64.clz (local.get 0)))))
(func (param i32) (result i32)
  (i32.add (local.get 0) (i32.add (local.get 0) (i32.add (local.get 0) (i32.add (local.get 0) (i32.add (local.get 0)
  (i32.add (local.get 0) (i32.add (local.get 0) (i32.add (local.get 0) (i32.add (local.get 0) (i32.add (local.get 0)
  (i32.add (local.get 0) (i32.const 1)))))))))))))

;; func 0
;; return (l0 << (l1 & 31)) ^ w2s_i32_rotl(l0, 7u);
;; func 1
;; return (uint64_t)(int8_t)(w2s_i64_popcnt(l0) - w2s_i64_clz(l0));
;; func 2
;; const uint32_t t0 = l0 + (l0 + (l0 + (l0 + (l0 + (l0 + (l0 + (l0 + (l0 + 1u))))))));
;; return l0 + (l0 + t0);
