"""Instances and their exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar, overload

from aot.embed.exception import Tag
from aot.embed.func import Func
from aot.embed.global_ import Global
from aot.embed.linking import Linkable, resolve_imports
from aot.embed.memory import Memory
from aot.embed.shared import SharedMemory
from aot.embed.store import Store
from aot.embed.storelike import Storelike, is_storelike, store_of
from aot.embed.table import Table
from aot.embed.typed import disagreement
from aot.embed.types import FuncType
from aot.embed.wasi import WasiContext
from aot.errors import LinkError, UsageError

if TYPE_CHECKING:
    from aot.embed.image import Image
    from aot.embed.module import Module

_T = TypeVar("_T")
_R = TypeVar("_R")
_P = ParamSpec("_P")


class InstanceExports(Mapping[str, Any]):
    """The exports of an instance by name, in the module's order. Each is made at its first use and then kept.

    Calling it with the store returns it, so that ``instance.exports(store)["f"]`` works as in wasmtime-py.
    """

    __slots__ = ("_found", "_instance", "_module", "_store")

    def __init__(self, store: Store, module: Module, instance: int, found: dict[str, Any] | None = None) -> None:
        """``found`` has what was made already, and gets the rest."""
        self._store = store
        self._module = module
        self._instance = instance
        self._found: dict[str, Any] = {} if found is None else found

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

    Exports whose names are no identifiers, that the class itself uses (``exports``, ``module``, ``snapshot``,
    ``store``, ``wasi``, ``get_...``), or that Python gives a meaning (``__copy__``), are found in ``instance.exports``.

    Nothing is made of an export before it is asked for, and the same object is given ever after.
    """

    store: Store
    module: Module
    wasi: WasiContext | None
    exports: InstanceExports
    """The exports by name."""
    _address: int
    _found: dict[str, Any]

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
        among the latter come from ``wasi``, else from the store's context.

        Raises ImportCountError, UnknownImportError or ImportTypeError (all of them LinkError) if imports do not fit,
        ResourceError if limits do not allow it, Trap and what host functions raise.
        """
        wasi = _wasi_for(store, wasi)
        items = resolve_imports(store, module._metadata.imports, imports, wasi)
        self._adopt(store, module, make_instance(store, module, items), wasi)

    @classmethod
    async def new_async(
        cls,
        store: Store,
        module: Module,
        imports: Mapping[str, Any] | Sequence[Any] = (),
        *,
        wasi: WasiContext | None = None,
    ) -> Self:
        """The same from a coroutine: host functions that the start function calls may be asynchronous."""
        wasi = _wasi_for(store, wasi)
        items = resolve_imports(store, module._metadata.imports, imports, wasi)
        address = make_instance(store, module, items, finish=False)
        start = store._instance_finish_but_start(address)
        if start is not None:
            await start.call_async()
        return cls._of(store, module, address, wasi)

    def _adopt(self, store: Store, module: Module, address: int, wasi: WasiContext | None) -> None:
        """Stand for the runtime's instance at ``address``."""
        self.store = store
        self.module = module
        self.wasi = wasi
        self._address = address
        self._found = {}

    @classmethod
    def _of(cls, store: Store, module: Module, address: int, wasi: WasiContext | None = None) -> Self:
        """The object for an instance that was made already."""
        self = cls.__new__(cls)
        self.__dict__.update(store=store, module=module, wasi=wasi, _address=address, _found={})
        return self

    def snapshot(self) -> Image:
        """The instance's state as it is now, for `Module.with_image`.

        Raises UsageError for what an image cannot hold, and while code of the store runs.
        """
        from aot.embed.snapshot import take_snapshot

        return take_snapshot(self.store, self.module, self._address)

    def get_export(self, name: str) -> Any:
        """The export ``name``, or None if there is none."""
        return self.exports.get(name)

    def get_func(self, name: str) -> Func | None:
        """The exported function ``name``; None if there is none, or it is something else."""
        return self._export_of_kind(Func, name)

    def get_table(self, name: str) -> Table | None:
        """The exported table ``name``; None if there is none, or it is something else."""
        return self._export_of_kind(Table, name)

    def get_memory(self, name: str) -> Memory | None:
        """The exported memory ``name``; None if there is none, or it is something else, such as a shared memory."""
        return self._export_of_kind(Memory, name)

    def get_shared_memory(self, name: str) -> SharedMemory | None:
        """The exported shared memory ``name``; None if there is none, or it is something else."""
        return self._export_of_kind(SharedMemory, name)

    def get_global(self, name: str) -> Global | None:
        """The exported global ``name``; None if there is none, or it is something else."""
        return self._export_of_kind(Global, name)

    def get_tag(self, name: str) -> Tag | None:
        """The exported tag ``name``; None if there is none, or it is something else."""
        return self._export_of_kind(Tag, name)

    def _export_of_kind(self, kind: type[_T], name: str) -> _T | None:
        found = self.exports.get(name)
        return found if isinstance(found, kind) else None

    @overload
    def get_typed_func(
        self, name: str, like: FuncType | None = None, *, params: Any = None, results: Any = None
    ) -> Func: ...
    @overload
    def get_typed_func(self, name: str, like: type) -> Any: ...
    @overload
    def get_typed_func(self, name: str, like: Callable[_P, _R]) -> Callable[_P, _R]: ...
    def get_typed_func(self, name: str, like: Any = None, *, params: Any = None, results: Any = None) -> Any:
        """The exported function ``name``, if its type is the one that is expected: ``like``, or ``params`` and
        ``results``, each one type or a sequence of types (``ValType.i32()``, ``aot.i32``, ``float``).

        ``like`` is a `FuncType`; a protocol with an annotated ``__call__``; or an annotated callable, which then is
        also what type checkers take the result for.

        >>> add = instance.get_typed_func("add", params=(aot.i32, aot.i32), results=aot.i32)  # doctest: +SKIP

        Raises LinkError if there is no such function or its type differs. The types were then compared once; calls
        only look whether the arguments are fit for them.
        """
        func = self.get_func(name)
        if func is None:
            raise LinkError(f"the instance exports no function {name!r}")
        reason = disagreement(func.type(), like, params, results)
        if reason is not None:
            raise LinkError(f"the function {name!r} is not as expected: {reason}")
        return func

    def __getattr__(self, name: str) -> Any:
        # FAST: neither the exports' object nor any look-up but those needed, since pooled instances live for one call
        own = self.__dict__
        address = own.get("_address")
        if address is None:
            raise AttributeError(name)
        found = own["_found"]
        if name == "exports":
            own[name] = exports = InstanceExports(self.store, self.module, address, found)
            return exports
        item = found.get(name)
        if item is None:
            nth = self.module._metadata.export_indices.get(name)
            # a guest must not take part in Python's protocols by the names of its exports
            if nth is None or (name.startswith("__") and name.endswith("__")):
                raise AttributeError(f"the instance has no export {name!r}", name=name, obj=self)
            item = found[name] = self.store._export(address, nth, name)
        own[name] = item  # the next look-up costs what any attribute costs
        return item

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("cannot pickle an instance: pickle its module, and instantiate that")

    def __dir__(self) -> list[str]:
        return sorted({*object.__dir__(self), *self.exports})

    def __repr__(self) -> str:
        return f"<Instance of {self.module!r}>"


def _wasi_for(store: Store, wasi: WasiContext | None) -> WasiContext | None:
    """The context that an instance in ``store`` uses, given this one. Raises TypeError, UsageError."""
    if not isinstance(store, Store):
        raise TypeError(f"expected a Store, not {type(store).__name__}")
    if wasi is not None and wasi.store is not store:
        raise UsageError("the WASI context belongs to another store")
    return store.wasi if wasi is None else wasi


def make_instance(store: Store, module: Module, items: tuple[Linkable, ...], *, finish: bool = True) -> int:
    """Instantiate with these imports; without ``finish``, segments and the start function are left for later. Returns
    the address of the runtime's instance.
    """
    store._modules[module._address] = module
    callers: list[Func] = []
    if items:
        items = for_importer(items, callers)
    make = store._instantiate if finish else store._instance_new
    address = make(module._address, items)
    for func in callers:
        func._set_importer(address)
    return address


def for_importer(items: tuple[Linkable, ...], callers: list[Func]) -> tuple[Linkable, ...]:
    """The items with a `Func` of their own for each host function that takes a `Caller`, also put into ``callers``."""
    used = list(items)
    for n, item in enumerate(items):
        own = item._for_importer() if isinstance(item, Func) else None
        if own is not None:
            used[n] = own
            callers.append(own)
    return tuple(used)
