"""Atomic instructions (threads proposal: Atomic Memory Instructions)."""

from __future__ import annotations

from aot.emit.context import MemoryInfo
from aot.emit.immediates import read_u32
from aot.emit.memory import checked_ref, offset_text, read_place
from aot.emit.state import BodyState, bare
from aot.errors import DecodeError, InvalidError
from aot.wasm.op import Op


def _read_memarg(st: BodyState, align: int) -> tuple[int, MemoryInfo, int]:
    """A memarg whose alignment must be ``align``: (memory index, memory, offset)."""
    given, index, info, offset = read_place(st)
    if given != align:
        raise InvalidError("atomic alignment must be natural")
    return index, info, offset


def access(st: BodyState, op: Op) -> None:
    """A load, store or read-modify-write: the cell's address, checked, then the operation on it."""
    index, info, offset = _read_memarg(st, op.align)
    address, *operands = st.pop_all((info.index, *op.params[1:]))
    st.atomics = True
    if info.guarded and not info.shared:  # a plain pointer, which m0 may not be
        memory = f"w2s_cell(vm, ({info.ref})->base"
    else:
        st.memories.add(index)
        memory = f"w2s_cell(vm, m{index}" if info.guarded else f"w2s_cell_c(vm, {checked_ref(index, info)}"
    cell = f"{memory}, {bare(address)}, {offset_text(offset)}, {1 << op.align})"
    expr = f"{op.c}({', '.join([cell, *map(bare, operands)])})"
    if op.result:
        st.push_named(op.result, expr)
    else:
        st.write(f"{expr};")


def _call(st: BodyState, helper: str, align: int, operands: str) -> None:
    """An instruction that the runtime carries out: operands behind the address, result i32."""
    _, info, offset = _read_memarg(st, align)
    address, *rest = st.pop_all((info.index, *operands))
    st.atomics = True
    args = ", ".join(["vm", info.ref, bare(address), offset_text(offset), *map(bare, rest)])
    st.push_named("i", f"{helper}({args})")


def notify(st: BodyState) -> None:
    """memory.atomic.notify."""
    _call(st, "w2s_atomic_notify", 2, "i")


def wait32(st: BodyState) -> None:
    """memory.atomic.wait32."""
    _call(st, "w2s_atomic_wait32", 2, "il")


def wait64(st: BodyState) -> None:
    """memory.atomic.wait64."""
    _call(st, "w2s_atomic_wait64", 3, "ll")


def fence(st: BodyState) -> None:
    """atomic.fence, whose immediate is reserved."""
    flags, st.pos = read_u32(st.data, st.pos)
    if flags:
        raise DecodeError("zero byte expected: the kind of a fence")
    st.atomics = True
    st.write("w2s_atomic_fence();")
