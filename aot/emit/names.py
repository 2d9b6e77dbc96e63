"""Every kind of name in generated C, in one place. All are made of a letter prefix and numbers.

``w_f12`` function, ``w_i12`` its inner part if it makes tail calls, ``w_j12`` where jumps to it go, ``w_e12`` its
entry for callers that do not test for exceptions, ``w_t3`` function type, ``w_k3`` where jumps to functions of that
type go whose code is known at run time only, ``w_c3`` the stub for calls of that type into instances that need the
segment register set, ``l3`` local, ``t7`` temporary, ``b2_0`` result of block 2, ``p2_0``
parameter of loop 2, ``L2`` label, ``E2`` the else part of an ``if``, ``H2`` the handlers of a try, ``C2_0`` the first
legacy one, ``e2`` the exception that they get, ``x2`` its handle, ``X`` where an exception leaves the function,
``m0`` memory base, ``vm`` the context. Names that begin with ``w2s_`` belong to the runtime's headers.
"""

from __future__ import annotations

LOCALS: tuple[str, ...] = tuple(f"l{i}" for i in range(256))
"""FAST: names of the first locals; a look-up costs a third of formatting."""

SMALL_I32: tuple[str, ...] = tuple(f"{(i if i < 64 else i - 128) & 0xFFFFFFFF}u" for i in range(128))
"""FAST: C text of i32 constants that take one LEB128 byte, by that byte."""

SMALL_I64: tuple[str, ...] = tuple(f"{(i if i < 64 else i - 128) & 0xFFFFFFFFFFFFFFFF}ull" for i in range(128))


def local(index: int) -> str:
    return LOCALS[index] if index < 256 else f"l{index}"


def function(index: int) -> str:
    return f"w_f{index}"


def inner(index: int) -> str:
    return f"w_i{index}"


def jump(index: int) -> str:
    return f"w_j{index}"


def indirect_jump(type_index: int) -> str:
    return f"w_k{type_index}"


def entry(index: int) -> str:
    return f"w_e{index}"


def crossing(type_index: int) -> str:
    return f"w_c{type_index}"


def func_type(index: int) -> str:
    return f"w_t{index}"


def trampoline(index: int) -> str:
    return f"w_tramp{index}"


def host_stub(index: int) -> str:
    return f"w_host{index}"


def source(index: int) -> str:
    """The file that lines of a function belong to. Their numbers are places in its body, from 1 on, so that they stay
    as they are when the function moves in the module. Angle brackets say that there is no such file: tools that look
    for what was included pass over it.
    """
    return f"<w{index}>"


DESCRIPTOR = "w2s_module_descriptor"
TYPE_IDS = "w_type_ids"
CROSSINGS = "w_crossings"
