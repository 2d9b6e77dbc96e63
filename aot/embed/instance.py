"""Instances and their exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aot.embed.func import Func
from aot.embed.linking import Linkable, resolve_imports
from aot.embed.store import Store
from aot.embed.storelike import Storelike, is_storelike, store_of
from aot.embed.wasi import WasiContext
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.module import Module


class InstanceExports(Mapping[str, Any]):
    """The exports of an instance by name, in the module's order. Each is made at its first use and then kept.

    Calling it with the store returns it, so that ``instance.exports(store)["f"]`` works as in wasmtime-py.
    """

    __slots__ = ("_found", "_instance", "_module", "_store")

    def __init__(self, store: Store, module: Module, instance: int) -> None:
        self._store = store
        self._module = module
        self._instance = instance
        self._found: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        found = self._found.get(name)
        if found is None:
            nth = self._module._metadata.export_indices[name]
            found = self._found[name] = self._store._export(self._instance, nth, name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._module._metadata.export_indices)

    def __len__(self) -> int:
        return len(self._module._metadata.export_indices)

    def __contains__(self, name: object) -> bool:
        return name in self._module._metadata.export_indices

    def __call__(self, store: Storelike) -> InstanceExports:
        if not is_storelike(store):
            raise TypeError(f"expected a Store, not {type(store).__name__}")
        if store_of(store) is not self._store:
            raise UsageError("the instance belongs to another store")
        return self

    @property
    def by_index(self) -> Sequence[Any]:
        """All exports in the module's order."""
        return tuple(self.values())

    def __repr__(self) -> str:
        return f"<InstanceExports {', '.join(self)}>"


class Instance:
    """An instance of a module. Its exports are attributes: ``instance.gcd(6, 9)``, ``instance.memory``.

    Exports whose names are no identifiers, that the class itself uses (``exports``, ``module``, ``store``,
    ``wasi``), or that Python gives a meaning (``__copy__``), are found in ``instance.exports``.
    """

    def __init__(
        self,
        store: Store,
        module: Module,
        imports: Mapping[str, Any] | Sequence[Any] = (),
        *,
        wasi: WasiContext | None = None,
    ) -> None:
        """Instantiate ``module`` in ``store`` and run its start function.

        ``imports`` are given in the order of ``module.imports``, or by module and name; functions of WASI that are not
        among the latter come from ``wasi``, else from the store's context. Raises LinkError if one is missing or
        does not fit, ResourceError if limits do not allow it, Trap and what host functions raise.
        """
        if not isinstance(store, Store):
            raise TypeError(f"expected a Store, not {type(store).__name__}")
        self.wasi = store.wasi if wasi is None else wasi
        items = resolve_imports(store, module._metadata.imports, imports, self.wasi)
        store._modules[module._address] = module
        callers: list[Func] = []
        if items:
            items = _for_importer(items, callers)
        address = store._instantiate(module._address, items)
        for func in callers:
            func._set_importer(address)
        self.store = store
        self.module = module
        self.exports = InstanceExports(store, module, address)

    def __getattr__(self, name: str) -> Any:
        exports = self.__dict__.get("exports")
        # a guest must not take part in Python's protocols by the names of its exports
        if exports is None or (name.startswith("__") and name.endswith("__")) or name not in exports:
            raise AttributeError(f"the instance has no export {name!r}", name=name, obj=self)
        found = exports[name]
        self.__dict__[name] = found  # the next look-up costs what any attribute costs
        return found

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("cannot pickle an instance: pickle its module, and instantiate that")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.exports})

    def __repr__(self) -> str:
        return f"<Instance of {self.module!r}>"


def _for_importer(items: tuple[Linkable, ...], callers: list[Func]) -> tuple[Linkable, ...]:
    """The items with a `Func` of their own for each host function that takes a `Caller`, also put into ``callers``."""
    used = list(items)
    for n, item in enumerate(items):
        own = item._for_importer() if isinstance(item, Func) else None
        if own is not None:
            used[n] = own
            callers.append(own)
    return tuple(used)
