"""Modules whose imports are checked once, to be instantiated again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aot.embed._native import ffi, lib
from aot.embed.func import Func
from aot.embed.instance import Instance, for_importer, make_instance
from aot.embed.linking import Linkable, resolve_imports
from aot.embed.store import Store
from aot.embed.storelike import Storelike, is_storelike, store_of
from aot.embed.wasi import WasiContext
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.module import Module

Resolve = Callable[[Store], tuple[Linkable, ...]]
"""The items that satisfy a module's imports in a store."""


class Prepared:
    """A module's imports in one store: checked, if they can serve for any number of instances."""

    __slots__ = ("address", "items", "owner", "wasi")

    def __init__(self, store: Store, module: Module, items: tuple[Linkable, ...]) -> None:
        callers: list[Func] = []
        for_importer(items, callers)
        self.items = items
        self.wasi = store.wasi
        store._modules[module._address] = module
        self.address = 0 if callers else store._pre_new(module._address, items)
        """Of the runtime's object; 0 if each instance needs functions of its own, which have access to their caller."""
        pointer = ffi.cast("struct w2s_instance_pre *", self.address)
        self.owner = ffi.gc(pointer, lib.w2s_pre_delete) if self.address else None


class InstancePre:
    """A module together with what satisfies its imports. `instantiate` then checks and looks up nothing any more.

    With a ``store``, imports are what `Instance` takes, and are checked at once. Without one, they must belong to no
    store (callables, values, shared memories), and serve in any: they are made and checked at the first use of each
    store.
    """

    def __init__(
        self,
        module: Module,
        imports: Mapping[str, Any] | Sequence[Any] = (),
        *,
        store: Store | None = None,
        wasi: WasiContext | None = None,
    ) -> None:
        """Raises what `Instance` raises for imports that are missing or do not fit."""
        wanted = module._metadata.imports

        def resolve(owner: Store) -> tuple[Linkable, ...]:
            return resolve_imports(owner, wanted, imports, owner.wasi if wasi is None else wasi)

        self._start(module, resolve, wasi)
        if store is not None:
            self._prepare(store)

    def _start(self, module: Module, resolve: Resolve, wasi: WasiContext | None) -> None:
        self.module = module
        self._resolve = resolve
        self._wasi = wasi

    @classmethod
    def _of(cls, module: Module, resolve: Resolve) -> InstancePre:
        """With imports that ``resolve`` finds in each store."""
        self = cls.__new__(cls)
        self._start(module, resolve, None)
        return self

    def _prepare(self, store: Store) -> Prepared:
        found = store._prepared.get(self)
        if found is None or found.wasi is not store._wasi:
            if store.closed:
                raise UsageError("the store is closed")
            found = store._prepared[self] = Prepared(store, self.module, self._resolve(store))
        return found

    def instantiate(self, store: Storelike | None = None) -> Instance:
        """A new instance in ``store``, whose start function has run; in a store of its own if none is given.

        Raises what `Instance` raises.
        """
        if store is None:
            owner = Store(self.module.engine)
        elif isinstance(store, Store):
            owner = store
        elif is_storelike(store):
            found = store_of(store)
            assert isinstance(found, Store)
            owner = found
        else:
            raise TypeError(f"expected a Store, not {type(store).__name__}")
        prepared = self._prepare(owner)
        wasi = prepared.wasi if self._wasi is None else self._wasi
        if prepared.address:
            return Instance._of(owner, self.module, owner._pre_instantiate(prepared.address), wasi)
        return Instance._of(owner, self.module, make_instance(owner, self.module, prepared.items), wasi)

    def __repr__(self) -> str:
        return f"<InstancePre of {self.module!r}>"
