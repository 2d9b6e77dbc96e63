"""Linear memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, overload

from aot.embed._native import MemoryBase, ffi
from aot.embed.store import Store
from aot.embed.storelike import Storelike, check_store, without_store
from aot.embed.types import Limits, MemoryType
from aot.errors import ResourceError, UsageError
from aot.wasm.types import PAGE_LOG2

if TYPE_CHECKING:
    import ctypes


class Memory(MemoryBase):
    """A linear memory. It supports the buffer protocol, so ``memoryview(memory)`` and ``numpy.frombuffer(memory)`` see
    its bytes without copying; ``memory[a:b]`` copies. A view spans the size at the time it was made and stays valid
    while the memory grows; the store cannot be closed as long as one is alive.

    Each method takes the store as an optional first argument, as in wasmtime-py.
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, store: Store, ty: MemoryType) -> Self:
        """Make a memory. Raises ResourceError if the store's limits or the system do not allow it."""
        if not isinstance(ty, MemoryType):
            raise TypeError(f"expected a MemoryType, not {type(ty).__name__}")
        if ty.is_shared:
            raise UsageError("a shared memory belongs to no store: make a SharedMemory")
        limits = ty.limits
        guarded = store.engine.guard and not ty.is_64 and ty.page_size_log2 == PAGE_LOG2
        return MemoryBase.__new__(
            cls, store, limits.min, limits.max, ty.is_64, ty.is_shared, ty.page_size_log2, guarded
        )

    @property
    def _memory(self) -> Any:
        return ffi.cast("struct w2s_memory *", self._address)

    def type(self, store: Storelike | None = None) -> MemoryType:
        """The memory's type; its minimum is the current size."""
        check_store(self, store)
        memory = self._memory
        limits = Limits(self.size(), int(memory.declared_max_pages) if memory.has_max else None)
        return MemoryType(limits, bool(memory.is64), bool(memory.shared), int(memory.page_log2))

    def page_size(self, store: Storelike | None = None) -> int:
        """Bytes of a page."""
        check_store(self, store)
        return 1 << int(self._memory.page_log2)

    def size(self, store: Storelike | None = None) -> int:
        """The current size in pages."""
        check_store(self, store)
        memory = self._memory
        return int(memory.bytes) >> int(memory.page_log2)

    def data_len(self, store: Storelike | None = None) -> int:
        """The current size in bytes."""
        check_store(self, store)
        return len(self)

    @overload
    def grow(self, delta: int, /) -> int: ...
    @overload
    def grow(self, store: Storelike, delta: int, /) -> int: ...
    def grow(self, *args: Any) -> int:
        """Grow by ``delta`` pages and return the old size in pages.

        Raises ResourceError if the memory's maximum, the store's limits or the system do not allow it.
        """
        (delta,) = without_store(self, args)
        if delta < 0:
            raise UsageError("a memory cannot shrink")
        old = self._grow(delta)
        if old is None:
            raise ResourceError(f"memory cannot grow from {self.size()} by {delta} pages")
        return old

    def read_string(self, start: int, size: int, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The text in the ``size`` bytes at ``start``. Raises IndexError if they are not all inside the memory, and
        UnicodeDecodeError if they are no such text.
        """
        return self._checked(start, size).decode(encoding, errors)

    def read_cstring(self, start: int, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The text from ``start`` to the next zero byte. Raises IndexError if there is none, UnicodeDecodeError."""
        size = len(self)
        found, at, step = bytearray(), start, 64
        while 0 <= at < size:
            part = self[at : at + step]
            end = part.find(0)
            if end >= 0:
                return (found + part[:end]).decode(encoding, errors)
            found += part
            at, step = at + step, min(2 * step, 1 << 16)
        raise IndexError(f"no zero byte between {start} and the memory's end at {size}")

    def write_string(self, text: str, start: int, encoding: str = "utf-8", *, terminated: bool = False) -> int:
        """Write the text's bytes at ``start``, and a zero byte if ``terminated``; return their number.

        Raises IndexError if they do not fit; then nothing is written.
        """
        if start < 0:
            raise IndexError(f"address {start}")
        return self.write(text.encode(encoding) + (b"\0" if terminated else b""), start)

    def _checked(self, start: int, size: int) -> bytes:
        if start < 0 or size < 0 or start + size > len(self):
            raise IndexError(f"{size} bytes at {start} are not inside a memory of {len(self)}")
        return self[start : start + size]

    def get_buffer_ptr(
        self, store: Storelike | None = None, size: int | None = None, offset: int = 0
    ) -> ctypes.Array[ctypes.c_ubyte]:
        """A ctypes array over the memory's own bytes. Like every view, it keeps the memory alive."""
        import ctypes

        check_store(self, store)
        length = len(self) - offset if size is None else size
        return (ctypes.c_ubyte * length).from_buffer(self, offset)

    def data_ptr(self, store: Storelike | None = None) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A ctypes pointer to the first byte. Nothing checks what is accessed through it."""
        import ctypes

        return ctypes.cast(self.get_buffer_ptr(store), ctypes.POINTER(ctypes.c_ubyte))

    def __repr__(self) -> str:
        if self.store.closed:
            return "<Memory of a closed store>"
        return f"<Memory {self.type()}, {len(self)} bytes>"
