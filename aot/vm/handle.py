"""Instances by their parts: instantiated in two steps, indexed like the module, with their raw context."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aot.embed import Instance, Memory, Store, Table, Trap, TrapCode, raw
from aot.embed.instance import InstanceExports, make_instance
from aot.embed.linking import resolve_imports
from aot.errors import ResourceError, UsageError
from aot.vm.context import VMContext
from aot.vm.runtime_info import ModuleRuntimeInfo

if TYPE_CHECKING:
    from aot.embed import Module
    from aot.vm.offsets import VMOffsets

_KINDS = ("func", "table", "memory", "global", "tag")


class FinishedError(UsageError, RuntimeError):
    """The instance was finished already."""


@dataclass(frozen=True, slots=True)
class ExportIndex:
    """A declaration: ``kind`` is "func", "table", "memory", "global" or "tag"; ``index`` counts imports, too."""

    kind: str
    index: int


class InstanceHandle:
    """A handle of one instance. Handles of the same instance are equal. The store owns the instance, and what was
    looked up keeps the store.
    """

    __slots__ = ("__weakref__", "_address", "_exports", "_finished", "_owned", "info", "store")

    info: ModuleRuntimeInfo
    """What the runtime knows of the module."""
    store: Store
    _address: int
    _exports: InstanceExports
    _finished: bool
    _owned: bool

    def __init__(self) -> None:
        raise TypeError("handles are made by InstanceHandle.new and InstanceHandle.of")

    @classmethod
    def new(
        cls, module: Module, imports: Mapping[str, Any] | Sequence[Any] = (), *, store: Store | None = None
    ) -> InstanceHandle:
        """The first step of instantiation: memories, tables and globals exist, and imports are in place, but no segment
        was copied and nothing has run. Without a store it gets one of its own.

        Raises LinkError for imports that are missing or do not fit, ResourceError if limits do not allow it; then
        nothing is left.
        """
        owner = Store(module.engine) if store is None else store
        items = resolve_imports(owner, module._metadata.imports, imports, owner.wasi)
        address = make_instance(owner, module, items, finish=False)
        return cls._make(owner, module, address, finished=False, owned=store is None)

    @classmethod
    def of(cls, instance: Instance) -> InstanceHandle:
        """A handle of an instance that was made otherwise."""
        return cls._make(instance.store, instance.module, instance._address, finished=True, owned=False)

    @classmethod
    def _make(cls, store: Store, module: Module, address: int, *, finished: bool, owned: bool) -> InstanceHandle:
        self = cls.__new__(cls)
        self.store, self._address = store, address
        self._finished, self._owned = finished, owned
        self.info = ModuleRuntimeInfo(module)
        self._exports = InstanceExports(store, module, address)
        return self

    # ---- life ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """The second step: active element segments, active data segments, the start function, in this order. Where one
        traps, the effects of those before stay, as the specification wants.

        Raises FinishedError if it was done or tried before, Trap, and what host functions raise.
        """
        if self._finished:
            raise FinishedError("the instance was finished already")
        self._use()
        self._finished = True
        self.store._instance_finish(self._address)

    def close(self) -> None:
        """Let go of the instance, and free it if its store was made with it. May be called again. Raises UsageError
        while its code runs, BufferError while views of its memories are alive.
        """
        if self._address and self._owned:
            self.store.close()
        self._address = 0

    def _use(self) -> int:
        """The instance's address. Raises UsageError if the handle or its store is closed."""
        if not self._address:
            raise UsageError("the handle is closed")
        self.store._address  # noqa: B018, raises
        return self._address

    def instance(self) -> Instance:
        """The same instance as `aot.Instance`."""
        return Instance._of(self.store, self.module, self._use(), self.store.wasi)

    # ---- the context ---------------------------------------------------------------------------------------------

    @property
    def vmctx_ptr(self) -> int:
        """The address of the context, which compiled functions get as their first argument."""
        return raw.context_address(self._use())

    @property
    def vmctx(self) -> VMContext:
        """The context, field by field."""
        return VMContext(lambda: self.vmctx_ptr, self.offsets)

    @property
    def offsets(self) -> VMOffsets:
        """Where the fields of the context lie."""
        return self.info.offsets

    @property
    def module(self) -> Module:
        return self.info.module

    # ---- exports -------------------------------------------------------------------------------------------------

    def exports(self) -> Iterator[tuple[str, ExportIndex]]:
        """Names and declarations, in the module's order. Nothing is made of them."""
        meta = self.info._metadata
        for row in meta.records("exports", "w2s_meta_export"):
            yield meta.text(row, "name"), ExportIndex(_KINDS[row["kind"]], row["index"])

    def lookup(self, name: str) -> Any:
        """The export ``name``, or None. What was imported comes back as the same object that was given, equal to it."""
        self._use()
        return self._exports.get(name)

    def lookup_by_declaration(self, declaration: ExportIndex) -> Any:
        """The item that one of `exports` declares. Raises UsageError if there is none, or it cannot be had as a
        value.
        """
        kind = _KINDS.index(declaration.kind) if declaration.kind in _KINDS else len(_KINDS)
        if not 0 <= declaration.index < 1 << 32:
            raise UsageError(f"there is no {declaration.kind} {declaration.index}")
        found = self.store._item(self._use(), kind, declaration.index)
        if found is None:
            raise UsageError(f"there is no {declaration.kind} {declaration.index} that is a value")
        return found

    # ---- memories and tables of its own ------------------------------------------------------------------------------

    def _own(self, what: str, struct: str, address: int) -> int:
        """The index of an item of its own, by the address of its definition."""
        head = self.info._metadata.head
        base = self.vmctx_ptr
        for index, row in enumerate(self.info._metadata.records(what, struct)):
            if not row["imported"] and base + row["vm_offset"] == address:
                return index - int(head[f"n_imported_{what}"])
        raise ValueError("it is not of this instance's own")

    def memory_index(self, memory: Memory) -> int:
        """Which of the instance's own memories it is, imports not counted. Raises ValueError if it is none of them."""
        return self._own("memories", "w2s_meta_memory", memory._address)

    def memory_grow(self, index: int, delta: int) -> int | None:
        """Grow the ``index``-th own memory by ``delta`` pages: the old size, or None if its maximum, the store's limits
        or the system do not allow it. Raises IndexError if there is no such memory.
        """
        memory = self._own_item("memory", "memories", index)
        if delta < 0:
            raise UsageError("a memory cannot shrink")
        try:
            return int(memory.grow(delta))
        except (ResourceError, OverflowError):
            return None

    def table_index(self, table: Table) -> int:
        """Which of the instance's own tables it is, imports not counted. Raises ValueError if it is none of them."""
        return self._own("tables", "w2s_meta_table", table._address)

    def get_local_table(self, index: int) -> Table:
        """The ``index``-th own table. Raises IndexError if there is none."""
        found = self._own_item("table", "tables", index)
        assert isinstance(found, Table)
        return found

    def table_grow(self, index: int, delta: int, init: Any = None) -> int | None:
        """Grow the ``index``-th own table by ``delta`` elements: the old number, or None if its maximum or the store's
        limits do not allow it. Raises IndexError if there is no such table, TypeError if ``init`` is no element of it.
        """
        table = self.get_local_table(index)
        if delta < 0:
            raise UsageError("a table cannot shrink")
        try:
            return table._grow(delta, init)
        except OverflowError:
            return None

    def table_get(self, index: int, element: int) -> Any:
        """An element of the ``index``-th own table; None if it is null or out of bounds."""
        table = self.get_local_table(index)
        return table[element] if 0 <= element < len(table) else None

    def table_set(self, index: int, element: int, value: Any) -> None:
        """Set an element of the ``index``-th own table. Raises Trap if it is out of bounds, TypeError for a value of
        another type.
        """
        table = self.get_local_table(index)
        if not 0 <= element < len(table):
            raise Trap("out of bounds table access", TrapCode.TABLE_OUT_OF_BOUNDS)
        table[element] = value

    def _own_item(self, kind: str, plural: str, index: int) -> Any:
        head = self.info._metadata.head
        n = int(head[f"{plural}.n"] - head[f"n_imported_{plural}"])
        if not 0 <= index < n:
            raise IndexError(f"{kind} {index} of {n}")
        return self.lookup_by_declaration(ExportIndex(kind, int(head[f"n_imported_{plural}"]) + index))

    # ---- identity ----------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, InstanceHandle):
            return NotImplemented
        return self.store is other.store and self._address == other._address

    def __hash__(self) -> int:
        return hash((id(self.store), self._address))

    def __repr__(self) -> str:
        state = "closed" if not self._address else "finished" if self._finished else "new"
        return f"<InstanceHandle of {self.module!r}, {state}>"
