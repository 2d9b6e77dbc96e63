"""Functions, and what host functions see of their caller."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._store import Store, check_owner
from aot.compat.wasmtime._trap import Trap, translated, untranslated
from aot.compat.wasmtime._types import FuncType, made_of
from aot.compat.wasmtime._value import Converter, converter, to_python
from aot.errors import WasmError


class Func:
    """A function of a store: ``func(store, 6, 9)``."""

    _item: embed.Func
    _converters: tuple[Converter, ...]

    def __init__(self, store: Store, ty: FuncType, func: Callable[..., Any], access_caller: bool = False) -> None:
        """Make ``func`` callable from wasm. With ``access_caller`` it gets a `Caller` as its first argument."""
        if not isinstance(store, Store):
            raise TypeError(f"expected a Store, not {type(store).__name__}")
        if not isinstance(ty, FuncType):
            raise TypeError(f"expected a FuncType, not {type(ty).__name__}")
        inner = ty.ptr()
        try:
            self._bind(embed.Func(store._context(), inner, host_function(func, inner, access_caller), access_caller))
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, item: embed.Func) -> Func:
        func = cls.__new__(cls)
        func._bind(item)
        return func

    def _bind(self, item: embed.Func) -> None:
        ty = item.type()
        self._item = item
        self._converters = tuple(converter(t) for t in ty.params)
        self._plain = len(ty.results) < 2 and not any(t.is_ref for t in ty.results)

    def type(self, store: Any) -> FuncType:
        """The function's type."""
        check_owner(store, self._item)
        return made_of(FuncType, self._item.type())

    def __call__(self, store: Any, *params: Any) -> Any:
        """Call it. Each parameter is a plain value or a `Val`; several results come as a list."""
        item = self._item
        if store._context() is not item.store:
            check_owner(store, item)
        converters = self._converters
        if len(params) != len(converters):
            problem = "many" if len(params) > len(converters) else "few"
            raise WasmtimeError(f"too {problem} parameters provided: given {len(params)}, expected {len(converters)}")
        arguments = [convert(value) for convert, value in zip(converters, params, strict=True)]
        try:
            result = item(*arguments)
        except WasmError as err:
            raise translated(err) from None
        if self._plain:
            return result
        return [to_python(value) for value in result] if type(result) is tuple else to_python(result)


class Caller:
    """The instance that calls a host function; it also stands for the store. Of no use after the call."""

    def __init__(self, ptr: embed.Caller) -> None:
        self.__caller: embed.Caller | None = ptr

    def __getitem__(self, name: str) -> Any:
        """The export ``name``. Raises KeyError if there is none, or the call is over."""
        found = self.get(name)
        if found is None:
            raise KeyError(f"failed to find export {name}")
        return found

    def get(self, name: str) -> Any | None:
        """The export ``name``, or None if there is none, or the call is over."""
        from aot.compat.wasmtime._extern import wrap

        if not isinstance(name, str):
            raise AttributeError(f"names are str, not {type(name).__name__}")
        found = None if self.__caller is None else self.__caller.get(name)
        return None if found is None else wrap(found)

    def _context(self) -> embed.Store:
        if self.__caller is None:
            raise ValueError("caller is no longer valid")
        return self.__caller.store

    def _invalidate(self) -> None:
        self.__caller = None


def host_function(func: Callable[..., Any], ty: embed.FuncType, access_caller: bool) -> Callable[..., Any]:
    """What `aot.embed` calls for a host function of a program."""
    converters = tuple(converter(t) for t in ty.results)
    has_refs = any(t.is_ref for t in ty.params)

    def call(*args: Any) -> Any:
        try:
            result = func(*map(to_python, args)) if has_refs else func(*args)
        except Trap as trap:
            raise untranslated(trap) from None
        if len(converters) == 1:
            return converters[0](result)
        if not converters:
            if result is not None:
                raise WasmtimeError("callback produced results when it shouldn't")
            return None
        if len(result) != len(converters):
            raise WasmtimeError("callback produced wrong number of results")
        return tuple(convert(value) for convert, value in zip(converters, result, strict=True))

    def call_with_caller(inner: embed.Caller, *args: Any) -> Any:
        caller = Caller(inner)
        try:
            return call(caller, *args)
        finally:
            caller._invalidate()

    return call_with_caller if access_caller else call
