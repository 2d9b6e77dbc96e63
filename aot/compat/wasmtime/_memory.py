"""Memories, of stores and shared ones."""

from __future__ import annotations

import ctypes
from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._engine import Engine
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._store import check_owner
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import MemoryType, made_of
from aot.errors import WasmError


def _check_delta(delta: int) -> None:
    if delta < 0:
        raise WasmtimeError("cannot grow by negative amount")


class Memory:
    """A linear memory of a store."""

    _item: embed.Memory

    def __init__(self, store: Any, ty: MemoryType) -> None:
        context, inner = store._context(), ty.ptr()
        try:
            self._item = embed.Memory(context, inner)
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, item: embed.Memory) -> Memory:
        made = cls.__new__(cls)
        made._item = item
        return made

    def type(self, store: Any) -> MemoryType:
        """The memory's type; its minimum is the current size."""
        check_owner(store, self._item)
        return made_of(MemoryType, self._item.type())

    def grow(self, store: Any, delta: int) -> int:
        """Grow by ``delta`` pages and return the old size in pages. Raises WasmtimeError if it is not possible."""
        _check_delta(delta)
        check_owner(store, self._item)
        try:
            return self._item.grow(delta)
        except (WasmError, OverflowError) as err:
            raise WasmtimeError(f"failed to grow memory by `{delta}`: {err}") from None

    def size(self, store: Any) -> int:
        """The size in pages."""
        check_owner(store, self._item)
        return self._item.size()

    def data_ptr(self, store: Any) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A ctypes pointer to the first byte. Nothing checks what is accessed through it."""
        check_owner(store, self._item)
        return self._item.data_ptr()

    def get_buffer_ptr(self, store: Any, size: int | None = None, offset: int = 0) -> ctypes.Array[ctypes.c_ubyte]:
        """A ctypes array over the memory's bytes, which also is a buffer for others. Raises ValueError if it would
        reach out of the memory.
        """
        check_owner(store, self._item)
        return self._item.get_buffer_ptr(None, size, offset)

    def read(self, store: Any, start: int | None = 0, stop: int | None = None) -> bytearray:
        """A copy of the bytes from ``start`` to ``stop``, which mean what they mean for slices of lists."""
        check_owner(store, self._item)
        return self._item.read(start, stop)

    def write(self, store: Any, value: bytearray | bytes, start: int | None = None) -> int:
        """Write bytes at ``start`` and return their number. Raises IndexError if they do not fit."""
        check_owner(store, self._item)
        return self._item.write(value, start)

    def data_len(self, store: Any) -> int:
        """The size in bytes."""
        check_owner(store, self._item)
        return self._item.data_len()

    def page_size(self, store: Any) -> int:
        """Bytes of a page."""
        check_owner(store, self._item)
        return self._item.page_size()

    def page_size_log2(self, store: Any) -> int:
        """The binary logarithm of `page_size`."""
        return self.page_size(store).bit_length() - 1


class SharedMemory(Managed[embed.SharedMemory]):
    """A memory that threads share, each with a store of its own."""

    def __init__(self, engine: Engine, ty: MemoryType) -> None:
        context, inner = engine.ptr(), ty.ptr()
        if not engine._settings.shared_memory:
            raise WasmtimeError("shared memory support is disabled for this engine: it needs Config.shared_memory")
        try:
            self._set_ptr(embed.SharedMemory(context, inner))
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, item: embed.SharedMemory) -> SharedMemory:
        return made_of(cls, item)

    def type(self) -> MemoryType:
        """The memory's type; its minimum is the current size."""
        return made_of(MemoryType, self.ptr().type())

    def grow(self, delta: int) -> int:
        """Grow by ``delta`` pages and return the old size in pages. Raises WasmtimeError if it is not possible."""
        _check_delta(delta)
        try:
            return self.ptr().grow(delta)
        except (WasmError, OverflowError) as err:
            raise WasmtimeError(f"failed to grow memory by `{delta}`: {err}") from None

    def size(self) -> int:
        """The size in pages."""
        return self.ptr().size()

    def data_ptr(self) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A ctypes pointer to the first byte. Nothing checks what is accessed through it."""
        return self.ptr().data_ptr()

    def data_len(self) -> int:
        """The size in bytes."""
        return self.ptr().data_len()
