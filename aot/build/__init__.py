"""The outside world: C compilers, processes, temporary folders, the cache. Only this package runs commands.

Names are loaded when first asked for: a module that is in the cache must not wait for the translator.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as in aot/__init__.py

if TYPE_CHECKING:
    from typing import Any

    from aot.build.cache import Cache, compile_cached
    from aot.build.elf import read_meta
    from aot.build.options import BuildOptions, BuildReport
    from aot.build.pipeline import compile_to_file
    from aot.build.profile import read_profile
    from aot.build.toolchain import Toolchain, find_toolchain

__all__ = [
    "BuildOptions",
    "BuildReport",
    "Cache",
    "Toolchain",
    "compile_cached",
    "compile_to_file",
    "find_toolchain",
    "read_meta",
    "read_profile",
]

_HOMES = {
    "BuildOptions": "options",
    "BuildReport": "options",
    "Cache": "cache",
    "Toolchain": "toolchain",
    "compile_cached": "cache",
    "compile_to_file": "pipeline",
    "find_toolchain": "toolchain",
    "read_meta": "elf",
    "read_profile": "profile",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
