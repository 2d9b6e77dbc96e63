"""Which functions an exception can leave, found without translating any (spec: Binary Format, Expressions).

Whether a call must be followed by a test for exceptions depends on the callee's body, which may be in another chunk. So
the bodies are walked once before they are translated. One regular expression steps over everything that does not
matter, which is several times as fast as translating. It reads what the translation reads; where it does not get
through a body, it assumes the worst of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aot.wasm.module import Module
from aot.wasm.types import ArrayType, CompType, FuncType, HeapKind, RefType, StructType, ValType

_LEB: Final = rb"[\x80-\xff]*+[\x00-\x7f]"
_TYPE: Final = rb"(?:[\x63\x64]" + _LEB + rb"|" + _LEB + rb")"
"""A value type or block type."""
_MEMARG: Final = (
    rb"(?:(?:[\x00-\x3f]|[\x80-\xbf]" + _LEB + rb")|(?:[\x40-\x7f]|[\xc0-\xff]" + _LEB + rb")" + _LEB + rb")" + _LEB
)
"""Alignment, a memory index if bit 6 of it is set, offset."""

_VECTOR: Final = (
    rb"\xfd(?:[\x00-\x0b\x5c\x5d]" + _MEMARG + rb"|[\x0c\x0d].{16}|[\x15-\x22].|[\x54-\x5b]" + _MEMARG + rb".|"
    rb"[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff][\x01\x02])"
)
_MISC: Final = (
    rb"\xfc(?:[\x00-\x07\x13-\x16]|[\x08\x0a\x0c\x0e]" + _LEB + _LEB + rb"|[\x09\x0b\x0d\x0f-\x11]" + _LEB + rb")"
)
_GC: Final = (
    rb"\xfb(?:[\x00\x01\x06\x07\x0b-\x0e\x10\x14-\x17]" + _LEB + rb"|"
    rb"[\x02-\x05\x08-\x0a\x11-\x13]" + _LEB + _LEB + rb"|[\x0f\x1a-\x1e]|"
    rb"[\x18\x19]." + _LEB + _LEB + _LEB + rb")"
)
_ATOMIC: Final = rb"\xfe(?:[\x00-\x02\x10-\x4e]" + _MEMARG + rb"|\x03\x00)"

_SKIPPED: Final = (
    rb"(?:[\x0c\x0d\x18\x20-\x26\x3f-\x42\xd0\xd2\xd5\xd6]" + _LEB + rb"|"
    rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\x45-\xc4\xd1\xd3\xd4]|"
    rb"[\x28-\x3e]" + _MEMARG + rb"|[\x02-\x04\x06]" + _TYPE + rb"|\x44.{8}|\x43.{4}|\x1c\x01" + _TYPE + rb"|"
    + _MISC + rb"|" + _VECTOR + rb"|" + _ATOMIC + rb"|" + _GC + rb")*+"
)  # fmt: skip
"""Instructions that neither call, throw nor catch, as many as there are."""

_STEP: Final = re.compile(
    _SKIPPED + rb"(?:[\x10\x12](?P<call>" + _LEB + rb")|[\x11\x13](?P<indirect>" + _LEB + rb")" + _LEB + rb"|"
    rb"[\x14\x15](?P<ref>" + _LEB + rb")|(?P<throw>[\x08\x09]" + _LEB + rb"|\x0a)|(?P<catch>\x07" + _LEB + rb"|\x19)|"
    rb"\x0e(?P<table>" + _LEB + rb")|\x1f" + _TYPE + rb"(?P<try>" + _LEB + rb"))?",
    re.DOTALL,
)
_INDEX: Final = re.compile(_LEB)
_INDICES: Final = re.compile(rb"(?:" + _LEB + rb"){64}")
_CLAUSE: Final = re.compile(rb"[\x00\x01]" + _LEB + _LEB + rb"|[\x02\x03]" + _LEB)
_LOCALS: Final = re.compile(_LEB + _TYPE)
_TRY_TABLE: Final = re.compile(rb"\x1f" + _TYPE + _LEB + rb"[\x00-\x03]")
"""What a try_table with a clause looks like; so do other bytes."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """``catching``: the module may catch exceptions, so its code tests for them. If so, ``throwing`` are its own
    functions (in the whole index space) that one may leave. ``confined``: an exception reference never leaves the
    function that caught it.
    """

    catching: bool = False
    throwing: frozenset[int] = frozenset()
    confined: bool = False


@dataclass(slots=True)
class _Walk:
    """What one body holds. ``types`` are those of indirect calls."""

    callees: set[int]
    types: set[int]
    throws: bool = False
    catches: bool = False
    complete: bool = False


def call_facts(module: Module) -> CallFacts:
    """Walk the bodies of a module that may use exceptions. Never fails: bodies need not be valid."""
    if not module.tags and not any(_may_catch(module, k) for k in range(len(module.bodies))):
        return CallFacts()
    walks = [_walk(module, k) for k in range(len(module.bodies))]
    return CallFacts(True, _throwing(module, walks), _is_confined(module, walks))


def _may_catch(module: Module, k: int) -> bool:
    """Does own function ``k`` of a module without tags catch?"""
    body = module.bodies[k]
    data, start, end = module.data, body.start, body.end
    legacy = data.find(b"\x06", start, end)
    if (legacy < 0 or data.find(b"\x19", legacy, end) < 0) and not _TRY_TABLE.search(data, start, end):
        return False  # FAST: no need to walk
    walk = _walk(module, k)
    return walk.catches or not walk.complete


def _number(leb: bytes) -> int:
    value = 0
    for at, byte in enumerate(leb[:10]):
        value |= (byte & 0x7F) << (7 * at)
    return value


def _walk(module: Module, k: int) -> _Walk:
    data, pos, end = module.data, module.bodies[k].start, module.bodies[k].end
    walk = _Walk(set(), set())
    match = _INDEX.match(data, pos, end)
    n_locals = _number(match[0]) if match else 0
    while match and n_locals:
        match = _LOCALS.match(data, match.end(), end)
        n_locals -= 1
    if match:
        walk.complete = _walk_code(walk, data, match.end(), end)
    return walk


def _walk_code(walk: _Walk, data: bytes, pos: int, end: int) -> bool:
    """Whether all of the code was understood."""
    while True:
        match = _STEP.match(data, pos, end)
        if match is None:
            return False
        pos = match.end()
        kind = match.lastgroup
        if kind == "call":
            walk.callees.add(_number(match["call"]))
        elif kind in ("indirect", "ref"):
            walk.types.add(_number(match[kind]))
        elif kind == "throw":
            walk.throws = True
        elif kind == "catch":
            walk.catches = True
        elif kind is None:
            return pos == end
        else:
            n = _number(match[kind])
            walk.catches = walk.catches or (kind == "try" and n > 0)
            after = _skip_indices(data, pos, end, n + 1) if kind == "table" else _skip_clauses(data, pos, end, n)
            if after is None:
                return False
            pos = after


def _skip_indices(data: bytes, pos: int, end: int, n: int) -> int | None:
    """The position behind ``n`` numbers, None if there are fewer."""
    while n:
        many = n >= 64
        match = (_INDICES if many else _INDEX).match(data, pos, end)
        if match is None:
            return None
        pos, n = match.end(), n - (64 if many else 1)
    return pos


def _skip_clauses(data: bytes, pos: int, end: int, n: int) -> int | None:
    """The position behind ``n`` catch clauses, None if there are fewer."""
    for _ in range(n):
        match = _CLAUSE.match(data, pos, end)
        if match is None:
            return None
        pos = match.end()
    return pos


def _throwing(module: Module, walks: list[_Walk]) -> frozenset[int]:
    """Own functions that throw, call what is not known, or call such a function; handlers are not looked at."""
    first = module.n_imported_funcs
    callers: dict[int, list[int]] = {}
    found: list[int] = []
    for func, walk in enumerate(walks, first):
        if walk.throws or walk.types or not walk.complete or any(callee < first for callee in walk.callees):
            found.append(func)
        for callee in walk.callees:
            callers.setdefault(callee, []).append(func)
    throwing = set(found)
    while found:
        for caller in callers.get(found.pop(), ()):
            if caller not in throwing:
                throwing.add(caller)
                found.append(caller)
    return frozenset(throwing)


# -- where exception references can go ----------------------------------------------------------------------------


def is_exn_ref(t: ValType) -> bool:
    """Is ``t`` a reference to an exception?"""
    return isinstance(t, RefType) and t.heap in (HeapKind.EXN, HeapKind.NOEXN)


def _mentions_exn(comp: CompType) -> bool:
    match comp:
        case FuncType():
            mentioned: Iterable[ValType] = comp.params + comp.results
        case StructType():
            mentioned = (field.storage for field in comp.fields)
        case ArrayType():
            mentioned = (comp.field.storage,)
    return any(map(is_exn_ref, mentioned))


def _is_confined(module: Module, walks: list[_Walk]) -> bool:
    if any(is_exn_ref(t.value) for t in module.globals) or any(is_exn_ref(t.elem) for t in module.tables):
        return False
    telling = {k for k, t in enumerate(module.types) if _mentions_exn(t.comp)}
    if not telling:
        return True
    if any(not isinstance(module.types[k].comp, FuncType) for k in telling):
        return False
    used = {*module.func_types, *(tag.type for tag in module.tags)}.union(*(walk.types for walk in walks))
    return all(walk.complete for walk in walks) and telling.isdisjoint(used)
