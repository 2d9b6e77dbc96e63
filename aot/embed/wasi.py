"""WASI contexts: what one program sees of the world, held by the C runtime.

How a context is described by people is `aot.wasi`'s concern; this file is its access to the runtime.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aot.embed._native import ffi, lib
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.func import Func
    from aot.embed.store import Store

WASI_MODULES = ("wasi_snapshot_preview1", "wasi_unstable")
"""The module names under which WASI preview 1's functions are imported."""


class WasiSetup(ABC):
    """A description of WASI contexts; each use of it makes a new one."""

    @abstractmethod
    def _open(self, store: Store) -> WasiContext:
        """A context in ``store`` as described. Raises OSError for what the system refuses."""


def open_wasi(store: Store, wasi: WasiSetup | WasiContext) -> WasiContext:
    """A new context in ``store``, or the one that is given if it belongs there. Raises OSError, UsageError."""
    if isinstance(wasi, WasiSetup):
        return wasi._open(store)
    if not isinstance(wasi, WasiContext):
        raise TypeError(f"expected a Wasi, not {type(wasi).__name__}")
    if wasi.store is not store:
        raise UsageError("the WASI context belongs to another store")
    return wasi


@dataclass(frozen=True, slots=True)
class WasiLimits:
    """What a guest may use. Beyond ``descriptors`` it gets EMFILE, beyond ``iovecs`` or ``subscriptions`` of one call
    EINVAL, beyond ``path_bytes`` ENAMETOOLONG, beyond ``buffer_bytes`` of one captured stream, ``node_bytes`` of all
    files and ``nodes`` of all entries in memory ENOSPC.
    """

    descriptors: int
    iovecs: int
    subscriptions: int
    path_bytes: int
    buffer_bytes: int
    node_bytes: int
    nodes: int


class WasiContext:
    """A running program's WASI: its exit status, what it wrote to captured streams and into directories in memory.

    Contexts are made from a description (`aot.Wasi`) for an instance or a store, and belong to the store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._address = store._wasi_new()
        self._trees: dict[str, Any] = {}

    @property
    def _pointer(self) -> Any:
        """The C context. Raises UsageError if its store is closed or another thread's code runs in it."""
        store = self._store
        store._address  # noqa: B018, raises
        return ffi.cast("struct w2s_wasi *", self._address)

    @property
    def store(self) -> Store:
        """The store it belongs to."""
        return self._store

    @property
    def exit_status(self) -> int | None:
        """What the program gave to proc_exit; None if it did not call it."""
        status = ffi.new("uint32_t *")
        return int(status[0]) if lib.w2s_wasi_exit_status(self._pointer, status) else None

    @property
    def stdout(self) -> bytes:
        """What was captured of standard output. Raises UsageError if it was not."""
        return self._content(lib.W2S_WASI_STDOUT)

    @property
    def stderr(self) -> bytes:
        """What was captured of standard error. Raises UsageError if it was not."""
        return self._content(lib.W2S_WASI_STDERR)

    def read_dir(self, guest: str) -> dict[str, Any]:
        """The directory in memory that the guest knows as ``guest``, as it is now: names to bytes for files, to dicts
        for directories, to `Symlink` for symbolic links. Raises UsageError if there is none.
        """
        if guest not in self._trees:
            raise UsageError(f"there is no directory in memory named {guest!r}")
        self._pointer  # noqa: B018, raises if the store is closed
        return _read_tree(self._trees[guest])

    def interrupt(self) -> None:
        """Stop the program with a trap (`TrapCode.INTERRUPT`) in the call that blocks now, or the next that would.
        From any thread.
        """
        if self._store.closed:
            raise UsageError("the store is closed")
        lib.w2s_wasi_interrupt(ffi.cast("struct w2s_wasi *", self._address))

    def close(self) -> None:
        """Close all descriptors now rather than with the store. What was captured can still be read."""
        _check(lib.w2s_wasi_close(self._pointer), "WASI context")

    # ---- for aot.wasi ------------------------------------------------------------------------------------------

    def _function(self, module: str, name: str) -> Func | None:
        """A WASI function for one importing instance, or None if there is no such function."""
        found: Func | None = self._store._wasi_function(self._address, module, name, f"{module}.{name}")
        return found

    def _add_arg(self, arg: bytes) -> None:
        _check(lib.w2s_wasi_add_arg(self._pointer, arg, len(arg)), repr(arg))

    def _add_env(self, pair: bytes) -> None:
        _check(lib.w2s_wasi_add_env(self._pointer, pair, len(pair)), repr(pair))

    def _set_fd(self, stream: int, fd: int) -> None:
        """The stream is a duplicate of the process's descriptor ``fd``."""
        _check(lib.w2s_wasi_stream_fd(self._pointer, stream, fd), f"descriptor {fd}")

    def _set_bytes(self, stream: int, content: bytes) -> None:
        _check(lib.w2s_wasi_stream_bytes(self._pointer, stream, content, len(content)), "stream")

    def _set_buffer(self, stream: int, other: int) -> None:
        """Capture ``stream``; together with ``other`` if that is captured already."""
        _check(lib.w2s_wasi_stream_buffer(self._pointer, stream, other), "stream")

    def _set_callable(self, stream: int, call: Callable[[Any], Any]) -> None:
        """Reading: ``call(n)`` returns at most n bytes. Writing: ``call(data)`` returns how many it took, None for
        all. A negative int is an errno value; an exception unwinds the program.
        """
        self._store._wasi_stream(self._address, stream, call)

    def _add_dir(self, host: str | os.PathLike[str], guest: str, flags: int) -> None:
        fd = os.open(host, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            name = os.fsencode(guest)
            _check(lib.w2s_wasi_preopen_fd(self._pointer, fd, name, len(name), flags), os.fspath(host))
        finally:
            os.close(fd)

    def _add_tree(self, guest: str, flags: int) -> Any:
        """An empty directory in memory: a node for `_add_node`."""
        root = ffi.new("struct w2s_wasi_node **")
        name = os.fsencode(guest)
        _check(lib.w2s_wasi_preopen_memory(self._pointer, name, len(name), flags, root), guest)
        self._trees[guest] = root[0]
        return root[0]

    def _add_node(self, directory: Any, name: str, kind: int, content: bytes = b"") -> Any:
        node = ffi.new("struct w2s_wasi_node **")
        encoded = os.fsencode(name)
        status = lib.w2s_wasi_node_add(
            self._pointer, directory, encoded, len(encoded), kind, content, len(content), node
        )
        _check(status, name)
        return node[0]

    @property
    def _limits(self) -> WasiLimits:
        found = ffi.new("struct w2s_wasi_limits *")
        lib.w2s_wasi_get_limits(self._pointer, found)
        return WasiLimits(*(int(getattr(found, name)) for name in WasiLimits.__slots__))

    def _set_limits(self, limits: WasiLimits) -> None:
        values = {name: getattr(limits, name) for name in WasiLimits.__slots__}
        try:
            lib.w2s_wasi_set_limits(self._pointer, ffi.new("struct w2s_wasi_limits *", values))
        except OverflowError:
            raise UsageError(f"a limit is out of range: {limits}") from None

    def _set_options(self, options: int) -> None:
        lib.w2s_wasi_set_options(self._pointer, options)

    def _set_seed(self, seed: int) -> None:
        lib.w2s_wasi_set_seed(self._pointer, seed)

    def _set_clock(self, clock: int, start: int, step: int) -> None:
        _check(lib.w2s_wasi_set_clock(self._pointer, clock, start, step), "clock")

    def _content(self, stream: int) -> bytes:
        at, n = ffi.new("uint8_t const **"), ffi.new("size_t *")
        if lib.w2s_wasi_stream_content(self._pointer, stream, at, n):
            raise UsageError("the stream was not captured")
        return bytes(ffi.buffer(at[0], n[0])) if n[0] else b""

    def __repr__(self) -> str:
        return f"<WasiContext of {self._store!r}>"


@dataclass(frozen=True, slots=True)
class Symlink:
    """A symbolic link in a directory in memory."""

    target: str


def _check(status: int, what: str) -> None:
    if status:
        raise OSError(status, os.strerror(status), what)


def _entries(directory: Any) -> Iterator[tuple[str, Any]]:
    name, n, node = ffi.new("char const **"), ffi.new("size_t *"), ffi.new("struct w2s_wasi_node **")
    nth = 0
    while lib.w2s_wasi_node_entry(directory, nth, name, n, node) == 0:
        yield os.fsdecode(bytes(ffi.buffer(name[0], n[0]))), node[0]
        nth += 1


def _content_of(node: Any) -> bytes:
    n = ffi.new("size_t *")
    at = lib.w2s_wasi_node_content(node, n)
    return bytes(ffi.buffer(at, n[0])) if n[0] else b""


def _read_tree(root: Any) -> dict[str, Any]:
    """Without recursion: the depth is the guest's choice."""
    result: dict[str, Any] = {}
    todo = [(root, result)]
    while todo:
        directory, into = todo.pop()
        for name, node in _entries(directory):
            kind = lib.w2s_wasi_node_kind_of(node)
            if kind == lib.W2S_WASI_NODE_DIR:
                into[name] = {}
                todo.append((node, into[name]))
            elif kind == lib.W2S_WASI_NODE_SYMLINK:
                into[name] = Symlink(os.fsdecode(_content_of(node)))
            else:
                into[name] = _content_of(node)
    return result
