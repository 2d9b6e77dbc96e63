"""Linkers: names for what modules import, to instantiate any number of modules with."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any, TypeVar

from aot.embed import conventions
from aot.embed._native import Item, SharedMemoryBase
from aot.embed.annotations import func_type_of
from aot.embed.engine import Engine
from aot.embed.func import Func
from aot.embed.instance import Instance
from aot.embed.linking import Linkable, describe
from aot.embed.pre import InstancePre
from aot.embed.store import Store
from aot.embed.storelike import Storelike, is_storelike, store_of
from aot.embed.types import FuncType, ImportType
from aot.embed.wasi import WASI_MODULES
from aot.errors import LinkError, UnknownImportError, UsageError

if TYPE_CHECKING:
    from aot.embed.module import Module

_F = TypeVar("_F", bound=Callable[..., Any])

_Definition = Callable[[Store, str, str], Any]
"""Makes the item in a store; None where it is not to be had there."""


class Linker:
    """Definitions by module and name. Those that belong to no store (`define_func`, `define_wasi`) serve in any."""

    def __init__(self, engine: Engine) -> None:
        if not isinstance(engine, Engine):
            raise TypeError(f"expected an Engine, not {type(engine).__name__}")
        self.engine = engine
        self.allow_shadowing = False
        """Whether a name may be defined again."""
        self._items: dict[tuple[str, str], _Definition] = {}
        self._stand_ins: dict[tuple[str, str], _Definition] = {}
        """For imports that nothing else, WASI included, is defined for."""
        self._wasi = False

    def define(self, store: Storelike, module: str, name: str, item: Linkable) -> None:
        """Define a `Func`, `Memory`, `Table` or `Global` of ``store``, or a `SharedMemory`.

        Raises UsageError if it belongs to another store, or the name is defined already.
        """
        if not isinstance(item, (Item, SharedMemoryBase)):
            raise TypeError(f"expected a Func, Memory, SharedMemory, Table or Global, not {type(item).__name__}")
        if isinstance(item, Item) and item.store is not _store_of(store):
            raise UsageError(f'"{module}" "{name}" belongs to another store')
        self._define(module, name, _of_one_store(item))

    def define_func(
        self, module: str, name: str, ty: FuncType, func: Callable[..., Any], access_caller: bool | None = None
    ) -> None:
        """Define a host function for any store, made as `Func` makes it. Raises UsageError if the name is defined."""
        if not isinstance(ty, FuncType):
            raise TypeError(f"expected a FuncType, not {type(ty).__name__}")
        if not callable(func):
            raise TypeError(f"expected a callable, not {type(func).__name__}")
        self._define(module, name, _of_any_store(ty, func, access_caller))

    def func(self, module: str, name: str | None = None) -> Callable[[_F], _F]:
        """A decorator that defines a function by its annotations, see `Func.from_callable`, under its own name unless
        one is given.

        >>> @linker.func("env")  # doctest: +SKIP
        ... def add(a: aot.i32, b: aot.i32) -> aot.i32:
        ...     return a + b
        """

        def define(func: _F) -> _F:
            self.define_func(module, func.__name__ if name is None else name, func_type_of(func), func)
            return func

        return define

    def define_instance(self, store: Storelike, name: str, instance: Instance) -> None:
        """Define every export of an instance under the module name ``name``; nothing if one of them cannot be."""
        if not isinstance(instance, Instance):
            raise TypeError(f"expected an Instance, not {type(instance).__name__}")
        if instance.store is not _store_of(store):
            raise UsageError("the instance belongs to another store")
        for field in instance.exports:
            self._check_free(name, field)
        for field, item in instance.exports.items():
            self._define(name, field, _of_one_store(item))

    def define_module(self, store: Storelike, name: str, module: Module) -> None:
        """Define a module's exports under the module name ``name``, as its toolchain means it to be used.

        A command, which exports ``_start``, gets a new instance for each call of one of its functions. Anything else is
        a reactor: it is instantiated now, and its function ``_initialize``, if any, called before anything else.

        Raises LinkError if an import is missing or does not fit, or a command exports anything but functions (and
        what linkers put there, such as its memory), UsageError if a name is defined already, and what the start
        function and ``_initialize`` raise. Nothing is defined then.
        """
        owner = _store_of(store)
        command = conventions.is_command(module)
        imports = [self._resolve(owner, import_) for import_ in module.imports]
        if not command:
            for export in module.exports:
                self._check_free(name, export.name)
            instance = Instance(owner, module, imports)
            conventions.initialize(instance)
            self.define_instance(owner, name, instance)
            return
        functions = conventions.command_functions(owner, module, imports)
        for field in functions:
            self._check_free(name, field)
        for field, func in functions.items():
            self._define(name, field, _of_one_store(func))

    def define_unknown_imports_as_traps(self, module: Module) -> None:
        """Define functions that trap for those functions that the module imports and nothing is defined for now. What
        else is missing stays so.
        """
        for import_ in self._missing(module):
            if isinstance(import_.type, FuncType):
                self._stand_ins[import_.module, import_.name] = _of_any_store(
                    import_.type, conventions.trapping(import_)
                )

    def define_unknown_imports_as_default_values(self, store: Storelike, module: Module) -> None:
        """Define the least that fits for everything that the module imports and nothing is defined for now: functions
        that return zero or null, globals and tables that hold it, memories of the smallest size. It belongs to
        ``store``.

        Raises ImportTypeError if a reference that cannot be null is asked for, and ResourceError. Nothing is defined
        then.
        """
        owner = _store_of(store)
        made = {(i.module, i.name): conventions.default_item(owner, i) for i in self._missing(module)}
        self._stand_ins.update((key, _of_one_store(item)) for key, item in made.items())

    def _missing(self, module: Module) -> list[ImportType]:
        """Imports that nothing but WASI may be defined for."""
        return [i for i in module.imports if (i.module, i.name) not in self._items | self._stand_ins]

    def get_default(self, store: Storelike, name: str) -> Func:
        """The function that stands for the whole module ``name``: the one defined with an empty name, else ``_start``,
        else one that does nothing. Raises LinkError if what is defined so is no function.
        """
        owner = _store_of(store)
        for field in ("", conventions.START):
            found = self._find(owner, name, field)
            if isinstance(found, Func):
                return found
            if found is not None:
                raise LinkError(f'"{name}" "{field}" is not a function')
        return Func(owner, FuncType([], []), lambda: None)

    def define_wasi(self) -> None:
        """Define all functions of WASI preview 1. Each instance uses the context of its store (`Store.set_wasi`).

        Raises UsageError if one of their names is defined already.
        """
        for module, name in () if self.allow_shadowing else self._items:
            if module in WASI_MODULES:
                raise UsageError(f'"{module}" "{name}" is already defined')
        for key in [key for key in self._items if key[0] in WASI_MODULES]:
            del self._items[key]
        self._wasi = True

    def get(self, store: Storelike, module: str, name: str) -> Any:
        """What is defined under the name. Raises LinkError if nothing is."""
        found = self._find(_store_of(store), module, name)
        if found is None:
            raise UnknownImportError(f'unknown import: "{module}" "{name}"')
        return found

    def instantiate(self, store: Storelike, module: Module) -> Instance:
        """Instantiate a module with what is defined for its imports. Raises LinkError for the first that is missing or
        does not fit, UsageError if WASI is defined but the store has no context, and what `Instance` raises.
        """
        owner = _store_of(store)
        return Instance(owner, module, [self._resolve(owner, import_) for import_ in module.imports])

    def instantiate_pre(self, module: Module) -> InstancePre:
        """What `instantiate` does, with all looking up and checking done once for each store. Later definitions make no
        difference to it. Raises LinkError for the first import that is not defined.
        """
        frozen = copy(self)
        frozen._items, frozen._stand_ins = dict(self._items), dict(self._stand_ins)
        imports = module.imports
        for import_ in imports:
            if not frozen._has(import_.module, import_.name):
                raise UnknownImportError(f"unknown import: {describe(import_)}")
        return InstancePre._of(module, lambda store: tuple(frozen._resolve(store, import_) for import_ in imports))

    def _has(self, module: str, name: str) -> bool:
        key = (module, name)
        return key in self._items or key in self._stand_ins or (self._wasi and module in WASI_MODULES)

    def _resolve(self, store: Store, import_: ImportType) -> Any:
        found = self._find(store, import_.module, import_.name)
        if found is None:
            raise UnknownImportError(f"unknown import: {describe(import_)}")
        return found

    def _find(self, store: Store, module: str, name: str) -> Any:
        make = self._items.get((module, name))
        if make is not None:
            return make(store, module, name)
        if self._wasi and module in WASI_MODULES:
            if store.wasi is None:
                raise UsageError("WASI is defined, but the store has no context: call store.set_wasi first")
            found = store.wasi._function(module, name)
            if found is not None:
                return found
        stand_in = self._stand_ins.get((module, name))
        return None if stand_in is None else stand_in(store, module, name)

    def _define(self, module: str, name: str, definition: _Definition) -> None:
        self._check_free(module, name)
        self._items[module, name] = definition

    def _check_free(self, module: str, name: str) -> None:
        if not self.allow_shadowing and ((module, name) in self._items or (self._wasi and module in WASI_MODULES)):
            raise UsageError(f'"{module}" "{name}" is already defined')

    def __repr__(self) -> str:
        return f"<Linker of {len(self._items)} definitions{' and WASI' if self._wasi else ''}>"


def _of_any_store(ty: FuncType, func: Callable[..., Any], access_caller: bool | None = None) -> _Definition:
    return lambda store, *_: Func(store, ty, func, access_caller)


def _of_one_store(item: Linkable) -> _Definition:
    def find(store: Store, module: str, name: str) -> Linkable:
        if isinstance(item, Item) and item.store is not store:
            raise UsageError(f'"{module}" "{name}" belongs to another store')
        return item

    return find


def _store_of(store: Storelike) -> Store:
    if not is_storelike(store):
        raise TypeError(f"expected a Store, not {type(store).__name__}")
    found = store_of(store)
    assert isinstance(found, Store)
    return found
