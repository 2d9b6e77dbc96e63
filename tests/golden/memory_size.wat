;;! Size and growth; a size is read when the instruction runs.
(memory 1 10)
(func (param i32) (result i32)
  memory.size
  (memory.grow (local.get 0))
  memory.size
  i32.add
  i32.add)

;; func 0
;; const uint32_t t0 = (uint32_t)w2s_memory_pages(&vm->mem0);
;; const uint32_t t1 = (uint32_t)w2s_memory_grown(vm, &vm->mem0, l0);
;; const uint32_t t2 = (uint32_t)w2s_memory_pages(&vm->mem0);
;; return t0 + (t1 + t2);
