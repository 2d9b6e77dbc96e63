;;! Bulk operations on memories and tables are library calls.
(memory 1)
(table $t 10 funcref)
(elem $e funcref (ref.func 0))
(data $d "hello")
(func (param i32 i32 i32)
  (memory.copy (local.get 0) (local.get 1) (local.get 2))
  (memory.fill (local.get 0) (local.get 1) (local.get 2))
  (memory.init $d (local.get 0) (local.get 1) (local.get 2))
  (data.drop $d))
(func (param i32 i32 i32)
  (table.copy (local.get 0) (local.get 1) (local.get 2))
  (table.init $t $e (local.get 0) (local.get 1) (local.get 2))
  (table.fill $t (local.get 0) (ref.null func) (local.get 2))
  (elem.drop $e))

;; func 0
;; w2s_memory_copy(vm, &vm->mem0, &vm->mem0, l0, l1, l2);
;; w2s_memory_fill(vm, &vm->mem0, l0, l1, l2);
;; w2s_memory_init(vm, &vm->mem0, 0u, l0, l1, l2);
;; w2s_data_drop(vm, 0u);
;; return;
;; func 1
;; w2s_table_copy(vm, &vm->tab0, &vm->tab0, l0, l1, l2);
;; w2s_table_init(vm, &vm->tab0, 0u, l0, l1, l2);
;; w2s_table_fill(vm, &vm->tab0, l0, w2s_from_func(((struct w2s_funcref *)0)), l2);
;; w2s_elem_drop(vm, 0u);
;; return;
