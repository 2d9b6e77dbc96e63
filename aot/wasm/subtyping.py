"""Subtyping of value types (spec: Validation, Matching).

A concrete heap type is a type index of one module; two indices are the same type when their canonical ids are.
Every loop here is bounded by the subtyping depth once the declared supertypes are validated.
"""

from __future__ import annotations

from typing import Final, Protocol

from aot.wasm.limits import MAX_SUBTYPING_DEPTH
from aot.wasm.types import (
    ArrayType,
    CompType,
    FieldType,
    FuncType,
    HeapKind,
    HeapType,
    RefType,
    StructType,
    SubType,
    ValType,
)


class Types(Protocol):
    """What matching needs of a module."""

    @property
    def types(self) -> tuple[SubType, ...]: ...

    @property
    def canonical(self) -> tuple[int, ...]: ...


_K = HeapKind
_ABSTRACT_SUPERS: Final[dict[int, frozenset[int]]] = {
    _K.NONE: frozenset({_K.I31, _K.STRUCT, _K.ARRAY, _K.EQ, _K.ANY}),
    _K.I31: frozenset({_K.EQ, _K.ANY}),
    _K.STRUCT: frozenset({_K.EQ, _K.ANY}),
    _K.ARRAY: frozenset({_K.EQ, _K.ANY}),
    _K.EQ: frozenset({_K.ANY}),
    _K.NOFUNC: frozenset({_K.FUNC}),
    _K.NOEXTERN: frozenset({_K.EXTERN}),
    _K.NOEXN: frozenset({_K.EXN}),
}
_COMP_SUPERS: Final[dict[type, frozenset[int]]] = {
    FuncType: frozenset({_K.FUNC}),
    StructType: frozenset({_K.STRUCT, _K.EQ, _K.ANY}),
    ArrayType: frozenset({_K.ARRAY, _K.EQ, _K.ANY}),
}
_NONE: Final[frozenset[int]] = frozenset()


def heap_matches(module: Types, a: HeapType, b: HeapType) -> bool:
    """Whether heap type ``a`` is a subtype of ``b`` (Heaptype_sub). Type indices must be in range."""
    if a == b:
        return True
    if a < 0:
        if b < 0:
            return b in _ABSTRACT_SUPERS.get(a, _NONE)
        bottom = _K.NOFUNC if isinstance(module.types[b].comp, FuncType) else _K.NONE
        return a == bottom
    if b < 0:
        return b in _COMP_SUPERS[type(module.types[a].comp)]
    canonical, types = module.canonical, module.types
    goal = canonical[b]
    index: int | None = a
    for _ in range(MAX_SUBTYPING_DEPTH + 1):
        if index is None:
            return False
        if canonical[index] == goal:
            return True
        index = types[index].super
    return False


def ref_matches(module: Types, a: RefType, b: RefType) -> bool:
    """Whether reference type ``a`` is a subtype of ``b`` (Reftype_sub)."""
    return (b.nullable or not a.nullable) and heap_matches(module, a.heap, b.heap)


def val_matches(module: Types, a: ValType, b: ValType) -> bool:
    """Whether a value of type ``a`` may stand where ``b`` is expected (Valtype_sub). Packed types match themselves."""
    if a is b:
        return True
    if isinstance(a, RefType) and isinstance(b, RefType):
        return ref_matches(module, a, b)
    return a == b


def field_matches(module: Types, a: FieldType, b: FieldType) -> bool:
    """Fieldtype_sub: constant fields are covariant, mutable ones have equal types."""
    if a.mutable != b.mutable or not val_matches(module, a.storage, b.storage):
        return False
    return not a.mutable or val_matches(module, b.storage, a.storage)


def comp_matches(module: Types, a: CompType, b: CompType) -> bool:
    """Whether definition ``a`` may have ``b`` as its declared supertype's definition (Comptype_sub)."""
    match a, b:
        case FuncType(), FuncType():
            return (
                len(a.params) == len(b.params)
                and len(a.results) == len(b.results)
                and all(val_matches(module, y, x) for x, y in zip(a.params, b.params, strict=True))
                and all(val_matches(module, x, y) for x, y in zip(a.results, b.results, strict=True))
            )
        case StructType(), StructType():
            return len(a.fields) >= len(b.fields) and all(
                field_matches(module, x, y) for x, y in zip(a.fields, b.fields, strict=False)
            )
        case ArrayType(), ArrayType():
            return field_matches(module, a.field, b.field)
    return False


def is_defaultable(ty: ValType) -> bool:
    """Whether the type has a default value: every number type, and references that may be null."""
    return not isinstance(ty, RefType) or ty.nullable
