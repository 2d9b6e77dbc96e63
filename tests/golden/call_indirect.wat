;;! An indirect call checks the index, null and the type, then calls through the reference.
(type $unary (func (param i32) (result i32)))
(type $void (func))
(table 4 funcref)
(func (param i32 i32) (result i32)
  (call_indirect (type $unary) (local.get 0) (local.get 1)))
(func (param i32)
  (call_indirect (type $void) (local.get 0)))

;; func 0
;; w2s_check_stack(vm);
;; struct w2s_funcref *const t0 = w2s_callee(vm, &vm->tab0, l1, w_type_ids[0]);
;; const uint32_t t1 = ((w_t0 *)w2s_way(vm, t0->code, t0->vm, w_crossings[0]))(t0->vm, l0);
;; return t1;
;; func 1
;; w2s_check_stack(vm);
;; struct w2s_funcref *const t0 = w2s_callee(vm, &vm->tab0, l0, w_type_ids[1]);
;; ((w_t1 *)w2s_way(vm, t0->code, t0->vm, w_crossings[1]))(t0->vm);
;; return;
