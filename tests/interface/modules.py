"""Modules whose interfaces are looked at: one of everything, and one with names that attack."""

from __future__ import annotations

from pathlib import Path

import wasmtime

from aot.interface import Interface, of_object, of_wasm

EVERYTHING = """(module
  (type $callback (func (param i32) (result i32)))
  (import "env" "add" (func (param i32 i64) (result f64)))
  (import "env" "two" (func (param v128 externref) (result i32 f32)))
  (import "env" "limit" (global i32)) (import "env" "count" (global (mut i64)))
  (import "other lib" "memory" (memory 1 2)) (import "other lib" "table" (table 1 funcref))
  (import "wasi_snapshot_preview1" "random_get" (func (param i32 i32) (result i32)))
  (tag $tag (export "tag") (param i32))
  (memory (export "memory") 1) (memory (export "pool") 1 4 shared)
  (table (export "table") 2 externref) (global (export "version") i32 (i32.const 3))
  (func (export "nothing"))
  (func (export "every") (param i32 i64 f32 f64 v128 funcref externref)
    (result externref funcref v128 f64 f32 i64 i32)
    local.get 6 local.get 5 local.get 4 local.get 3 local.get 2 local.get 1 local.get 0)
  (func (export "typed") (param (ref null $callback)) (result (ref null $callback)) local.get 0)
  (func (export "int") (param i32) (result i32) local.get 0)
  (func (export "store") (result i32) i32.const 1)
  (func (export "half-open")) (func (export "class")) (func (export "__init__")) (func (export "_aot"))
  (func (export "half_open")) (func (export "half open")) (func (export "")))"""

EVIL = r"""(module
  (import "*/ #include \22x\22" "\0a}; int evil(void);" (func))
  (import "\22\5c" "'''\0aimport os" (global i32))
  (func (export "a\0aimport os") (result i32) i32.const 1)
  (func (export "*/")) (func (export "\e2\80\ae")) (func (export "\ef\ac\81"))
  (func (export "x: int = __import__('os').system('true')")))"""


def both(text: str, folder: Path) -> tuple[Interface, Interface]:
    """The interface as read out of the module, and out of what it was compiled to."""
    import aot

    data = bytes(wasmtime.wat2wasm(text))
    aot.compile(data, folder / "module.so", aot.Config(opt_level=0))
    return of_wasm(data), of_object(folder / "module.so")
