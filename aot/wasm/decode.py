"""A module's binary format: framing of the sections, and `decode_module` (spec: Binary Format, Modules)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from aot.errors import DecodeError, LimitError, Site
from aot.wasm.branch_hints import SECTION as BRANCH_HINTS
from aot.wasm.branch_hints import BranchHints, read_branch_hints
from aot.wasm.canonical import canonical_ids
from aot.wasm.constexpr import REF_FUNC
from aot.wasm.decode_sections import (
    Draft,
    read_code_section,
    read_data_count_section,
    read_data_section,
    read_elem_section,
    read_export_section,
    read_function_section,
    read_global_section,
    read_import_section,
    read_memory_section,
    read_start_section,
    read_table_section,
    read_tag_section,
    read_type_section,
)
from aot.wasm.features import Features
from aot.wasm.limits import MAX_MODULE_BYTES
from aot.wasm.module import ConstExpr, CustomSection, ExternKind, Module
from aot.wasm.name_section import read_func_names
from aot.wasm.reader import UNEXPECTED_END, Reader

MAGIC: Final = b"\0asm"
VERSION: Final = b"\1\0\0\0"
CUSTOM: Final = 0

_SECTIONS: Final[dict[int, Callable[[Reader, Draft], None]]] = {
    1: read_type_section,
    2: read_import_section,
    3: read_function_section,
    4: read_table_section,
    5: read_memory_section,
    13: read_tag_section,
    6: read_global_section,
    7: read_export_section,
    8: read_start_section,
    9: read_elem_section,
    12: read_data_count_section,
    10: read_code_section,
    11: read_data_section,
}
"""Section id -> how it is read, in the order the sections must come in."""
_RANK: Final = {section: rank for rank, section in enumerate(_SECTIONS)}


def sections(data: bytes) -> Iterator[tuple[int, int, int]]:
    """The sections as (id, start of the contents, end), in order of appearance.

    Raises DecodeError if the preamble or a section's framing is malformed.
    """
    _check_preamble(data)
    r = Reader(data, 8)
    while r.pos < r.end:
        at = r.pos
        section = r.byte()
        if section != CUSTOM and section not in _SECTIONS:
            r.fail("malformed section id", at)
        size_at = r.pos
        size = r.u32()
        start = r.pos
        if size > r.end - start:
            r.fail("length out of bounds", size_at)
        r.pos = start + size
        yield section, start, r.pos


def decode_module(data: bytes, features: Features | None = None) -> Module:
    """Decode a binary module. Function bodies stay byte ranges; indices and types are left to `validate_module`.

    ``features`` matters only where the binary format itself changed with a feature; by default all are on.

    Raises DecodeError (malformed), LimitError, or InvalidError (where a validation rule is broken by something that
    `Module` cannot express: two supertypes, an instruction that is not constant). Each carries its byte offset.
    """
    if len(data) > MAX_MODULE_BYTES:
        raise LimitError(f"module of {len(data)} bytes, the limit is {MAX_MODULE_BYTES}", Site(0))
    data = bytes(data)
    d = Draft()
    customs: list[CustomSection] = []
    last = -1
    wide_limits = features is None or features.memory64
    for section, start, end in sections(data):
        r = Reader(data, start, end, wide_limits=wide_limits)
        if section == CUSTOM:
            name = r.name()
            customs.append(CustomSection(name, r.pos, end))
            continue
        if _RANK[section] <= last:
            r.fail("unexpected content after last section")
        last = _RANK[section]
        _SECTIONS[section](r, d)
        if r.pos != end:
            r.fail("section size mismatch")
    _check_counts(d, len(data))
    return _finish(data, d, customs)


def _check_preamble(data: bytes) -> None:
    for start, expected, message in (
        (0, MAGIC, "magic header not detected"),
        (4, VERSION, "unknown binary version"),
    ):
        found = data[start : start + 4]
        if found != expected:
            raise DecodeError(UNEXPECTED_END if len(found) < 4 else message, Site(start))


def _check_counts(d: Draft, end: int) -> None:
    if d.n_own_funcs != len(d.bodies):
        raise DecodeError(
            "function and code section have inconsistent lengths: "
            f"{d.n_own_funcs} declared, {len(d.bodies)} with a body",
            Site(d.bodies[0].start if d.bodies else end),
        )
    if d.data_count is not None and d.data_count != len(d.datas):
        raise DecodeError(
            f"data count and data section have inconsistent lengths: {d.data_count} and {len(d.datas)}",
            Site(d.datas[0].offset if d.datas else end),
        )


def _finish(data: bytes, d: Draft, customs: list[CustomSection]) -> Module:
    n_funcs = len(d.func_types)
    func_names: dict[int, str] = {}
    branch_hints: BranchHints = {}
    for custom in reversed(customs):  # of several with one name the first counts
        if custom.name == "name":
            func_names = read_func_names(data, custom.start, custom.end, n_funcs)
        elif custom.name == BRANCH_HINTS:
            branch_hints = read_branch_hints(data, custom.start, custom.end)
    types = tuple(d.types)
    return Module(
        data=data,
        types=types,
        canonical=canonical_ids(types),
        imports=tuple(d.imports),
        exports=tuple(d.exports),
        func_types=tuple(d.func_types),
        tables=tuple(d.tables),
        memories=tuple(d.memories),
        globals=tuple(d.globals),
        tags=tuple(d.tags),
        own_tables=tuple(d.own_tables),
        own_globals=tuple(d.own_globals),
        elems=tuple(d.elems),
        datas=tuple(d.datas),
        bodies=tuple(d.bodies),
        start=d.start,
        data_count=d.data_count,
        declared_refs=_declared_refs(d, n_funcs),
        customs=tuple(customs),
        func_names=func_names,
        branch_hints=branch_hints,
    )


def _declared_refs(d: Draft, n_funcs: int) -> frozenset[int]:
    """The functions named outside of function bodies and the start section (Module_ok: REFS), those that exist."""
    refs = {e.index for e in d.exports if e.kind is ExternKind.FUNC}
    exprs: list[ConstExpr] = [table.init for table in d.own_tables if table.init is not None]
    exprs += [glob.init for glob in d.own_globals]
    for elem in d.elems:
        if elem.funcs:
            refs.update(elem.funcs)
        elif elem.exprs:
            exprs += elem.exprs
    for expr in exprs:
        for instr in expr.instrs:
            if instr.op == REF_FUNC:
                refs.add(instr.index)
    return frozenset([i for i in refs if i < n_funcs])
