"""Canonical types: which type indices of a module mean the same type (spec: Types, Recursive Types, roll-up)."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final

from aot.wasm.types import FuncType, RefType, StructType, SubType, ValType

_FUNC, _STRUCT, _ARRAY = 1, 2, 3
_NULLABLE, _NON_NULL = 0x163, 0x164
_MEMBER: Final = 1 << 40
"""Members of the group itself are written position - _MEMBER: below every abstract heap type."""


def canonical_ids(types: Sequence[SubType]) -> tuple[int, ...]:
    """Type index -> the smallest type index that is the same type.

    Two recursion groups are the same if they are equal once references into the group are written relative to it
    and references to earlier groups as canonical ids; then their members are the same pairwise. Each group is
    written once, so this is linear in the size of the types. References to later types, which validation refuses,
    are left as they are.

    Keys are bytes, whose hash is seeded, so a module cannot choose types that collide.
    """
    first_of: dict[bytes, int] = {}
    ids: list[int] = []
    start, n = 0, len(types)
    while start < n:
        stop = start + types[start].rec_n
        out: list[int] = []
        for sub in types[start:stop]:
            _write_type(sub, start, stop, ids, out)
        first = first_of.setdefault(array("q", out).tobytes(), start)
        ids.extend(range(first, first + stop - start))
        start = stop
    return tuple(ids)


def _write_type(sub: SubType, start: int, stop: int, ids: Sequence[int], out: list[int]) -> None:
    """Append the numbers that determine ``sub``, a member of the group ``[start, stop)``."""
    if sub.super is None:
        out.append(sub.final)
    else:
        out += (2 + sub.final, _relative(sub.super, start, stop, ids))
    comp = sub.comp
    if isinstance(comp, FuncType):
        out += (_FUNC, len(comp.params), len(comp.results))
        mentioned = comp.params + comp.results
    else:
        fields = comp.fields if isinstance(comp, StructType) else (comp.field,)
        out += (_STRUCT if isinstance(comp, StructType) else _ARRAY, len(fields))
        out += [field.mutable for field in fields]
        mentioned = tuple([field.storage for field in fields])
    _write_val_types(mentioned, start, stop, ids, out)


def _write_val_types(types: Sequence[ValType], start: int, stop: int, ids: Sequence[int], out: list[int]) -> None:
    append = out.append
    for ty in types:
        if isinstance(ty, RefType):
            append(_NULLABLE if ty.nullable else _NON_NULL)
            append(ty.heap if ty.heap < 0 else _relative(ty.heap, start, stop, ids))
        else:
            append(ty.code)


def _relative(index: int, start: int, stop: int, ids: Sequence[int]) -> int:
    if index >= stop:
        return index
    return index - start - _MEMBER if index >= start else ids[index]
