"""What a row of the opcode table is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Effect(Enum):
    """What evaluating an instruction can do besides giving a value."""

    PURE = "pure"  # nothing: the expression may stay pending and be evaluated later, or never
    TRAP = "trap"  # it may trap: written out at once
    READ = "read"  # it reads memory: written out at once
    WRITE = "write"  # it changes something: written out at once


class Imm(Enum):
    """The immediates that follow an opcode."""

    NONE = "none"
    MEMARG = "memarg"
    ATOMIC = "atomic"  # a memarg whose alignment must be the natural one
    LANE = "lane"
    MEMARG_LANE = "memarg lane"
    OTHER = "other"  # read by the handler


@dataclass(frozen=True, slots=True)
class Op:
    """An instruction. ``code`` is the byte, or ``prefix << 16 | number`` for two-part opcodes."""

    code: int
    name: str
    sig: str | None = None
    c: str | None = None
    effect: Effect = Effect.PURE
    imm: Imm = Imm.NONE
    align: int = 0  # log2 of the natural alignment of memory instructions, or of a lane's bytes

    @property
    def params(self) -> str:
        return self.sig.split("_")[0] if self.sig else ""

    @property
    def result(self) -> str:
        return self.sig.split("_")[1] if self.sig else ""
