"""Stores, and what stands for one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aot.embed as embed
from aot.compat.wasmtime._engine import Engine
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._trap import translated
from aot.errors import WasmError
from aot.wasi import Wasi

if TYPE_CHECKING:
    from aot.compat.wasmtime._wasi import WasiConfig


class Store(Managed[embed.Store]):
    """What instances and their parts live in."""

    def __init__(self, engine: Engine | None = None, data: Any | None = None) -> None:
        if engine is None:
            engine = Engine()
        elif not isinstance(engine, Engine):
            raise TypeError(f"expected an Engine, not {type(engine).__name__}")
        store = embed.Store(engine.ptr(), data)
        self._set_ptr(store)
        self._open: embed.Store | None = store
        self.engine = engine
        settings = engine._settings
        if settings.max_stack is not None:
            store.set_limits(stack_size=max(0, settings.max_stack))
        self._limits = store.limits
        if settings.config.epoch_interruption:
            store.set_epoch_deadline(0)

    def _delete(self, ptr: embed.Store) -> None:
        self._open = None
        with suppress(BufferError, WasmError):  # then it ends with the last view of its memories, or the call it is in
            ptr.close()

    def _context(self) -> embed.Store:
        return self._open or self.ptr()

    def data(self) -> Any | None:
        """What was given to the constructor."""
        return self.ptr().data

    def gc(self) -> None:
        """Let go of objects that were passed to wasm as externref and that nothing there refers to any more."""
        self.ptr().gc()

    def set_fuel(self, fuel: int) -> None:
        """Set what code may consume from now on. Raises WasmtimeError without ``Config.consume_fuel``."""
        self._check_fuel()
        self.ptr().set_fuel(fuel)

    def get_fuel(self) -> int:
        """What is left. Raises WasmtimeError without ``Config.consume_fuel``."""
        self._check_fuel()
        return int(self.ptr().get_fuel())

    def _check_fuel(self) -> None:
        self.ptr()
        if not self.engine._settings.config.consume_fuel:
            raise WasmtimeError("fuel is not configured in this store")

    def set_wasi(self, wasi: WasiConfig) -> None:
        """Take over what WASI programs in this store see of the world."""
        self._open_wasi(wasi._consume())

    def _open_wasi(self, wasi: embed.wasi.WasiSetup) -> None:
        try:
            self.ptr().set_wasi(wasi)
        except (WasmError, OSError) as err:
            raise WasmtimeError(str(err)) from None

    def set_wasi_http(self) -> None:
        """Without effect: it is for components."""
        self.ptr()

    def set_epoch_deadline(self, ticks_after_current: int) -> None:
        """Let code trap when the engine's epoch has grown by ``ticks_after_current``."""
        store = self.ptr()
        if self.engine._settings.config.epoch_interruption:
            store.set_epoch_deadline(ticks_after_current)

    def set_limits(
        self,
        memory_size: int = -1,
        table_elements: int = -1,
        instances: int = -1,
        tables: int = -1,
        memories: int = -1,
    ) -> None:
        """Set the limits of what the store holds; a negative number stands for the default."""
        given = {
            "memory_bytes": memory_size,
            "table_elems": table_elements,
            "instances": instances,
            "tables": tables,
            "memories": memories,
        }
        self.ptr().limits = replace(self._limits, **{name: n for name, n in given.items() if n >= 0})


class StoreContext:
    """A store for the time of a call."""

    def __init__(self, ptr: embed.Store) -> None:
        self.__store: embed.Store | None = ptr

    def _context(self) -> embed.Store:
        if self.__store is None:
            raise ValueError("caller is no longer valid")
        return self.__store

    def _invalidate(self) -> None:
        self.__store = None


Storelike = "Store | Caller | StoreContext"


def check_owner(store: Any, item: embed._native.Item) -> None:
    """Raises WasmtimeError if the store is not the item's own, and AttributeError if it is no store."""
    if store._context() is not item.store:
        raise WasmtimeError("object used with the wrong store")


def with_wasi(store: embed.Store) -> embed.Store:
    """The store with a WASI context, one with nothing in it if none was set: having none is no error here."""
    if store.wasi is None:
        try:
            store.set_wasi(Wasi())
        except WasmError as err:
            raise translated(err) from None
    return store
