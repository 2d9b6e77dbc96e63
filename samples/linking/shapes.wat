;; Areas and a running total, kept in an exported global; one function is handed out through a table.
(module
  (global $total (export "total") (mut f64) (f64.const 0))
  (table (export "measures") 2 funcref)
  (elem (i32.const 0) $square $circle)
  (func $square (param $side f64) (result f64)
    (f64.mul (local.get $side) (local.get $side)))
  (func $circle (param $radius f64) (result f64)
    (f64.mul (f64.const 3.141592653589793) (f64.mul (local.get $radius) (local.get $radius))))
  (func (export "add") (param $area f64)
    (global.set $total (f64.add (global.get $total) (local.get $area)))))
