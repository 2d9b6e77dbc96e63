"""The outside world: C compilers, processes, temporary folders, the cache. Only this package runs commands."""

from aot.build.cache import Cache, compile_cached
from aot.build.elf import read_meta
from aot.build.options import BuildOptions, BuildReport
from aot.build.pipeline import compile_to_file
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
]
