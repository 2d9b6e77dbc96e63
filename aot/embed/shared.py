"""Shared memories: linear memories that several stores, and so several threads, use at once."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, Self

from aot.embed._native import SharedMemoryBase, ffi, lib
from aot.embed.engine import Engine
from aot.embed.types import Limits, MemoryType
from aot.errors import ResourceError, UsageError
from aot.wasm.types import PAGE_LOG2

if TYPE_CHECKING:
    import ctypes

    from typing_extensions import Buffer

_MAX_U32 = 0xFFFF_FFFF
_MAX_NS = (1 << 63) - 1


class WaitResult(IntEnum):
    """How a wait ended: woken by a notification, not begun because the value was another one, or timed out."""

    OK = lib.W2S_WAIT_WOKEN
    MISMATCH = lib.W2S_WAIT_NOT_EQUAL
    TIMED_OUT = lib.W2S_WAIT_TIMED_OUT


class SharedMemory(SharedMemoryBase):
    """A linear memory of no store: an import for instances of any number of stores, which may run in parallel threads.
    Exported shared memories are found as this, too. It lives as long as an object like this, a buffer, or a store that
    uses it. Objects for the same memory are equal. All methods may be called from any thread at any time.

    Other threads change its bytes at any moment. That is why ``memoryview(memory)`` is refused: what takes a buffer
    counts on its bytes holding still, or on changing them alone. `buffer` is the way to say that this is understood.
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, engine: Engine, ty: MemoryType) -> Self:
        """Make a memory of a shared type. Raises UsageError for another type, or if the engine's configuration has
        threads switched off, and ResourceError if the system has no room.
        """
        if not isinstance(engine, Engine):
            raise TypeError(f"expected an Engine, not {type(engine).__name__}")
        if not isinstance(ty, MemoryType):
            raise TypeError(f"expected a MemoryType, not {type(ty).__name__}")
        if not engine.config.wasm_threads:
            raise UsageError("the feature threads is switched off")
        if not ty.is_shared:
            raise UsageError(f"the memory type {ty} is not shared")
        if ty.limits.max is None:
            raise UsageError("shared memory must have maximum")
        guarded = engine.guard and not ty.is_64 and ty.page_size_log2 == PAGE_LOG2
        return SharedMemoryBase.__new__(cls, ty.limits.min, ty.limits.max, ty.is_64, ty.page_size_log2, guarded)

    @property
    def _memory(self) -> Any:
        return ffi.cast("struct w2s_memory *", self._address)

    def type(self) -> MemoryType:
        """The memory's type; its minimum is the current size."""
        memory = self._memory
        limits = Limits(self.size(), int(memory.declared_max_pages))
        return MemoryType(limits, bool(memory.is64), True, int(memory.page_log2))

    def page_size(self) -> int:
        """Bytes of a page."""
        return 1 << int(self._memory.page_log2)

    def size(self) -> int:
        """The current size in pages. It never shrinks."""
        return self._n_bytes >> int(self._memory.page_log2)

    def data_len(self) -> int:
        """The current size in bytes."""
        return self._n_bytes

    def grow(self, delta: int) -> int:
        """Grow by ``delta`` pages and return the old size in pages; threads that grow at the same time get different
        ones. Limits of stores do not apply to it.

        Raises ResourceError if the memory's maximum or the system do not allow it.
        """
        if delta < 0:
            raise UsageError("a memory cannot shrink")
        old = self._grow(delta)
        if old is None:
            raise ResourceError(f"memory cannot grow from {self.size()} by {delta} pages")
        return old

    @property
    def buffer(self) -> memoryview:
        """A new writable view of the bytes that the memory has now; ``numpy.frombuffer(memory.buffer)`` works.

        Nothing orders accesses through it and those of other threads, and none but those of single bytes are sure to
        be whole. So let threads finish or synchronise first (a call that returned, a `wait32`), copy before checking
        what a thread may still change, and never give it to code that takes its bytes to be constant, such as a
        decompressor or parser.
        """
        return self._view()

    def read(self, start: int | None = 0, stop: int | None = None) -> bytearray:
        """A copy of the bytes from ``start`` to ``stop``, with the meaning they have for slices of lists."""
        return bytearray(self._view()[start:stop])

    def write(self, value: Buffer, start: int | None = None) -> int:
        """Write bytes at ``start`` (negative: counted from the end) and return their number.

        Raises IndexError if they do not fit.
        """
        data = memoryview(value).cast("B")
        view = self._view()
        at = slice(start, None).indices(len(view))[0]
        if at >= len(view) or at + len(data) > len(view):
            raise IndexError(f"{len(data)} bytes at {at} do not fit in a memory of {len(view)}")
        view[at : at + len(data)] = data
        return len(data)

    def data_ptr(self) -> ctypes._Pointer[ctypes.c_ubyte]:
        """A ctypes pointer to the first byte. Nothing checks what is accessed through it, and what `buffer` says of
        other threads holds here as well. It keeps the memory alive.
        """
        import ctypes

        array = (ctypes.c_ubyte * self._n_bytes).from_buffer(self._view())
        return ctypes.cast(array, ctypes.POINTER(ctypes.c_ubyte))

    def atomic_notify(self, address: int, count: int | None = None) -> int:
        """Wake threads that wait at ``address``, in wasm code or here, at most ``count`` of them, None for all.

        Returns how many. Raises IndexError or ValueError if ``address`` is outside of the memory or not a multiple of
        4.
        """
        most = _MAX_U32 if count is None else count
        if not 0 <= most <= _MAX_U32:
            raise UsageError(f"count {count} is out of range")
        return self._notify(self._check_address(address), most)

    def atomic_wait32(self, address: int, expected: int, timeout: float | None = None) -> WaitResult:
        """If the i32 at ``address`` is ``expected``, wait for a notification, at most ``timeout`` seconds.

        Ctrl-C in the main thread ends it with what the signal's handler raises. Raises IndexError or ValueError if
        ``address`` is outside of the memory or not a multiple of the value's size.
        """
        return self._wait_for(address, expected & _MAX_U32, 4, timeout)

    def atomic_wait64(self, address: int, expected: int, timeout: float | None = None) -> WaitResult:
        """The same for an i64."""
        return self._wait_for(address, expected & 0xFFFF_FFFF_FFFF_FFFF, 8, timeout)

    def _wait_for(self, address: int, expected: int, size: int, timeout: float | None) -> WaitResult:
        if timeout is not None and not timeout >= 0:
            raise UsageError(f"timeout {timeout} is out of range")
        nanoseconds = -1 if timeout is None else int(min(timeout * 1e9, _MAX_NS // 2))
        return WaitResult(self._wait(self._check_address(address), expected, size, nanoseconds))

    def _check_address(self, address: int) -> int:
        if not 0 <= address < self._n_bytes:
            raise IndexError(f"address {address} is outside of the memory")
        return address

    def __repr__(self) -> str:
        return f"<SharedMemory {self.type()}, {self._n_bytes} bytes>"
