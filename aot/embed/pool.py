"""Pools: stores with one instance each, brought back to their first state and used again.

A slot is a store with an instance in it. Whoever gets it has a `Store` object of its own: when it is given back, the
slot's C store moves to a new object, so that nothing the last user kept can reach what the next one does.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aot.embed._native import Item
from aot.embed.annotations import wants_caller
from aot.embed.instance import Instance, make_instance
from aot.embed.linking import Linkable, describe, find_imports, item_of
from aot.embed.store import Store, StoreLimits
from aot.embed.types import FuncType, GlobalType, ImportType
from aot.embed.wasi import WASI_MODULES, WasiContext, WasiSetup, open_wasi
from aot.errors import LinkError, ResourceError, UnknownImportError, UsageError

if TYPE_CHECKING:
    from aot.embed.module import Module

KEEP_RESIDENT = 128 << 10
"""Bytes of written pages that a slot keeps when it is reset."""

Imports = Mapping[str, Any] | Sequence[Any]


@dataclass(slots=True)
class _Slot:
    """``bound`` are the callables that the functions it imports call now, ``key`` is what cannot be changed: the other
    imports. ``can_reset`` is False if it serves once.
    """

    store: Store
    address: int
    module: Module
    bound: tuple[Callable[..., Any], ...]
    key: tuple[Any, ...]
    wasi: WasiContext | None
    can_reset: bool


@dataclass(frozen=True, slots=True)
class _Given:
    """What one user gives for a module's imports: callables and the rest, each in the order of the imports."""

    callables: tuple[Callable[..., Any], ...]
    values: tuple[Any, ...]
    key: tuple[Any, ...]


class Lease:
    """One use of an instance: ``with pool.instance() as instance: ...``."""

    __slots__ = ("_given", "_module", "_pool", "_slot")

    def __init__(self, pool: Pool, module: Module, given: _Given) -> None:
        self._pool = pool
        self._module = module
        self._given = given
        self._slot: _Slot | None = None

    def __enter__(self) -> Instance:
        if self._slot is not None:
            raise UsageError("the instance is in use already")
        slot = self._pool._take(self._module, self._given)
        try:
            slot.store._instance_finish(slot.address)
        except BaseException:
            self._pool._give_back(slot)
            raise
        self._slot = slot
        return Instance._of(slot.store, slot.module, slot.address, slot.wasi)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        slot, self._slot = self._slot, None
        if slot is not None:
            self._pool._give_back(slot)


class Pool:
    """Instances that are kept and used again: ``with pool.instance() as instance:`` gives one that is as good as new.

    What the last user left is gone: memories, tables, globals, dropped segments, exceptions, limits, externref objects.
    Objects that were had from an instance raise UsageError once it was given back. Where views of its memories are
    still alive, or other things were made in its store, that slot is not used again; it goes when they do.

    Imports belong to no store: callables, values of immutable globals, shared memories (which are not reset); modules
    that import other memories, tables, tags or mutable globals cannot be pooled. Those that import WASI, or declare a
    shared memory, can, but each instance is made anew. A pool may be used by any number of threads.
    """

    def __init__(
        self,
        module: Module | None = None,
        imports: Imports = (),
        *,
        max_instances: int = 1000,
        keep_resident: int = KEEP_RESIDENT,
        limits: StoreLimits | None = None,
        wasi: WasiSetup | None = None,
    ) -> None:
        """At most ``max_instances`` slots exist at a time. ``keep_resident`` bounds the bytes of written pages that
        each keeps: they are written again, which is cheaper than to give them back and fault them in anew. ``limits``
        are those of each store. ``module`` and ``imports`` are for calls of `instance` that name none.
        """
        if max_instances < 1:
            raise UsageError(f"a pool of {max_instances} instances")
        if not 0 <= keep_resident < 1 << 63:
            raise UsageError(f"keep_resident={keep_resident} is out of range")
        self._module = module
        self._imports = imports
        self._wasi = wasi
        self._keep = keep_resident
        self._limits = limits
        self.max_instances = max_instances
        self._lock = Lock()
        self._free: OrderedDict[Module, list[_Slot]] = OrderedDict()
        """Slots that wait, by module, the one used last at the end; modules in the order of their last use."""
        self._n_free = 0
        self._n_used = 0
        self._closed = False
        self._own = None if module is None else self._own_imports(module)

    # ---- what people use -----------------------------------------------------------------------------------------

    def instance(self, module: Module | None = None, imports: Imports | None = None, /, **modules: Any) -> Lease:
        """An instance for a ``with`` statement, whose start function has run. Imports by module name are added to the
        pool's own; callables may differ from one use to the next.

        Entering it raises ResourceError if all instances are in use or limits do not allow another, LinkError for
        imports that are missing or do not fit, and what the start function raises.
        """
        wanted = self._module if module is None else module
        if wanted is None:
            raise UsageError("the pool has no module of its own: name one")
        if imports is None and not modules and module is None and self._own is not None:
            return Lease(self, wanted, self._own)
        own = self._imports if module is None or module is self._module else ()
        return Lease(self, wanted, self._read(wanted, _merged(own, imports, modules)))

    @property
    def n_used(self) -> int:
        """Instances in use."""
        return self._n_used

    @property
    def n_free(self) -> int:
        """Slots that wait to be used again."""
        return self._n_free

    def close(self) -> None:
        """Free the slots that wait, and those in use as soon as they come back. No more instances are given out."""
        with self._lock:
            self._closed = True
            waiting = [slot for slots in self._free.values() for slot in slots]
            self._free.clear()
            self._n_free = 0
        for slot in waiting:
            _drop(slot)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Pool of at most {self.max_instances} instances: {self._n_used} in use, {self._n_free} waiting>"

    # ---- imports ---------------------------------------------------------------------------------------------------

    def _own_imports(self, module: Module) -> _Given | None:
        """The pool's own imports, or None if some are missing, which have to be given with each use."""
        find = find_imports(module._metadata.imports, self._imports)
        try:
            for n, import_ in enumerate(module._metadata.imports):
                if import_.module not in WASI_MODULES or _is_given(self._imports, import_):
                    find(n, import_)
        except LinkError:
            return None
        return self._read(module, self._imports)

    def _read(self, module: Module, imports: Imports) -> _Given:
        """Sort what is given. Raises LinkError if something is missing."""
        wanted = module._metadata.imports
        find = find_imports(wanted, imports)
        callables: list[Callable[..., Any]] = []
        values: list[Any] = []
        key: list[Any] = []
        for n, import_ in enumerate(wanted):
            if import_.module in WASI_MODULES and not _is_given(imports, import_):
                values.append(None)
                continue
            value = find(n, import_)
            if isinstance(value, Item):
                raise UsageError(f"import {describe(import_)} belongs to a store: a pool has stores of its own")
            values.append(value)
            if isinstance(import_.type, FuncType) and callable(value):
                callables.append(value)
                if wants_caller(value):
                    key.append(value)
            else:
                key.append((type(value), value))
        return _Given(tuple(callables), tuple(values), tuple(key))

    # ---- slots -----------------------------------------------------------------------------------------------------

    def _take(self, module: Module, given: _Given) -> _Slot:
        outdated = None
        with self._lock:
            if self._closed:
                raise UsageError("the pool is closed")
            slots = self._free.get(module)
            if slots:
                slot = slots.pop()
                self._n_free -= 1
                if slot.key == given.key:
                    self._n_used += 1
                    if slot.bound != given.callables:
                        slot.store._rebind(given.callables)
                        slot.bound = given.callables
                    return slot
                outdated = slot
            elif self._n_used >= self.max_instances:
                raise ResourceError(f"all {self.max_instances} instances of the pool are in use")
            elif self._n_used + self._n_free >= self.max_instances:
                outdated = self._evict()
            self._n_used += 1
        if outdated is not None:
            _drop(outdated)
        try:
            return self._make(module, given)
        except BaseException:
            with self._lock:
                self._n_used -= 1
            raise

    def _evict(self) -> _Slot:
        """The slot that has waited longest, of the module that was used least recently."""
        while True:
            slots = next(iter(self._free.values()))
            if slots:
                self._n_free -= 1
                return slots.pop(0)
            self._free.popitem(last=False)

    def _make(self, module: Module, given: _Given) -> _Slot:
        store = Store(module.engine)
        if self._limits is not None:
            store.limits = self._limits
        context = None
        items: list[Linkable] = []
        for import_, value in zip(module._metadata.imports, given.values, strict=True):
            if value is None and import_.module in WASI_MODULES:
                context = self._context(store, import_) if context is None else context
                found = context._function(import_.module, import_.name)
                if found is None:
                    raise UnknownImportError(f"unknown import: {describe(import_)}")
                items.append(found)
            else:
                items.append(item_of(store, import_, value))
        address = make_instance(store, module, tuple(items), finish=False)
        # objects given as values are known by handles of the first store object alone
        can_reset = context is None and not any(map(_is_object, module._metadata.imports))
        can_reset = can_reset and self._mark(store, address)
        return _Slot(store, address, module, given.callables, given.key, context, can_reset)

    def _context(self, store: Store, import_: ImportType) -> WasiContext:
        if self._wasi is None:
            raise UnknownImportError(
                f"unknown import: {describe(import_)}; pools of programs that need WASI are given wasi="
            )
        return open_wasi(store, self._wasi)

    def _mark(self, store: Store, address: int) -> bool:
        try:
            store._instance_mark(address, self._keep)
        except UsageError:
            return False
        return True

    def _give_back(self, slot: _Slot) -> None:
        store = slot.store
        keep = False
        try:
            if slot.can_reset and not self._closed:
                heir = Store._heir(store)
                keep = store._recycle(slot.address, heir)
                if keep:
                    slot.store = heir
                    if slot.bound and (self._own is None or slot.bound is not self._own.callables):
                        self._forget(slot)
        finally:
            with self._lock:
                self._n_used -= 1
                keep = keep and not self._closed
                if keep:
                    self._free.setdefault(slot.module, []).append(slot)
                    self._free.move_to_end(slot.module)
                    self._n_free += 1
            if not keep:
                _drop(slot)

    def _forget(self, slot: _Slot) -> None:
        """Let go of one user's callables."""
        slot.bound = (_unbound,) * len(slot.bound)
        slot.store._rebind(slot.bound)


def _is_object(import_: ImportType) -> bool:
    return isinstance(import_.type, GlobalType) and import_.type.content.is_ref


def _unbound(*args: Any) -> None:
    raise UsageError("the instance waits in its pool")


def _drop(slot: _Slot) -> None:
    """Free a slot now, or leave it to the views that are still alive and the code that still runs."""
    with suppress(BufferError, UsageError):
        slot.store.close()


def _is_given(imports: Imports, import_: ImportType) -> bool:
    return not isinstance(imports, Mapping) or import_.module in imports


def _merged(own: Imports, imports: Imports | None, modules: dict[str, Any]) -> Imports:
    """A module's names given with one use go before, name by name, those that the pool has for it."""
    if imports is not None and not isinstance(imports, Mapping):
        if modules:
            raise TypeError("imports are given in order or by module name, not both")
        return imports
    given = {**(imports or {}), **modules}
    if not own:
        return given
    if not isinstance(own, Mapping):
        if given:
            raise TypeError("the pool's imports are given in order: give all of them that way")
        return own
    merged = dict(own)
    for name, members in given.items():
        before = merged.get(name)
        both = isinstance(before, Mapping) and isinstance(members, Mapping)
        merged[name] = {**before, **members} if both else members  # type: ignore[dict-item]
    return merged
