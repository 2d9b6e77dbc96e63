;; Strings, comments, annotations and odd spacing; bytes below are UTF-8 and raw.
(; a block (; nested ;) comment
 ;)(@annotation at "top" (level ;) )
(module (@custom "note" "text")
  (func (export "\u{20ac}\t\"\\\41") (;‮ bidirectional ;)) ;; �
  (func (export "raw ‮ name") nop))
(invoke "\u{20ac}\09\"\\A")(invoke "\ff\00\n\r\'"
)
