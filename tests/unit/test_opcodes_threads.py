"""Every atomic instruction, as another assembler writes it, is the row of the table it should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from aot.abi import include_dir
from aot.emit import EmitOptions, check_bodies, plan_module, render_body, render_chunk
from aot.errors import DecodeError, InvalidError, ModuleError, UnsupportedError
from aot.wasm.features import Features
from aot.wasm.load import load_module
from aot.wasm.module import Module
from aot.wasm.op import Op
from aot.wasm.opcodes_threads import PREFIX, THREADS
from tests.wast.assemble import assemble

TYPES = {"i": "i32", "l": "i64"}
HANDLED = {
    "memory.atomic.notify": "ii_i",
    "memory.atomic.wait32": "iil_i",
    "memory.atomic.wait64": "ill_i",
    "atomic.fence": "_",
}


def text_of(op: Op, memory: str = "(memory 1)", immediates: str = "") -> str:
    params, result = (op.sig or HANDLED[op.name]).split("_")
    types = " ".join(f"(param {TYPES[p]})" for p in params) + (f" (result {TYPES[result]})" if result else "")
    args = " ".join(f"(local.get {k})" for k in range(len(params)))
    return f"(module {memory} (func {types} ({op.name} {immediates} {args})))"


def load(data: bytes) -> Module:
    return load_module(data, Features())


def check(data: bytes, features: Features | None = None) -> None:
    options = EmitOptions(features=features or Features())
    module = load_module(data, options.features)
    check_bodies(module, plan_module(module, options))


def test_the_numbers_have_no_gaps_but_those_of_the_proposal() -> None:
    assert [op.code for op in THREADS] == [PREFIX << 16 | n for n in (*range(4), *range(0x10, 0x4F))]


@pytest.mark.parametrize("op", THREADS, ids=lambda op: op.name)
def test_each_row_is_what_the_assembler_writes(op: Op) -> None:
    data = assemble(text_of(op).encode())
    align = {"memory.atomic.wait64": 3, "atomic.fence": None}.get(op.name, op.align if op.c else 2)
    code = bytes([PREFIX, op.code & 0xFF]) + (b"\0" if align is None else bytes([align, 0]))
    assert data.count(code) == 1
    check(data)
    if align is None:
        return
    for wrong in {0, 1, 2, 3, 4, 31} - {align}:
        with pytest.raises(InvalidError, match="atomic alignment must be natural"):
            check(data.replace(code, code[:2] + bytes([wrong, 0])))


@pytest.mark.parametrize("op", THREADS, ids=lambda op: op.name)
def test_each_can_be_switched_off(op: Op) -> None:
    with pytest.raises(UnsupportedError, match="the feature threads is switched off"):
        check(assemble(text_of(op).encode()), Features(threads=False))


def test_what_is_no_instruction() -> None:
    data = assemble(b"(module (func atomic.fence))")
    code = bytes([PREFIX, 3, 0])
    with pytest.raises(DecodeError, match="zero byte expected"):
        check(data.replace(code, bytes([PREFIX, 3, 1])))
    for number in (4, 0x0F, 0x4F):
        with pytest.raises(DecodeError, match="illegal opcode"):
            check(data.replace(code, bytes([PREFIX, number, 0])))


def test_an_atomic_access_needs_a_memory() -> None:
    for op in THREADS:
        if op.name != "atomic.fence":
            with pytest.raises(InvalidError, match="unknown memory 0"):
                data = assemble(text_of(op).encode())
                check(data.replace(b"\x05\x03\x01\x00\x01", b""))


def test_shared_memories_need_the_feature_and_a_maximum() -> None:
    data = assemble(b"(module (memory 1 2 shared))")
    check(data)
    with pytest.raises(ModuleError, match="the feature threads is switched off: memory 0"):
        check(data, Features(threads=False))
    with pytest.raises(InvalidError, match="shared memory must have maximum"):
        check(data.replace(b"\x05\x04\x01\x03\x01\x02", b"\x05\x03\x01\x02\x01"))


@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "checked"])
def test_the_header_is_included_where_it_is_needed_only(guard: bool) -> None:
    def includes(text: bytes) -> bool:
        module = load(assemble(text))
        plan = plan_module(module, EmitOptions(guard=guard))
        return "atomic.h" in render_chunk(module, plan, 0).text

    assert not includes(b"(module (memory 1) (func (drop (i32.load (i32.const 0)))))")
    assert includes(b"(module (memory 1) (func (drop (i32.atomic.load (i32.const 0)))))")
    assert includes(b"(module (memory 1 2 shared) (func (drop (i32.load (i32.const 0)))))")
    assert includes(b"(module (memory 1 2 shared) (func (drop (memory.size))))")


LOADS = [f"{t}.load" for t in ("i32", "i64", "f32", "f64", "v128")]


@pytest.mark.parametrize("name", [*LOADS, "i32.load8_s", "i64.load32_u", "v128.load16_splat", "v128.load32_zero"])
@pytest.mark.parametrize("guard", [True, False], ids=["guarded", "checked"])
def test_what_is_read_from_a_shared_memory_is_cut_off_from_it(name: str, guard: bool) -> None:
    """Else a compiler may read it a second time, and what was checked is not what is used."""
    module = load(assemble(f"(module (memory 1 2 shared) (func (drop ({name} (i32.const 0)))))".encode()))
    body = render_body(module, plan_module(module, EmitOptions(guard=guard)), 0)
    (line,) = [line for line in body.splitlines() if f"w2s_{name.replace('.', '_')}" in line]
    assert " = w2s_once_" in line
    assert "w2s_fresh_i(" in line
    if not guard:
        assert "w2s_now(m0, &s0)" in line


def test_every_value_type_can_be_cut_off() -> None:
    headers = "".join(path.read_text() for path in sorted(Path(include_dir(), "wasm2so").glob("*.h")))
    for letter in "ilfdv":
        assert f" w2s_once_{letter}(" in headers
