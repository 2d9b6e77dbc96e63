"""The sections' contents: each function reads one section into a `Draft` (spec: Binary Format, Modules).

Counts are checked against the limits and the bytes left before anything is read. Indices are not looked at here:
that is validation's part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aot.errors import LimitError, Site
from aot.wasm.constexpr import END, REF_FUNC, read_const_expr
from aot.wasm.decode_types import read_global_type, read_memory_type, read_ref_type, read_table_type, read_types
from aot.wasm.limits import (
    MAX_BODY_BYTES,
    MAX_DATA_SEGMENTS,
    MAX_ELEM_SEGMENTS,
    MAX_ELEMS,
    MAX_EXPORTS,
    MAX_FUNCTIONS,
    MAX_GLOBALS,
    MAX_IMPORTS,
    MAX_MEMORIES,
    MAX_TABLES,
    MAX_TAGS,
)
from aot.wasm.module import (
    Body,
    ConstExpr,
    DataSegment,
    ElemSegment,
    Export,
    ExternKind,
    Global,
    Import,
    SegmentMode,
    Table,
)
from aot.wasm.reader import UNEXPECTED_END, Reader
from aot.wasm.types import (
    FUNCREF,
    GlobalType,
    HeapKind,
    MemoryType,
    RefType,
    SubType,
    TableType,
    TagType,
)

_FUNC_ELEM: Final = RefType(False, HeapKind.FUNC)
"""The type of segments that are lists of function indices: none of them is null."""

_TABLE_WITH_INIT: Final = 0x40
_NOT_ACTIVE, _EXPLICIT, _EXPRS = 1, 2, 4
"""Bits of an element segment's first number; _EXPLICIT means declarative if _NOT_ACTIVE is set."""


@dataclass(slots=True)
class Draft:
    """A module while it is decoded. The lists of types hold imports first, as the sections come in that order."""

    types: Sequence[SubType] = ()
    imports: list[Import] = field(default_factory=list)
    func_types: list[int] = field(default_factory=list)
    tables: list[TableType] = field(default_factory=list)
    memories: list[MemoryType] = field(default_factory=list)
    globals: list[GlobalType] = field(default_factory=list)
    tags: list[TagType] = field(default_factory=list)
    own_tables: list[Table] = field(default_factory=list)
    own_globals: list[Global] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)
    start: int | None = None
    elems: list[ElemSegment] = field(default_factory=list)
    datas: list[DataSegment] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    data_count: int | None = None
    n_own_funcs: int = 0


def read_type_section(r: Reader, d: Draft) -> None:
    d.types = read_types(r)


def read_import_section(r: Reader, d: Draft) -> None:
    kinds = tuple(ExternKind)
    modules: dict[str, str] = {}
    for _ in range(r.count(MAX_IMPORTS, "imports")):
        offset = r.pos
        module = r.name()
        module = modules.setdefault(module, module)
        name = r.name()
        kind = r.byte()
        if kind == ExternKind.FUNC:
            index = len(d.func_types)
            d.func_types.append(r.u32())
        elif kind == ExternKind.TABLE:
            index = len(d.tables)
            d.tables.append(read_table_type(r))
        elif kind == ExternKind.MEMORY:
            index = len(d.memories)
            d.memories.append(read_memory_type(r))
        elif kind == ExternKind.GLOBAL:
            index = len(d.globals)
            d.globals.append(read_global_type(r))
        elif kind == ExternKind.TAG:
            index = len(d.tags)
            d.tags.append(_read_tag_type(r))
        else:
            r.fail("malformed import kind", r.pos - 1)
        d.imports.append(Import(module, name, kinds[kind], index, offset))
    for present, limit, what in ((d.tables, MAX_TABLES, "tables"), (d.memories, MAX_MEMORIES, "memories")):
        if len(present) > limit:
            raise LimitError(f"too many {what}: {len(present)} imported, the limit is {limit}", Site(r.pos))


def _read_tag_type(r: Reader) -> TagType:
    if r.byte() != 0:
        r.fail("zero byte expected", r.pos - 1)
    return TagType(r.u32())


def read_function_section(r: Reader, d: Draft) -> None:
    indices = r.u32s(MAX_FUNCTIONS, "functions")
    d.n_own_funcs = len(indices)
    d.func_types.extend(indices)


def read_table_section(r: Reader, d: Draft) -> None:
    for _ in range(r.count(MAX_TABLES - len(d.tables), "tables")):
        init = None
        with_init = r.peek() == _TABLE_WITH_INIT
        if with_init:
            r.pos += 1
            if r.byte() != 0:
                r.fail("zero byte expected", r.pos - 1)
        ty = read_table_type(r)
        if with_init:
            init = read_const_expr(r)
        d.tables.append(ty)
        d.own_tables.append(Table(ty, init))


def read_memory_section(r: Reader, d: Draft) -> None:
    for _ in range(r.count(MAX_MEMORIES - len(d.memories), "memories")):
        d.memories.append(read_memory_type(r))


def read_tag_section(r: Reader, d: Draft) -> None:
    for _ in range(r.count(MAX_TAGS - len(d.tags), "tags")):
        d.tags.append(_read_tag_type(r))


def read_global_section(r: Reader, d: Draft) -> None:
    for _ in range(r.count(MAX_GLOBALS - len(d.globals), "globals")):
        ty = read_global_type(r)
        d.globals.append(ty)
        d.own_globals.append(Global(ty, read_const_expr(r)))


def read_export_section(r: Reader, d: Draft) -> None:
    kinds = tuple(ExternKind)
    append = d.exports.append
    for _ in range(r.count(MAX_EXPORTS, "exports")):
        offset = r.pos
        name = r.name()
        kind = r.byte()
        if kind >= len(kinds):
            r.fail("malformed export kind", r.pos - 1)
        append(Export(name, kinds[kind], r.u32(), offset))


def read_start_section(r: Reader, d: Draft) -> None:
    d.start = r.u32()


def read_data_count_section(r: Reader, d: Draft) -> None:
    offset = r.pos
    d.data_count = r.u32()
    if d.data_count > MAX_DATA_SEGMENTS:
        raise LimitError(f"too many data segments: {d.data_count}, the limit is {MAX_DATA_SEGMENTS}", Site(offset))


def read_elem_section(r: Reader, d: Draft) -> None:
    for _ in range(r.count(MAX_ELEM_SEGMENTS, "element segments")):
        d.elems.append(_read_elem(r))


def _read_elem(r: Reader) -> ElemSegment:
    """One element segment. A list of expressions that are all ``ref.func`` becomes a list of functions."""
    offset = r.pos
    flags = r.u32()
    if flags > 7:
        r.fail("malformed elements segment kind", offset)
    table, place = 0, None
    if flags & _NOT_ACTIVE:
        mode = SegmentMode.DECLARED if flags & _EXPLICIT else SegmentMode.PASSIVE
    else:
        mode = SegmentMode.ACTIVE
        if flags & _EXPLICIT:
            table = r.u32()
        place = read_const_expr(r)
    ty = FUNCREF if flags & _EXPRS else _FUNC_ELEM
    if flags & (_NOT_ACTIVE | _EXPLICIT):
        if flags & _EXPRS:
            ty = read_ref_type(r)
        elif r.byte() != 0:
            r.fail("malformed element kind", r.pos - 1)
    funcs: tuple[int, ...] | None = None
    exprs: tuple[ConstExpr, ...] | None = None
    if flags & _EXPRS:
        funcs, exprs = _read_elem_exprs(r)
    else:
        funcs = tuple(r.u32s(MAX_ELEMS, "elements in a segment"))
    return ElemSegment(ty, mode, table, place, funcs, exprs, offset)


def _read_elem_exprs(r: Reader) -> tuple[tuple[int, ...] | None, tuple[ConstExpr, ...] | None]:
    """The functions, if all expressions are ``ref.func``, or else the expressions.

    Equal expressions share one object, whose offset is the first one's: there is where an error in it would be found.
    So the memory taken stays near the size of the segment.
    """
    n = r.count(MAX_ELEMS, "elements in a segment")
    start = r.pos
    funcs = _read_ref_funcs(r, n)
    if funcs is not None:
        return funcs, None
    r.pos = start
    data = r.data
    shared: dict[bytes, ConstExpr] = {}
    exprs: list[ConstExpr] = []
    for _ in range(n):
        at = r.pos
        expr = read_const_expr(r)
        exprs.append(shared.setdefault(data[at : r.pos], expr))
    return None, tuple(exprs)


def _read_ref_funcs(r: Reader, n: int) -> tuple[int, ...] | None:
    """The function indices of ``n`` expressions ``ref.func x end``, or None if one of them is something else."""
    data, end = r.data, r.end
    funcs: list[int] = []
    for _ in range(n):
        if r.pos >= end or data[r.pos] != REF_FUNC:
            return None
        r.pos += 1
        funcs.append(r.u32())
        if r.pos >= end or data[r.pos] != END:
            return None
        r.pos += 1
    return tuple(funcs)


def read_code_section(r: Reader, d: Draft) -> None:
    """Bodies stay byte ranges, so that millions of instructions are not looked at before they are emitted."""
    n = r.count(MAX_FUNCTIONS, "functions")
    data, pos, end = r.data, r.pos, r.end
    append = d.bodies.append
    for _ in range(n):
        at = pos
        if pos + 2 < end and data[pos] < 0x80:  # FAST: sizes of one and two bytes
            size = data[pos]
            pos += 1
        elif pos + 2 < end and data[pos + 1] < 0x80:
            size = data[pos] & 0x7F | data[pos + 1] << 7
            pos += 2
        else:
            r.pos = pos
            size = r.u32()
            pos = r.pos
        if size > end - pos:
            r.fail(UNEXPECTED_END, at)
        if size > MAX_BODY_BYTES:
            raise LimitError(f"function body of {size} bytes, the limit is {MAX_BODY_BYTES}", Site(at))
        append(Body(pos, pos + size))
        pos += size
    r.pos = pos


def read_data_section(r: Reader, d: Draft) -> None:
    n = r.count(MAX_DATA_SEGMENTS, "data segments")
    append = d.datas.append
    for _ in range(n):
        offset = r.pos
        flags = r.u32()
        if flags > 2:
            r.fail("malformed data segment kind", offset)
        memory = r.u32() if flags == _EXPLICIT else 0
        mode = SegmentMode.PASSIVE if flags == _NOT_ACTIVE else SegmentMode.ACTIVE
        place = None if flags == _NOT_ACTIVE else read_const_expr(r)
        at = r.pos
        size = r.u32()
        start = r.pos
        if size > r.end - start:
            r.fail(UNEXPECTED_END, at)
        r.pos = start + size
        append(DataSegment(mode, memory, place, start, r.pos, offset))
