"""What is told of functions from the look of their bodies: a wrong answer would enter code that traps unprepared."""

from __future__ import annotations

import pytest

from aot.wasm.features import Features
from aot.wasm.load import load_module
from aot.wasm.traits import MAX_BODY, FuncTraits, func_traits
from tests.wasm_builder import END, F64, FUNC, I32, ModuleBuilder, i32_const, limits

SHORT, TOTAL = FuncTraits.SHORT, FuncTraits.SHORT | FuncTraits.TOTAL
DROP = b"\x1a"
VECTOR = b"\xfd\x0c" + bytes(16)


def traits(code: bytes, local_groups: tuple[tuple[int, bytes], ...] = ()) -> FuncTraits:
    builder = ModuleBuilder(memories=[limits(1)])
    builder.type()
    builder.import_func("env", "f", 0)
    builder.function(0, code, local_groups)
    builder.export("f", FUNC, 1)
    module = load_module(builder.build(), Features())
    assert func_traits(module, 0) is FuncTraits.NONE
    return func_traits(module, 1)


@pytest.mark.parametrize(
    "code",
    [
        b"",
        i32_const(-1) + i32_const(7) + b"\x6a" + DROP,
        b"\x44" + bytes(8) + b"\x44\x00\x00\x00\x00\x00\x00\xf0\x3f\xa0" + DROP,
        b"\x20\x00\x04\x40\x0f\x05\x0b",
        b"\x02\x40\x20\x00\x0d\x00\x0c\x00\x0b",
        b"\x3f\x00" + DROP,
        VECTOR + VECTOR + b"\xfd\xae\x01" + DROP,
        b"\x44" + bytes(8) + b"\xfc\x02" + DROP,
    ],
    ids=["empty", "add", "f64", "if", "branch", "size", "vector", "saturating"],
)
def test_total(code: bytes) -> None:
    assert traits(code, ((3, I32), (1, F64))) == TOTAL


@pytest.mark.parametrize(
    "code",
    [
        b"\x00",
        b"\x41\x00\x28\x02\x00" + DROP,
        b"\x41\x00\x41\x00\x36\x02\x80\x80\x04",
        i32_const(1) + i32_const(0) + b"\x6d" + DROP,
        b"\x44" + bytes(8) + b"\xaa" + DROP,
        b"\x41\x00\x25\x00" + DROP,
        b"\x41\x00\xfd\x00\x04\x00" + DROP,
    ],
    ids=["unreachable", "load", "store", "div", "trunc", "table.get", "v128.load"],
)
def test_short(code: bytes) -> None:
    assert traits(code) == SHORT


@pytest.mark.parametrize(
    "code",
    [
        b"\x03\x40\x0b",
        b"\x10\x00",
        b"\x41\x00\x11\x00\x00",
        b"\x12\x00",
        b"\x41\x00\x40\x00" + DROP,
        b"\x41\x00\x41\x00\x41\x00\xfc\x0b\x00",
        b"\x41\x00\x41\x00\x41\x00\xfc\x0a\x00\x00",
        b"\x41\x00\x0e\x00\x00",
        b"\xfe\x00\x02\x00",
        b"\x01" * MAX_BODY,
    ],
    ids=["loop", "call", "call_indirect", "return_call", "memory.grow", "memory.fill", "memory.copy", "br_table",
         "atomic", "long"],
)  # fmt: skip
def test_neither(code: bytes) -> None:
    assert traits(code) is FuncTraits.NONE


def test_code_does_not_pass_for_locals() -> None:
    """Declarations of locals are counted: what follows the last one is code, whatever it looks like."""
    assert traits(b"\x00\x7f", ((1, I32),)) == SHORT
    assert traits(b"\x10\x7f" + END, ((1, I32),)) is FuncTraits.NONE
    assert traits(b"\x00", ((1, I32),)) == SHORT
