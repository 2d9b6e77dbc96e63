"""The Python surface: engines, stores, modules, instances and what they are made of."""

from aot.embed import _native
from aot.embed.annotations import externref, f32, f64, funcref, i32, i64, v128
from aot.embed.backtrace import Frame, Trace
from aot.embed.engine import Config, Engine
from aot.embed.exception import Tag, WasmException
from aot.embed.func import Caller, Func
from aot.embed.global_ import Global
from aot.embed.image import Image
from aot.embed.instance import Instance, InstanceExports
from aot.embed.linker import Linker
from aot.embed.loading import compile, load
from aot.embed.memory import Memory
from aot.embed.metering import Limiter
from aot.embed.module import Module
from aot.embed.pool import Pool
from aot.embed.pre import InstancePre
from aot.embed.shared import SharedMemory, WaitResult
from aot.embed.store import Store, StoreLimits
from aot.embed.table import Table
from aot.embed.trap import ExitTrap, TimeoutTrap, Trap, TrapCode
from aot.embed.types import (
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
from aot.errors import FormatError, ImportTypeError, ResourceError, UsageError

# What the extension makes objects of and raises.
_native.register(
    {
        "Func": Func,
        "Memory": Memory,
        "SharedMemory": SharedMemory,
        "Table": Table,
        "Global": Global,
        "Tag": Tag,
        "WasmException": WasmException,
        "Trap": Trap,
        "ExitTrap": ExitTrap,
        "TimeoutTrap": TimeoutTrap,
        "Trace": Trace,
        "LinkError": ImportTypeError,  # all that it is left to find out
        "ResourceError": ResourceError,
        "FormatError": FormatError,
        "UsageError": UsageError,
    }
)

__all__ = [
    "Caller",
    "Config",
    "Engine",
    "ExitTrap",
    "ExportType",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "Image",
    "ImportType",
    "Instance",
    "InstanceExports",
    "InstancePre",
    "Limiter",
    "Limits",
    "Linker",
    "Memory",
    "MemoryType",
    "Module",
    "Pool",
    "SharedMemory",
    "Store",
    "StoreLimits",
    "Table",
    "TableType",
    "Tag",
    "TagType",
    "TimeoutTrap",
    "Trap",
    "TrapCode",
    "ValType",
    "WaitResult",
    "WasmException",
    "compile",
    "externref",
    "f32",
    "f64",
    "funcref",
    "i32",
    "i64",
    "load",
    "v128",
]
