"""WebAssembly 3.0 types (spec: Syntax, Types).

Value types are small frozen objects; reference types carry a heap type, which is one of the abstract names or a
type index into the module's `types`. Types are compared structurally; two type *indices* are the same type when
their recursion groups are (`Module.canonical`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

PAGE_LOG2 = 16


class HeapKind(IntEnum):
    """Abstract heap types, as the signed numbers of the binary format."""

    NOEXN = -0x0C
    NOFUNC = -0x0D
    NOEXTERN = -0x0E
    NONE = -0x0F
    FUNC = -0x10
    EXTERN = -0x11
    ANY = -0x12
    EQ = -0x13
    I31 = -0x14
    STRUCT = -0x15
    ARRAY = -0x16
    EXN = -0x17


HeapType = int
"""A `HeapKind` (negative) or a type index (>= 0)."""


@dataclass(frozen=True, slots=True)
class NumType:
    """A number or vector type. ``code`` is the byte of the binary format, ``char`` its letter in signatures."""

    name: str
    code: int
    char: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class RefType:
    """A reference type ``(ref null? heap)``."""

    nullable: bool
    heap: HeapType

    def __str__(self) -> str:
        if self.heap < 0:
            name = HeapKind(self.heap).name.lower()
            if self.nullable:
                return _SHORTHAND.get(self.heap, f"(ref null {name})")
            return f"(ref {name})"
        return f"(ref {'null ' if self.nullable else ''}{self.heap})"


ValType = NumType | RefType

I32 = NumType("i32", 0x7F, "i")
I64 = NumType("i64", 0x7E, "l")
F32 = NumType("f32", 0x7D, "f")
F64 = NumType("f64", 0x7C, "d")
V128 = NumType("v128", 0x7B, "v")
I8 = NumType("i8", 0x78, "b")
I16 = NumType("i16", 0x77, "h")
"""I8 and I16 are storage types of fields only."""

FUNCREF = RefType(True, HeapKind.FUNC)
EXTERNREF = RefType(True, HeapKind.EXTERN)

_SHORTHAND: dict[int, str] = {
    HeapKind.FUNC: "funcref",
    HeapKind.EXTERN: "externref",
    HeapKind.ANY: "anyref",
    HeapKind.EQ: "eqref",
    HeapKind.I31: "i31ref",
    HeapKind.STRUCT: "structref",
    HeapKind.ARRAY: "arrayref",
    HeapKind.EXN: "exnref",
    HeapKind.NONE: "nullref",
    HeapKind.NOFUNC: "nullfuncref",
    HeapKind.NOEXTERN: "nullexternref",
    HeapKind.NOEXN: "nullexnref",
}

NUM_TYPES = {t.code: t for t in (I32, I64, F32, F64, V128)}


@dataclass(frozen=True, slots=True)
class FuncType:
    """A function type: parameters and results in order."""

    params: tuple[ValType, ...]
    results: tuple[ValType, ...]

    def __str__(self) -> str:
        return f"[{' '.join(map(str, self.params))}] -> [{' '.join(map(str, self.results))}]"


@dataclass(frozen=True, slots=True)
class FieldType:
    """A field of a struct or the element of an array; ``storage`` may be I8 or I16."""

    storage: ValType
    mutable: bool


@dataclass(frozen=True, slots=True)
class StructType:
    fields: tuple[FieldType, ...]


@dataclass(frozen=True, slots=True)
class ArrayType:
    field: FieldType


CompType = FuncType | StructType | ArrayType


@dataclass(frozen=True, slots=True)
class SubType:
    """One type definition: its shape, its supertype's index if any, and its recursion group.

    ``rec_start`` is the first type index of the group and ``rec_n`` the group's size.
    """

    comp: CompType
    final: bool
    super: int | None
    rec_start: int
    rec_n: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a memory (in pages) or table (in elements)."""

    min: int
    max: int | None
    is64: bool = False
    shared: bool = False


@dataclass(frozen=True, slots=True)
class MemoryType:
    limits: Limits
    page_log2: int = PAGE_LOG2

    def __str__(self) -> str:
        top = "" if self.limits.max is None else f" {self.limits.max}"
        return f"{self.limits.min}{top}{' i64' if self.limits.is64 else ''}{' shared' if self.limits.shared else ''}"


@dataclass(frozen=True, slots=True)
class TableType:
    elem: RefType
    limits: Limits

    def __str__(self) -> str:
        top = "" if self.limits.max is None else f" {self.limits.max}"
        return f"{self.limits.min}{top}{' i64' if self.limits.is64 else ''} {self.elem}"


@dataclass(frozen=True, slots=True)
class GlobalType:
    value: ValType
    mutable: bool

    def __str__(self) -> str:
        return f"(mut {self.value})" if self.mutable else str(self.value)


@dataclass(frozen=True, slots=True)
class TagType:
    """An exception tag; ``type`` is the index of a function type without results."""

    type: int
