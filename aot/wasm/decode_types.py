"""Types in the binary format: value types, limits, and the type section's recursion groups (spec: Binary, Types)."""

from __future__ import annotations

from typing import Final

from aot.errors import InvalidError, LimitError, Site
from aot.wasm.limits import MAX_FIELDS, MAX_PARAMS, MAX_RESULTS, MAX_TYPES
from aot.wasm.reader import TOO_LONG, Reader
from aot.wasm.types import (
    I8,
    I16,
    NUM_TYPES,
    PAGE_LOG2,
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    GlobalType,
    HeapKind,
    HeapType,
    Limits,
    MemoryType,
    RefType,
    StructType,
    SubType,
    TableType,
    ValType,
)

_HEAP_KINDS: Final[dict[int, HeapKind]] = {kind & 0x7F: kind for kind in HeapKind}
_SHORT_REFS: Final[dict[int, RefType]] = {byte: RefType(True, kind) for byte, kind in _HEAP_KINDS.items()}
BYTE_TYPES: Final[dict[int, ValType]] = {**NUM_TYPES, **_SHORT_REFS}
"""Every value type that is one byte."""
_SHORT_BYTES: Final = bytes(BYTE_TYPES)
_PACKED: Final[dict[int, ValType]] = {I8.code: I8, I16.code: I16}

_REF_NULL, _REF = 0x63, 0x64
_REC, _SUB_FINAL, _SUB = 0x4E, 0x4F, 0x50
_FUNC, _STRUCT, _ARRAY = 0x60, 0x5F, 0x5E

_HAS_MAX, _SHARED, _IS_64, _PAGE_SIZE = 1, 2, 4, 8


def read_heap_type(r: Reader) -> HeapType:
    """An abstract heap type (one byte) or a type index; the index is not checked."""
    start = r.pos
    kind = _HEAP_KINDS.get(r.peek())
    if kind is not None:
        r.pos = start + 1
        return kind
    index = r.s33()
    if index < 0:
        r.fail("malformed heap type", start)
    return index


def read_val_type(r: Reader) -> ValType:
    """A value type; number types and the short reference types are always the same objects."""
    b = r.byte()
    short = BYTE_TYPES.get(b)
    if short is not None:
        return short
    if b in (_REF_NULL, _REF):
        return RefType(b == _REF_NULL, read_heap_type(r))
    return r.fail(TOO_LONG if b >= 0x80 else "malformed value type", r.pos - 1)


def read_ref_type(r: Reader) -> RefType:
    start = r.pos
    if r.peek() in NUM_TYPES:
        r.fail("malformed reference type")
    ty = read_val_type(r)
    if not isinstance(ty, RefType):
        r.fail("malformed reference type", start)
    return ty


def _read_mutability(r: Reader) -> bool:
    b = r.byte()
    if b > 1:
        r.fail("malformed mutability", r.pos - 1)
    return b == 1


def read_global_type(r: Reader) -> GlobalType:
    value = read_val_type(r)
    return GlobalType(value, _read_mutability(r))


def _read_limits(r: Reader, flags: int) -> Limits:
    read = r.u64 if r.wide_limits or flags & _IS_64 else r.u32
    least = read()
    most = read() if flags & _HAS_MAX else None
    return Limits(least, most, bool(flags & _IS_64), bool(flags & _SHARED))


def read_table_type(r: Reader) -> TableType:
    elem = read_ref_type(r)
    flags = r.byte()
    if flags & ~(_HAS_MAX | _IS_64):
        r.fail("malformed limits flags", r.pos - 1)
    return TableType(elem, _read_limits(r, flags))


def read_memory_type(r: Reader) -> MemoryType:
    flags = r.byte()
    if flags & ~(_HAS_MAX | _SHARED | _IS_64 | _PAGE_SIZE):
        r.fail("malformed limits flags", r.pos - 1)
    limits = _read_limits(r, flags)
    page_log2 = PAGE_LOG2
    if flags & _PAGE_SIZE:
        page_log2 = r.u32()
        if page_log2 > 64:
            r.fail("invalid custom page size", r.pos - 1)
    return MemoryType(limits, page_log2)


class _TypeSection:
    """Reads recursion groups one after the other; equal parameter lists share one tuple."""

    __slots__ = ("lists", "r", "types")

    def __init__(self, r: Reader) -> None:
        self.r = r
        self.types: list[SubType] = []
        self.lists: dict[bytes, tuple[ValType, ...]] = {}

    def group(self) -> None:
        r = self.r
        start = len(self.types)
        if r.peek() != _REC:
            self.types.append(self._sub_type(start, 1))
            return
        r.pos += 1
        n = r.count(MAX_TYPES, "types in a recursion group")
        if start + n > MAX_TYPES:
            raise LimitError(f"too many types: {start + n}, the limit is {MAX_TYPES}", Site(r.pos))
        for _ in range(n):
            self.types.append(self._sub_type(start, n))

    def _sub_type(self, rec_start: int, rec_n: int) -> SubType:
        r = self.r
        form = r.peek()
        if form not in (_SUB, _SUB_FINAL):
            return SubType(self._comp_type(), True, None, rec_start, rec_n)
        r.pos += 1
        at = r.pos
        n = r.count(MAX_TYPES, "supertypes")
        if n > 1:
            raise InvalidError(f"sub type: {n} supertypes, at most one is allowed", Site(at))
        parent = r.u32() if n else None
        return SubType(self._comp_type(), form == _SUB_FINAL, parent, rec_start, rec_n)

    def _comp_type(self) -> CompType:
        r = self.r
        b = r.byte()
        if b == _FUNC:
            params = self._val_types(MAX_PARAMS, "parameters")
            return FuncType(params, self._val_types(MAX_RESULTS, "results"))
        if b == _STRUCT:
            n = r.count(MAX_FIELDS, "fields of a struct")
            return StructType(tuple([self._field() for _ in range(n)]))
        if b == _ARRAY:
            return ArrayType(self._field())
        return r.fail(TOO_LONG if b >= 0x80 else "malformed definition type", r.pos - 1)

    def _field(self) -> FieldType:
        r = self.r
        storage = _PACKED.get(r.peek())
        if storage is None:
            storage = read_val_type(r)
        else:
            r.pos += 1
        return FieldType(storage, _read_mutability(r))

    def _val_types(self, limit: int, what: str) -> tuple[ValType, ...]:
        r = self.r
        n = r.count(limit, what)
        chunk = r.data[r.pos : r.pos + n]
        found = self.lists.get(chunk)
        if found is None:
            if chunk.translate(None, _SHORT_BYTES):  # some type here takes more than one byte
                return tuple([read_val_type(r) for _ in range(n)])
            found = tuple([BYTE_TYPES[b] for b in chunk])
            self.lists[chunk] = found
        r.pos += n
        return found


def read_types(r: Reader) -> list[SubType]:
    """The type section's contents, recursion groups flattened. Type indices are not checked."""
    section = _TypeSection(r)
    for _ in range(r.count(MAX_TYPES, "types")):
        section.group()
        if len(section.types) > MAX_TYPES:
            raise LimitError(f"too many types: the limit is {MAX_TYPES}", Site(r.pos))
    return section.types
