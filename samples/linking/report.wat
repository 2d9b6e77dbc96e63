;; Uses the other module's function, table and global, and a Python function for output.
(module
  (type $measure (func (param f64) (result f64)))
  (import "shapes" "add" (func $add (param f64)))
  (import "shapes" "measures" (table 2 funcref))
  (import "shapes" "total" (global $total (mut f64)))
  (import "python" "show" (func $show (param i32 f64)))
  (func (export "report") (param $kind i32) (param $size f64) (result f64)
    (local $area f64)
    (local.set $area (call_indirect (type $measure) (local.get $size) (local.get $kind)))
    (call $show (local.get $kind) (local.get $area))
    (call $add (local.get $area))
    (global.get $total)))
