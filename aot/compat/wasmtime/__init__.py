"""wasmtime-py's API over `aot.embed`: the same names, call shapes and exceptions.

>>> import aot.compat.wasmtime as wasmtime
>>> store = wasmtime.Store()
>>> ty = wasmtime.FuncType([wasmtime.ValType.i32()], [wasmtime.ValType.i32()])
>>> wasmtime.Func(store, ty, lambda x: x + 1)(store, 41)
42

It is the core API of release 50; components are not part of it. What differs, and which settings have no effect, is in
docs/compat.md.
"""

from aot.compat.wasmtime._config import Config
from aot.compat.wasmtime._engine import Engine
from aot.compat.wasmtime._error import ExitTrap, WasmtimeError
from aot.compat.wasmtime._func import Caller, Func
from aot.compat.wasmtime._global import Global
from aot.compat.wasmtime._instance import Instance, InstancePre
from aot.compat.wasmtime._linker import Linker
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._memory import Memory, SharedMemory
from aot.compat.wasmtime._module import Module
from aot.compat.wasmtime._store import Store, StoreContext, Storelike
from aot.compat.wasmtime._table import Table
from aot.compat.wasmtime._tag import Tag
from aot.compat.wasmtime._trap import Frame, Trap, TrapCode
from aot.compat.wasmtime._types import (
    ExportType,
    FuncType,
    GlobalType,
    ImportType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    ValType,
)
from aot.compat.wasmtime._value import Val
from aot.compat.wasmtime._wasi import DirPerms, FilePerms, WasiConfig
from aot.compat.wasmtime._wat import wat2wasm

__all__ = [
    "Caller",
    "Config",
    "DirPerms",
    "Engine",
    "ExitTrap",
    "ExportType",
    "FilePerms",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "InstancePre",
    "Limits",
    "Linker",
    "Managed",
    "Memory",
    "MemoryType",
    "Module",
    "SharedMemory",
    "Store",
    "StoreContext",
    "Storelike",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "Trap",
    "TrapCode",
    "Val",
    "ValType",
    "WasiConfig",
    "WasmtimeError",
    "wat2wasm",
]
