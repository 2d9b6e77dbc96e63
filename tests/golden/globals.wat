;;! Own globals lie in the context, imported ones behind a pointer; an immutable constant is its value.
(import "m" "g" (global $imported (mut i32)))
(global $own (mut i64) (i64.const 5))
(global $constant f32 (f32.const 2.5))
(func (result i64)
  (global.set $own (i64.add (global.get $own) (i64.const 1)))
  (global.get $own))
(func (param i32) (result i32)
  global.get $imported
  (global.set $imported (local.get 0)))
(func (result f32) (f32.add (global.get $constant) (global.get $constant)))

;; func 0
;; const uint64_t t0 = vm->g1;
;; vm->g1 = t0 + 1ull;
;; const uint64_t t1 = vm->g1;
;; return t1;
;; func 1
;; const uint32_t t0 = (*vm->g0);
;; (*vm->g0) = l0;
;; return t0;
;; func 2
;; return 2.5f + 2.5f;
