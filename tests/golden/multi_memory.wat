;;! Each memory has its own base; sizes and copies name theirs.
(import "m" "mem" (memory $imported 1))
(memory $own 1)
(func (param i32) (result i32)
  (i32.store $imported (local.get 0) (i32.load $own offset=4 (local.get 0)))
  (memory.copy $own $imported (i32.const 0) (local.get 0) (i32.const 8))
  (i32.add (memory.size $own) (memory.size $imported)))

;; func 0
;; w2s_byte *const m0 = w2s_base(vm->mem0);
;; w2s_byte *const m1 = w2s_base(&vm->mem1);
;; const uint32_t t0 = w2s_i32_load(m1, l0, 4u);
;; w2s_i32_store(m0, l0, 0u, t0);
;; w2s_memory_copy(vm, &vm->mem1, vm->mem0, 0u, l0, 8u);
;; const uint32_t t1 = (uint32_t)w2s_memory_pages(&vm->mem1);
;; const uint32_t t2 = (uint32_t)w2s_memory_pages(vm->mem0);
;; return t1 + t2;
