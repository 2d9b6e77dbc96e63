(func $only (export "f")) ;; a file of bare fields is one module
(memory 1)
