;;! References: null, test, a function's own reference; tables of functions and of host references.
(table $f 2 funcref)
(table $x 2 externref)
(elem declare func $me)
(func $me (result funcref) (ref.func $me))
(func (param externref) (result i32) (ref.is_null (local.get 0)))
(func (param i32) (result i32)
  (table.set $f (local.get 0) (table.get $f (i32.const 1)))
  (i32.add (table.size $f) (table.grow $x (ref.null extern) (i32.const 3))))
(func (param i32 externref) (table.set $x (local.get 0) (local.get 1)))

;; func 0
;; return &vm->refs[0];
;; func 1
;; return (uint32_t)(l0 == 0);
;; func 2
;; struct w2s_funcref *const t0 = w2s_table_get_func(vm, &vm->tab0, 1u);
;; w2s_table_put(vm, &vm->tab0, l0, w2s_from_func(t0));
;; const uint32_t t1 = (uint32_t)(&vm->tab0)->n_elems;
;; const uint32_t t2 = (uint32_t)w2s_table_grown(vm, &vm->tab1, w2s_from_ref(0u), 3u);
;; return t1 + t2;
;; func 3
;; w2s_table_put(vm, &vm->tab1, l0, w2s_from_ref(l1));
;; return;
