"""The short way: from a file or bytes to a module, and to a compiled file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aot.embed.engine import Config, Engine
from aot.embed.module import Module, PathLike
from aot.embed.wat import to_wasm

if TYPE_CHECKING:
    from aot.build import BuildReport
    from aot.embed.wasi import WasiSetup


def load(source: PathLike | bytes | bytearray | memoryview, config: Config | None = None) -> Module:
    """A module out of a ``.wasm``, ``.wat`` or ``.so`` file, or out of a binary module's bytes.

    It is compiled once for each content, compiler and configuration, and kept in the user's cache.
    """
    engine = Engine(config)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Module(engine, source)
    return Module.from_file(engine, source)


def compile(
    source: PathLike | bytes | bytearray | memoryview,
    out: PathLike,
    config: Config | None = None,
    *,
    preinit: str | None = None,
    wasi: WasiSetup | None = None,
) -> BuildReport:
    """Compile a ``.wasm`` or ``.wat`` file, or a binary module's bytes, to the shared object ``out``.

    With ``preinit``, the exported function of that name runs now, and instances begin with what it left in memories,
    globals and tables: see `preinitialised`, which also says what ``wasi`` is for.

    Raises ModuleError for a bad module and BuildError if the C compiler fails.
    """
    from aot.build import compile_to_file

    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    else:
        data = Path(source).read_bytes()
        if Path(source).suffix == ".wat" and not data.startswith(b"\0asm"):
            data = to_wasm(data.decode("utf-8"))
    options = Engine(config)._build_options(for_others=True)
    state = None
    if preinit is not None:
        from aot.embed.preinit import preinitialised

        state = preinitialised(data, preinit, options, wasi)
    return compile_to_file(data, Path(out), options, state=state)
