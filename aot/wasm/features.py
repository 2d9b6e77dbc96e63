"""Features of WebAssembly: those that can be switched off, and those that are decoded but not compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aot.errors import InvalidError, Site, UnsupportedError
from aot.wasm.module import ConstExpr, Module
from aot.wasm.types import (
    PAGE_LOG2,
    V128,
    CompType,
    FuncType,
    HeapKind,
    Limits,
    RefType,
    StructType,
    ValType,
)

_GC_HEAPS: Final = frozenset(
    {HeapKind.ANY, HeapKind.EQ, HeapKind.I31, HeapKind.STRUCT, HeapKind.ARRAY, HeapKind.NONE},
)
_EXCEPTION_HEAPS: Final = frozenset({HeapKind.EXN, HeapKind.NOEXN})
_GC_PREFIX: Final = 0xFB
_GLOBAL_GET: Final = 0x23


@dataclass(frozen=True, slots=True)
class Features:
    """Which parts of the language modules may use; each can be switched off to be as strict as an older version.

    Without ``gc`` constant expressions may read imported globals only, as in WebAssembly 2.0. ``legacy_exceptions`` are
    the instructions that ``try_table`` replaced; they need ``exceptions`` as well.
    """

    multi_value: bool = True
    bulk_memory: bool = True
    reference_types: bool = True
    multi_memory: bool = True
    extended_const: bool = True
    gc: bool = True
    memory64: bool = True
    function_references: bool = True
    custom_page_sizes: bool = True
    wide_arithmetic: bool = True
    tail_call: bool = True
    simd: bool = True
    relaxed_simd: bool = True
    threads: bool = True
    exceptions: bool = True
    legacy_exceptions: bool = True


NOT_COMPILED: Final = frozenset({"gc"})
"""Features that are decoded and validated, but for which this release has no code generation."""


def require_enabled(module: Module, features: Features) -> None:
    """Refuse what ``features`` switches off, outside of function bodies.

    Raises InvalidError with the words that the specification had before the feature, and the feature's name.
    """
    if not features.multi_memory and len(module.memories) > 1:
        raise InvalidError("multiple memories: the feature multi_memory is switched off")
    if not features.reference_types and len(module.tables) > 1:
        raise InvalidError("multiple tables: the feature reference_types is switched off")
    if not features.multi_value:
        for sub in module.types:
            if isinstance(sub.comp, FuncType) and len(sub.comp.results) > 1:
                raise InvalidError("invalid result arity: the feature multi_value is switched off")
    if not features.bulk_memory and module.data_count is not None:
        raise InvalidError("malformed section id: the feature bulk_memory is switched off")
    for feature, where in _uses(module):
        if feature not in NOT_COMPILED and not getattr(features, feature):
            raise UnsupportedError(f"the feature {feature} is switched off: {where}")
    for expr in _const_exprs(module):
        if not features.extended_const and len(expr.instrs) > 1:
            raise InvalidError(
                "constant expression required: the feature extended_const is switched off", Site(expr.offset)
            )
        for instr in expr.instrs:
            if not features.gc and instr.op == _GLOBAL_GET and instr.index >= module.n_imported_globals:
                raise InvalidError("unknown global: only imported ones before the feature gc", Site(expr.offset))


def val_type_feature(ty: ValType) -> str | None:
    """The unsupported feature that a value type belongs to. A concrete heap type is judged by its definition."""
    if ty is V128:
        return "simd"
    if isinstance(ty, RefType):
        if ty.heap in _GC_HEAPS:
            return "gc"
        if ty.heap in _EXCEPTION_HEAPS:
            return "exceptions"
    return None


def unsupported_features(module: Module) -> dict[str, str]:
    """Feature -> where the module uses it first ("type 3"), for what stands outside of function bodies."""
    found: dict[str, str] = {}
    for feature, where in _uses(module):
        if feature in NOT_COMPILED:
            found.setdefault(feature, where)
    return found


def require_supported(module: Module) -> None:
    """Raises UnsupportedError naming the features, if the module uses any that is not compiled."""
    found = unsupported_features(module)
    if found:
        uses = ", ".join(f"{feature} ({where})" for feature, where in found.items())
        raise UnsupportedError(f"not supported: {uses}")


def _uses(module: Module) -> Iterator[tuple[str, str]]:
    for index, sub in enumerate(module.types):
        # a supertype makes indirect calls match by subtyping, which canonical ids alone cannot do
        if sub.super is not None:
            yield "gc", f"type {index}"
        for feature in _comp_features(sub.comp):
            yield feature, f"type {index}"
    for index, table in enumerate(module.tables):
        yield from _val_use(table.elem, f"table {index}")
        yield from _limits_uses(table.limits, f"table {index}")
    for index, memory in enumerate(module.memories):
        yield from _limits_uses(memory.limits, f"memory {index}")
        if memory.page_log2 != PAGE_LOG2:
            yield "custom_page_sizes", f"memory {index}"
    for index, glob in enumerate(module.globals):
        yield from _val_use(glob.value, f"global {index}")
    if module.tags:
        yield "exceptions", "tag 0"
    for index, elem in enumerate(module.elems):
        yield from _val_use(elem.type, f"element segment {index}")
    for expr in _const_exprs(module):
        if any(instr.op >> 16 == _GC_PREFIX for instr in expr.instrs):
            yield "gc", f"the constant expression at 0x{expr.offset:06x}"


def _comp_features(comp: CompType) -> Iterator[str]:
    if not isinstance(comp, FuncType):
        yield "gc"
        fields = comp.fields if isinstance(comp, StructType) else (comp.field,)
        mentioned = tuple([f.storage for f in fields])
    else:
        mentioned = comp.params + comp.results
    for ty in mentioned:
        feature = val_type_feature(ty)
        if feature:
            yield feature


def _val_use(ty: ValType, where: str) -> Iterator[tuple[str, str]]:
    feature = val_type_feature(ty)
    if feature:
        yield feature, where


def _limits_uses(limits: Limits, where: str) -> Iterator[tuple[str, str]]:
    if limits.shared:
        yield "threads", where
    if limits.is64:
        yield "memory64", where


def _const_exprs(module: Module) -> Iterator[ConstExpr]:
    for table in module.own_tables:
        if table.init is not None:
            yield table.init
    for glob in module.own_globals:
        yield glob.init
    for elem in module.elems:
        if elem.place is not None:
            yield elem.place
        yield from elem.exprs or ()
    for data in module.datas:
        if data.place is not None:
            yield data.place
