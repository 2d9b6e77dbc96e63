(module
  (import "env" "log" (func $log (param i32 i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "plugin at work")
  (func (export "run") (call $log (i32.const 64) (i32.const 14)) unreachable))
