"""Builds the module that random modules import everything from.

Its functions hand what they are given to the host as i64 values, so that hosts need no floats or vectors, and ask it
for one i64 that their results are made of. What is called ``throw`` throws. Tags, memories, tables and globals are its
own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aot.wasm.module import ExternKind, Import, Module
from aot.wasm.types import (
    EXTERNREF,
    F32,
    F64,
    I32,
    I64,
    V128,
    FuncType,
    GlobalType,
    MemoryType,
    RefType,
    TableType,
    ValType,
)
from aot.wasm.types import Limits as TypeLimits
from tests.fuzz.binary import val_type
from tests.fuzz.instrument import get, lanes64
from tests.wasm_builder import HEADER, body, i32_const, name, section, sleb, uleb, vec

HOST = "host"
ARGUMENT, CALL, TOKEN = "argument", "call", "token"
"""The host's: a function (i64) that notes an argument, a function (i32 number of the import) -> i64, an externref."""
_IMPORTED_FUNCTIONS, _IMPORTED_GLOBALS = 2, 1


class CannotProvideError(Exception):
    """An import's type refers to types of the module."""


ItemType = FuncType | TableType | MemoryType | GlobalType | tuple[ValType, ...]
"""The type of an import; a tag's is that of its values."""


@dataclass(frozen=True, slots=True)
class Item:
    """What is imported: equal ones are served by the same export."""

    kind: ExternKind
    label: str
    type: ItemType


class Supply:
    """The support module for all modules met so far. Modules of one generator import much the same, so that it soon
    stays as it is and need not be compiled again.
    """

    def __init__(self) -> None:
        self._items: dict[Item, int] = {}
        self.data = b""

    def serve(self, module: Module) -> list[str]:
        """The names of the exports that stand for the module's imports, in order. May change ``data``.

        Raises CannotProvideError.
        """
        wanted = [_item(module, imported) for imported in module.imports]
        items = dict(self._items)
        for item in wanted:
            items.setdefault(item, len(items))
        if not self.data or items != self._items:
            self.data = _Builder(list(items)).build()
            self._items = items
        return [f"i{items[item]}" for item in wanted]

    def label(self, number: int) -> str:
        """The name of an import, by the number that the host function `CALL` is given."""
        return list(self._items)[number].label


def _item(module: Module, imported: Import) -> Item:
    types: dict[ExternKind, Callable[[int], ItemType]] = {
        ExternKind.FUNC: module.func_type,
        ExternKind.TABLE: lambda k: module.tables[k],
        ExternKind.MEMORY: lambda k: module.memories[k],
        ExternKind.GLOBAL: lambda k: module.globals[k],
        ExternKind.TAG: lambda k: _payload(module, k),
    }
    return Item(imported.kind, imported.name, types[imported.kind](imported.index))


def _payload(module: Module, tag: int) -> tuple[ValType, ...]:
    comp = module.types[module.tags[tag].type].comp
    assert isinstance(comp, FuncType)
    return comp.params


def _known(t: ValType) -> bytes:
    if isinstance(t, RefType) and t.heap >= 0:
        raise CannotProvideError(f"the type {t}")
    return val_type(t)


def _constant(t: ValType) -> bytes:
    """A constant expression."""
    if t == EXTERNREF:
        return b"\x23\x00\x0b"
    if isinstance(t, RefType):
        if not t.nullable:
            raise CannotProvideError(f"a global of type {t}")
        return b"\xd0" + sleb(t.heap) + b"\x0b"
    numbers = {I32: b"\x41\x2a", I64: b"\x42\x2a", F32: b"\x43" + bytes(4), F64: b"\x44" + bytes(8)}
    return numbers.get(t, b"\xfd\x0c" + bytes(range(16))) + b"\x0b"


class _Builder:
    def __init__(self, items: list[Item]) -> None:
        self.items = items
        self.types: list[bytes] = []
        self.functions: list[bytes] = []
        self.code: list[bytes] = []
        self.parts: dict[ExternKind, list[bytes]] = {kind: [] for kind in ExternKind}
        self.tags = [item.type for item in items if isinstance(item.type, tuple)]

    def type_index(self, ty: FuncType) -> int:
        params, results = vec(map(_known, ty.params)), vec(map(_known, ty.results))
        entry = b"\x60" + params + results
        if entry not in self.types:
            self.types.append(entry)
        return self.types.index(entry)

    def build(self) -> bytes:
        argument, call = self.type_index(FuncType((I64,), ())), self.type_index(FuncType((I32,), (I64,)))
        exports = []
        for n, item in enumerate(self.items):
            exports.append(name(f"i{n}") + bytes((item.kind,)) + uleb(self._add(n, item)))
        imports = [
            name(HOST) + name(ARGUMENT) + b"\x00" + uleb(argument),
            name(HOST) + name(CALL) + b"\x00" + uleb(call),
            name(HOST) + name(TOKEN) + b"\x03\x6f\x00",
        ]
        sections = [(1, self.types), (2, imports), (3, self.functions), (4, self.parts[ExternKind.TABLE])]
        sections += [(5, self.parts[ExternKind.MEMORY]), (13, self.parts[ExternKind.TAG])]
        sections += [(6, self.parts[ExternKind.GLOBAL]), (7, exports), (10, self.code)]
        return HEADER + b"".join(section(number, vec(entries)) for number, entries in sections if entries)

    def _add(self, n: int, item: Item) -> int:
        """Define an item; returns its index."""
        part = self.parts[item.kind]
        match item.type:
            case FuncType() as ty:
                self.functions.append(uleb(self.type_index(ty)))
                self.code.append(self._function(n, ty, item.label))
                return _IMPORTED_FUNCTIONS + len(self.functions) - 1
            case GlobalType(value, mutable):
                part.append(_known(value) + bytes((mutable,)) + _constant(value))
                return _IMPORTED_GLOBALS + len(part) - 1
            case MemoryType(limits, page_log2):
                part.append(_limits(limits, page_log2))
            case TableType() as table:
                part.append(_table(table))
            case payload:
                part.append(b"\x00" + uleb(self.type_index(FuncType(payload, ()))))
        return len(part) - 1

    def _function(self, n: int, ty: FuncType, label: str) -> bytes:
        code = b""
        for k, t in enumerate(ty.params):
            for lane in lanes64(t, get(k)):
                code += lane + b"\x10\x00"
        seed = len(ty.params)
        code += i32_const(n) + b"\x10\x01\x21" + uleb(seed)
        if label == "throw":
            return body(code + self._throw(ty), [(1, b"\x7e")])
        return body(code + b"".join(self._result(n, t, get(seed)) for t in ty.results), [(1, b"\x7e")])

    def _throw(self, ty: FuncType) -> bytes:
        """Throw the first tag, or the last one if the argument is 0; without tags, trap."""
        if not self.tags:
            return b"\x00"
        first, last = self._throw_tag(0, ty), self._throw_tag(len(self.tags) - 1, ty)
        return get(0) + b"\x04\x40" + first + b"\x05" + last + b"\x0b\x00" if ty.params[:1] == (I32,) else first

    def _throw_tag(self, tag: int, ty: FuncType) -> bytes:
        payload = b""
        for t in self.tags[tag]:
            payload += get(0) if t is I32 and ty.params[:1] == (I32,) else _constant(t)[:-1]
        return payload + b"\x08" + uleb(tag)

    def _result(self, n: int, t: ValType, seed: bytes) -> bytes:
        if t is I32:
            return seed + b"\xa7"
        if t is I64:
            return seed
        if t is F32:
            return seed + b"\xa7\xbe"
        if t is F64:
            return seed + b"\xbf"
        if t is V128:
            return seed + b"\xfd\x12"
        return _constant(t)[:-1]


def _limits(limits: TypeLimits, page_log2: int = 16) -> bytes:
    flags = (limits.max is not None) | limits.shared << 1 | limits.is64 << 2 | (page_log2 != 16) << 3
    bounds = uleb(limits.min) + (b"" if limits.max is None else uleb(limits.max))
    return bytes((flags,)) + bounds + (b"" if page_log2 == 16 else uleb(page_log2))


def _table(table: TableType) -> bytes:
    if not table.elem.nullable:
        raise CannotProvideError(f"a table of {table.elem}")
    return _known(table.elem) + _limits(table.limits)
