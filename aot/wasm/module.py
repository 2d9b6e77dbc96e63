"""A decoded module as plain data (spec: Syntax, Modules). Code stays bytes: bodies are ranges, parsed when emitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from aot.wasm.types import (
    FuncType,
    GlobalType,
    MemoryType,
    RefType,
    SubType,
    TableType,
    TagType,
)


class ExternKind(IntEnum):
    """Kinds of imports and exports, as the bytes of the binary format."""

    FUNC = 0
    TABLE = 1
    MEMORY = 2
    GLOBAL = 3
    TAG = 4


@dataclass(frozen=True, slots=True)
class Import:
    """``index`` is the item's place in its kind's index space; ``offset`` its byte position."""

    module: str
    name: str
    kind: ExternKind
    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class Export:
    name: str
    kind: ExternKind
    index: int
    offset: int


@dataclass(frozen=True, slots=True)
class ConstInstr:
    """One instruction of a constant expression.

    ``op`` is the opcode (prefixed ones as ``prefix << 16 | code``); ``index`` the global, function, type or (for
    ref.null, signed) heap type; ``value`` the bits of a constant.
    """

    op: int
    index: int = 0
    value: int = 0


@dataclass(frozen=True, slots=True)
class ConstExpr:
    """A constant expression in execution order, without its ``end``; ``offset`` is its byte position."""

    instrs: tuple[ConstInstr, ...]
    offset: int


@dataclass(frozen=True, slots=True)
class Table:
    """A table definition; ``init`` is None for the null default."""

    type: TableType
    init: ConstExpr | None


@dataclass(frozen=True, slots=True)
class Global:
    type: GlobalType
    init: ConstExpr


class SegmentMode(IntEnum):
    ACTIVE = 0
    PASSIVE = 1
    DECLARED = 2


@dataclass(frozen=True, slots=True)
class ElemSegment:
    """An element segment. Exactly one of ``funcs`` (function indices) and ``exprs`` is used."""

    type: RefType
    mode: SegmentMode
    table: int
    place: ConstExpr | None
    funcs: tuple[int, ...] | None
    exprs: tuple[ConstExpr, ...] | None
    offset: int


@dataclass(frozen=True, slots=True)
class DataSegment:
    """A data segment; its bytes are ``Module.data[start:end]``."""

    mode: SegmentMode
    memory: int
    place: ConstExpr | None
    start: int
    end: int
    offset: int


@dataclass(frozen=True, slots=True)
class Body:
    """A function's code as a byte range of the module: ``[start, end)``, local declarations included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CustomSection:
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Module:
    """A module. ``func_types``, ``tables``, ``memories``, ``globals``, ``tags`` hold the whole index space's types,
    imports first; ``own_tables`` and ``own_globals`` hold only the definitions.
    """

    data: bytes
    types: tuple[SubType, ...]
    canonical: tuple[int, ...]
    """Type index -> the smallest type index with the same canonical type in this module."""
    imports: tuple[Import, ...]
    exports: tuple[Export, ...]
    func_types: tuple[int, ...]
    tables: tuple[TableType, ...]
    memories: tuple[MemoryType, ...]
    globals: tuple[GlobalType, ...]
    tags: tuple[TagType, ...]
    own_tables: tuple[Table, ...]
    own_globals: tuple[Global, ...]
    elems: tuple[ElemSegment, ...]
    datas: tuple[DataSegment, ...]
    bodies: tuple[Body, ...]
    start: int | None
    data_count: int | None
    declared_refs: frozenset[int]
    """Functions that ``ref.func`` may name in bodies: those in element segments, globals, exports."""
    customs: tuple[CustomSection, ...] = ()
    func_names: dict[int, str] = field(default_factory=dict)
    """From the name section, where it can be read; never an error."""
    branch_hints: dict[int, dict[int, bool]] = field(default_factory=dict)
    """Function -> position in its body of an ``if`` or ``br_if`` -> likely?"""

    @property
    def n_imported_funcs(self) -> int:
        return len(self.func_types) - len(self.bodies)

    @property
    def n_imported_tables(self) -> int:
        return len(self.tables) - len(self.own_tables)

    @property
    def n_imported_globals(self) -> int:
        return len(self.globals) - len(self.own_globals)

    @property
    def n_imported_memories(self) -> int:
        return sum(1 for i in self.imports if i.kind is ExternKind.MEMORY)

    @property
    def n_imported_tags(self) -> int:
        return sum(1 for i in self.imports if i.kind is ExternKind.TAG)

    def func_type(self, func: int) -> FuncType:
        """The function type of function ``func`` (whole index space)."""
        comp = self.types[self.func_types[func]].comp
        assert isinstance(comp, FuncType)
        return comp
