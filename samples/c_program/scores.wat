;; Sums numbers in its memory and tells the host how far it is.
(module
  (import "host" "progress" (func $progress (param i32 i32)))
  (memory (export "memory") 1)
  (func (export "sum") (param $at i32) (param $n i32) (result i64)
    (local $i i32) (local $total i64)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
        (local.set $total (i64.add (local.get $total)
          (i64.load32_s (i32.add (local.get $at) (i32.shl (local.get $i) (i32.const 2))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (call $progress (local.get $i) (local.get $n))
        (br $next)))
    (local.get $total)))
