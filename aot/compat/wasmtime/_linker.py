"""Linkers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._config import Setting
from aot.compat.wasmtime._engine import Engine
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._extern import AsExtern, unwrap, wrap
from aot.compat.wasmtime._func import Func, host_function
from aot.compat.wasmtime._instance import Instance, InstancePre
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._module import Module
from aot.compat.wasmtime._store import with_wasi
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import FuncType, made_of
from aot.errors import WasmError


@contextmanager
def _translating() -> Iterator[None]:
    try:
        yield
    except WasmError as err:
        raise translated(err) from None


def _name(name: str) -> str:
    if not isinstance(name, str):
        raise AttributeError(f"names are str, not {type(name).__name__}")
    return name


def _module(module: Module) -> embed.Module:
    if not isinstance(module, Module):
        raise TypeError(f"expected a Module, not {type(module).__name__}")
    return module.ptr()


class Linker(Managed[embed.Linker]):
    """Definitions by module and name, to instantiate modules with."""

    engine: Engine

    def __init__(self, engine: Engine) -> None:
        self._set_ptr(embed.Linker(engine.ptr()))
        self.engine = engine
        self._has_wasi = False

    allow_shadowing: Setting[bool] = Setting(
        lambda linker, allow: setattr(linker, "allow_shadowing", bool(allow)), "Whether a name may be defined again."
    )

    def define(self, store: Any, module: str, name: str, item: AsExtern) -> None:
        """Define an item of ``store``. Raises WasmtimeError if the name is defined already."""
        inner = unwrap(item)
        with _translating():
            self.ptr().define(store._context(), _name(module), _name(name), inner)

    def define_func(
        self, module: str, name: str, ty: FuncType, func: Callable[..., Any], access_caller: bool = False
    ) -> None:
        """Define a host function for any store. Raises WasmtimeError if the name is defined already."""
        _name(module), _name(name)
        if not isinstance(ty, FuncType):
            raise TypeError(f"expected a FuncType, not {type(ty).__name__}")
        inner = ty.ptr()
        with _translating():
            self.ptr().define_func(module, name, inner, host_function(func, inner, access_caller), access_caller)

    def define_instance(self, store: Any, name: str, instance: Instance) -> None:
        """Define the exports of an instance. Raises WasmtimeError if a name is defined already."""
        if not isinstance(instance, Instance):
            raise TypeError(f"expected an Instance, not {type(instance).__name__}")
        with _translating():
            self.ptr().define_instance(store._context(), _name(name), instance._inner)

    def define_wasi(self) -> None:
        """Define the functions of WASI preview 1. Raises WasmtimeError if a name is defined already."""
        linker = self.ptr()
        if self._has_wasi and not linker.allow_shadowing:
            raise WasmtimeError("the functions of WASI are already defined")
        with _translating():
            linker.define_wasi()
        self._has_wasi = True

    def define_module(self, store: Any, name: str, module: Module) -> None:
        """Define the exports of a module: of a new instance for each call if it is a command, else of one instance.

        Raises WasmtimeError.
        """
        inner = _module(module)
        with _translating():
            self.ptr().define_module(with_wasi(store._context()), _name(name), inner)

    def instantiate(self, store: Any, module: Module) -> Instance:
        """Instantiate a module. Raises WasmtimeError if an import is missing or does not fit, and Trap."""
        context, inner = with_wasi(store._context()), module.ptr()
        with _translating():
            return Instance._of(self.ptr().instantiate(context, inner))

    def get_default(self, store: Any, name: str) -> Func:
        """The function that stands for the module ``name``. Raises WasmtimeError if what does so is no function."""
        with _translating():
            return Func._of(self.ptr().get_default(with_wasi(store._context()), _name(name)))

    def get(self, store: Any, module: str, name: str) -> AsExtern:
        """What is defined. Raises WasmtimeError if nothing is."""
        with _translating():
            return wrap(self.ptr().get(with_wasi(store._context()), _name(module), _name(name)))

    def define_unknown_imports_as_traps(self, module: Module) -> None:
        """Define functions that fail for functions that the module imports and that are not defined."""
        inner = _module(module)
        with _translating():
            self.ptr().define_unknown_imports_as_traps(inner)

    def define_unknown_imports_as_default_values(self, store: Any, module: Module) -> None:
        """Define zeros, nulls and functions that return them for what the module imports and is not defined."""
        inner = _module(module)
        with _translating():
            self.ptr().define_unknown_imports_as_default_values(store._context(), inner)

    def instantiate_pre(self, module: Module) -> InstancePre:
        """Find the module's imports for any number of instances. Raises WasmtimeError if one is missing."""
        inner = _module(module)
        with _translating():
            return made_of(InstancePre, self.ptr().instantiate_pre(inner))
