"""Traps: codes, messages, and that the instance can be used again."""

from __future__ import annotations

import copy
import pickle

import pytest

import aot
from aot.abi import enum_values
from tests.embed.conftest import Compile

TRAPS = """(module
  (memory (export "memory") 1)
  (table 4 funcref)
  (elem (i32.const 0) $nop)
  (type $void (func))
  (type $int (func (result i32)))
  (func $nop)
  (func (export "unreachable") unreachable)
  (func (export "div") (param i32 i32) (result i32) (i32.div_s (local.get 0) (local.get 1)))
  (func (export "trunc") (param f64) (result i32) (i32.trunc_f64_s (local.get 0)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "store") (param i32) (i32.store (local.get 0) (i32.const 1)))
  (func (export "call_void") (param i32) (call_indirect (type $void) (local.get 0)))
  (func (export "call_int") (param i32) (result i32) (call_indirect (type $int) (local.get 0)))
  (func (export "table_get") (param i32) (result funcref) (table.get (local.get 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1))))))))
"""

CASES = [
    ("unreachable", (), aot.TrapCode.UNREACHABLE, "unreachable"),
    ("div", (1, 0), aot.TrapCode.INTEGER_DIVISION_BY_ZERO, "integer divide by zero"),
    ("div", (-(2**31), -1), aot.TrapCode.INTEGER_OVERFLOW, "integer overflow"),
    ("trunc", (float("nan"),), aot.TrapCode.BAD_CONVERSION_TO_INTEGER, "invalid conversion to integer"),
    ("load", (65533,), aot.TrapCode.MEMORY_OUT_OF_BOUNDS, "out of bounds memory access"),
    ("load", (-1,), aot.TrapCode.MEMORY_OUT_OF_BOUNDS, "out of bounds memory access"),
    ("store", (65536,), aot.TrapCode.MEMORY_OUT_OF_BOUNDS, "out of bounds memory access"),
    ("call_void", (1,), aot.TrapCode.INDIRECT_CALL_TO_NULL, "uninitialized element"),
    ("call_void", (4,), aot.TrapCode.UNDEFINED_ELEMENT, "undefined element"),
    ("call_int", (0,), aot.TrapCode.BAD_SIGNATURE, "indirect call type mismatch"),
    ("table_get", (4,), aot.TrapCode.TABLE_OUT_OF_BOUNDS, "out of bounds table access"),
    ("deep", (1 << 30,), aot.TrapCode.STACK_OVERFLOW, "call stack exhausted"),
]


@pytest.mark.parametrize(("name", "args", "code", "message"), CASES)
def test_trap(wat: Compile, name: str, args: tuple[object, ...], code: aot.TrapCode, message: str) -> None:
    inst = wat(TRAPS)()
    for _ in range(3):
        with pytest.raises(aot.Trap) as caught:
            inst.exports[name](*args)
        assert caught.value.trap_code is code
        assert caught.value.code is code
        assert caught.value.message.startswith(message)
        assert str(caught.value).startswith(f"{caught.value.message}\nwasm backtrace:\n  0: <wasm>!")
        assert isinstance(caught.value, aot.WasmError)
        assert inst.div(7, 2) == 3
    inst.call_void(0)
    assert inst.deep(100) == 100


def test_checked_memories_trap_like_guarded_ones(cache_dir: object) -> None:
    module = aot.Module(aot.Engine(aot.Config(opt_level=0, memory="checked")), TRAPS)
    inst = module()
    assert inst.load(65532) == 0
    for at in (65533, -1, 1 << 31):
        with pytest.raises(aot.Trap) as caught:
            inst.load(at)
        assert caught.value.trap_code is aot.TrapCode.MEMORY_OUT_OF_BOUNDS


def test_start_function_traps(wat: Compile) -> None:
    with pytest.raises(aot.Trap, match="^unreachable"):
        wat("(module (func $f unreachable) (start $f))")()


def test_active_segment_out_of_bounds(wat: Compile) -> None:
    with pytest.raises(aot.Trap, match="^out of bounds memory access"):
        wat('(module (memory 1) (data (i32.const 65536) "a"))')()


def test_every_code_has_a_name() -> None:
    assert {f"W2S_TRAP_{code.name}": int(code) for code in aot.TrapCode} == enum_values("w2s_trap_code")


def test_a_trap_can_be_made_copied_and_pickled() -> None:
    trap = aot.Trap("enough")
    assert trap.trap_code is None
    for original in (trap, aot.Trap("unreachable", 9)):
        for copied in (copy.copy(original), pickle.loads(pickle.dumps(original))):
            assert (copied.message, copied.trap_code) == (original.message, original.trap_code)
