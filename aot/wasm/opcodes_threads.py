"""Rows of the atomic instructions (threads proposal: Atomic Memory Instructions). See `aot.wasm.opcodes`.

The C of an access is a function of atomic.h for its width: it is given the address of the cell, then the operands.
i32 and i64 share those of 8, 16 and 32 bits.
"""

from __future__ import annotations

from typing import Final

from aot.wasm.op import Effect, Imm, Op

PREFIX: Final = 0xFE

_SHAPES: Final = (
    ("i32", "i", "", "", 2),
    ("i64", "l", "", "", 3),
    ("i32", "i", "8", "_u", 0),
    ("i32", "i", "16", "_u", 1),
    ("i64", "l", "8", "_u", 0),
    ("i64", "l", "16", "_u", 1),
    ("i64", "l", "32", "_u", 2),
)
"""Type, its letter, the width as named if it is not the type's own, the ending that widening gives, log2 of the
width in bytes; in the order of the opcodes, which is the same for every operation."""

_RMW: Final = ("add", "sub", "and", "or", "xor", "xchg", "cmpxchg")


def _handled(number: int, name: str) -> Op:
    return Op(PREFIX << 16 | number, name, imm=Imm.OTHER)


def _access(number: int, name: str, sig: str, operation: str, align: int) -> Op:
    effect = Effect.READ if operation == "load" else Effect.WRITE
    return Op(PREFIX << 16 | number, name, sig, f"w2s_atomic_{operation}{8 << align}", effect, Imm.ATOMIC, align)


def _loads() -> tuple[Op, ...]:
    return tuple(
        _access(0x10 + k, f"{t}.atomic.load{width}{ending}", f"i_{letter}", "load", align)
        for k, (t, letter, width, ending, align) in enumerate(_SHAPES)
    )


def _stores() -> tuple[Op, ...]:
    return tuple(
        _access(0x17 + k, f"{t}.atomic.store{width}", f"i{letter}_", "store", align)
        for k, (t, letter, width, _, align) in enumerate(_SHAPES)
    )


def _read_modify_writes(first: int, operation: str) -> tuple[Op, ...]:
    n_operands = 2 if operation == "cmpxchg" else 1
    return tuple(
        _access(
            first + k,
            f"{t}.atomic.rmw{width}.{operation}{ending}",
            f"i{letter * n_operands}_{letter}",
            operation,
            align,
        )
        for k, (t, letter, width, ending, align) in enumerate(_SHAPES)
    )


THREADS: Final[tuple[Op, ...]] = (
    _handled(0x00, "memory.atomic.notify"),
    _handled(0x01, "memory.atomic.wait32"),
    _handled(0x02, "memory.atomic.wait64"),
    _handled(0x03, "atomic.fence"),
    *_loads(),
    *_stores(),
    *(op for k, name in enumerate(_RMW) for op in _read_modify_writes(0x1E + len(_SHAPES) * k, name)),
)
