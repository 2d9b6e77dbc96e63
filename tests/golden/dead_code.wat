;;! Nothing is written after an instruction that never falls through, until a label that is reached.
(func (result i32) (return (i32.const 1)) (i32.add (i32.const 2) (i32.const 3)))
(func (param i32) (result i32)
  (block (br 0) (drop (i32.div_s (i32.const 1) (i32.const 0))))
  (unreachable)
  (i32.store (i32.const 0) (i32.const 1))
  (i32.eqz))
(func (result i32) (loop (br 0) (if (i32.const 1) (then (unreachable)) (else (nop)))) (unreachable))
(func (param i32) (if (local.get 0) (then (return)) (else (unreachable))) (drop (memory.grow (i32.const 1))))
(memory 1)

;; func 0
;; return 1u;
;; func 1
;; w2s_byte *const m0 = w2s_base(&vm->mem0);
;; goto L1;
;; L1:;
;; w2s_trap(vm, W2S_TRAP_UNREACHABLE);
;; func 2
;; L1:;
;; goto L1;
;; func 3
;; if (!l0) goto E1;
;; return;
;; E1:;
;; w2s_trap(vm, W2S_TRAP_UNREACHABLE);
