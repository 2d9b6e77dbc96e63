"""The one place that loads the extension module. Everything else imports its parts from here."""

from __future__ import annotations

from aot import _runtime
from aot._runtime import ffi, lib

# The extension's C types are added to the module by the extension itself: cffi makes modules without them.
if lib.w2s_py_init(ffi.cast("void *", id(_runtime))) != 0:
    raise ImportError("aot._runtime could not be set up")

StoreBase = _runtime.StoreBase
Item = _runtime.Item
BoundFunc = _runtime.BoundFunc
AsyncCall = _runtime.AsyncCall
MemoryBase = _runtime.MemoryBase
SharedMemoryBase = _runtime.SharedMemoryBase
TableBase = _runtime.TableBase
GlobalBase = _runtime.GlobalBase
TagBase = _runtime.TagBase
register = _runtime.register

__all__ = [
    "AsyncCall",
    "BoundFunc",
    "GlobalBase",
    "Item",
    "MemoryBase",
    "SharedMemoryBase",
    "StoreBase",
    "TableBase",
    "TagBase",
    "ffi",
    "lib",
    "register",
]
