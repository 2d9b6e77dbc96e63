"""wasm2so: WebAssembly, compiled ahead of time to native code and run from Python as sandboxed instances.

>>> import aot
>>> module = aot.load("gcd.wasm")  # doctest: +SKIP
>>> module().gcd(6, 9)  # doctest: +SKIP
3
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aot.errors import (
    BuildError,
    DecodeError,
    FormatError,
    InvalidError,
    LimitError,
    LinkError,
    ModuleError,
    ResourceError,
    UnsupportedError,
    UsageError,
    WasmError,
)

if TYPE_CHECKING:
    from aot.embed import (
        Caller,
        Config,
        Engine,
        ExportType,
        Func,
        FuncType,
        Global,
        GlobalType,
        ImportType,
        Instance,
        InstanceExports,
        Limits,
        Memory,
        MemoryType,
        Module,
        Store,
        StoreLimits,
        Table,
        TableType,
        Trap,
        TrapCode,
        ValType,
        compile,
        load,
    )

__all__ = [
    "BuildError",
    "Caller",
    "Config",
    "DecodeError",
    "Engine",
    "ExportType",
    "FormatError",
    "Func",
    "FuncType",
    "Global",
    "GlobalType",
    "ImportType",
    "Instance",
    "InstanceExports",
    "InvalidError",
    "LimitError",
    "Limits",
    "LinkError",
    "Memory",
    "MemoryType",
    "Module",
    "ModuleError",
    "ResourceError",
    "Store",
    "StoreLimits",
    "Table",
    "TableType",
    "Trap",
    "TrapCode",
    "UnsupportedError",
    "UsageError",
    "ValType",
    "WasmError",
    "compile",
    "load",
]


def __getattr__(name: str) -> Any:
    """Load the runtime at the first use of something that needs it: compiling and validating do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from aot import embed

    value = globals()[name] = getattr(embed, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
