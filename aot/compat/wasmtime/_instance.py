"""Instances and their exports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._extern import AsExtern, unwrap, wrap
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._module import Module
from aot.compat.wasmtime._store import with_wasi
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import made_of
from aot.errors import WasmError


class Instance:
    """An instance of a module."""

    _inner: embed.Instance
    _exports: InstanceExports

    def __init__(self, store: Any, module: Module, imports: Sequence[AsExtern]) -> None:
        """Instantiate ``module`` with imports in its order. Raises WasmtimeError if they do not fit, and Trap."""
        items = [unwrap(item) for item in imports]
        context, inner = store._context(), module.ptr()
        try:
            self._bind(embed.Instance(context, inner, items))
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, inner: embed.Instance) -> Instance:
        made = cls.__new__(cls)
        made._bind(inner)
        return made

    def _bind(self, inner: embed.Instance) -> None:
        self._inner = inner
        self._exports = InstanceExports(inner.exports)

    def exports(self, store: Any) -> InstanceExports:
        """The exports: a mapping of names, and a sequence as ``by_index``."""
        if store._context() is not self._inner.store:
            raise WasmtimeError("object used with the wrong store")
        return self._exports


class InstanceExports(Mapping[str, AsExtern]):
    """The exports of an instance, each made at its first use."""

    def __init__(self, exports: embed.InstanceExports) -> None:
        self._inner = exports
        self._made: dict[str, AsExtern] = {}

    @cached_property
    def by_index(self) -> Sequence[AsExtern]:
        """All of them, in the module's order."""
        return tuple(self[name] for name in self._inner)

    def __getitem__(self, idx: str) -> AsExtern:
        made = self._made.get(idx)
        if made is None:
            made = self._made[idx] = wrap(self._inner[idx])
        return made

    def __len__(self) -> int:
        return len(self._inner)

    def __iter__(self) -> Iterator[str]:
        return iter(self._inner)


class InstancePre(Managed[embed.InstancePre]):
    """A module with imports found for it once, to be instantiated many times. Made by `Linker.instantiate_pre`."""

    def instantiate(self, store: Any) -> Instance:
        """Make an instance. Raises WasmtimeError, and Trap."""
        context, pre = with_wasi(store._context()), self.ptr()
        try:
            return Instance._of(pre.instantiate(context))
        except WasmError as err:
            raise translated(err) from None

    @property
    def module(self) -> Module:
        """The module it was made from."""
        return made_of(Module, self.ptr().module)
