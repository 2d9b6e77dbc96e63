"""wasm2so: WebAssembly, compiled ahead of time to native code and run from Python as sandboxed instances.

>>> import aot
>>> module = aot.load("gcd.wasm")  # doctest: +SKIP
>>> module().gcd(6, 9)  # doctest: +SKIP
3
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for typing's; loading that takes longer than all the rest

if TYPE_CHECKING:
    from typing import Any

    from aot import wasi
    from aot.embed import (
        Caller,
        Config,
        Engine,
        ExitTrap,
        ExportType,
        Frame,
        Func,
        FuncType,
        Global,
        GlobalType,
        Image,
        ImportType,
        Instance,
        InstanceExports,
        InstancePre,
        Limiter,
        Limits,
        Linker,
        Memory,
        MemoryType,
        Module,
        Pool,
        SharedMemory,
        Store,
        StoreLimits,
        Table,
        TableType,
        Tag,
        TagType,
        TimeoutTrap,
        Trap,
        TrapCode,
        ValType,
        WaitResult,
        WasmException,
        compile,
        externref,
        f32,
        f64,
        funcref,
        i32,
        i64,
        load,
        v128,
    )
    from aot.errors import (
        BuildError,
        DecodeError,
        FormatError,
        ImportCountError,
        ImportTypeError,
        InvalidError,
        LimitError,
        LinkError,
        ModuleError,
        ResourceError,
        UnknownImportError,
        UnsupportedError,
        UsageError,
        WasmError,
    )
    from aot.wasi import Wasi, WasiConfig

__all__ = [
    "BuildError",
    "Caller",
    "Config",
    "DecodeError",
    "Engine",
    "ExitTrap",
    "ExportType",
    "FormatError",
    "Frame",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "Image",
    "ImportCountError",
    "ImportType",
    "ImportTypeError",
    "Instance",
    "InstanceExports",
    "InstancePre",
    "InvalidError",
    "LimitError",
    "Limiter",
    "Limits",
    "LinkError",
    "Linker",
    "Memory",
    "MemoryType",
    "Module",
    "ModuleError",
    "Pool",
    "ResourceError",
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
    "UnknownImportError",
    "UnsupportedError",
    "UsageError",
    "ValType",
    "WaitResult",
    "Wasi",
    "WasiConfig",
    "WasmError",
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
    "wasi",
]


def __getattr__(name: str) -> Any:
    """Load what is needed at its first use: compiling needs no runtime, and running a compiled program little else."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "wasi":
        return import_module("aot.wasi")
    found = getattr(import_module("aot.errors"), name, None)
    if found is None:
        found = getattr(import_module("aot.wasi" if name.startswith("Wasi") else "aot.embed"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
