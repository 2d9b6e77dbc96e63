"""WebAssembly text: translated by wasmtime's parser, which the optional extra ``wat`` installs."""

from __future__ import annotations

import functools
from typing import Any

from aot.errors import DecodeError, UsageError


@functools.cache
def _parser() -> Any:
    """The package wasmtime, the real one: found once, so that its name may then be given to another."""
    try:
        import wasmtime
    except ImportError:
        raise UsageError("WebAssembly text needs the extra `wat`: pip install wasm2so[wat]") from None
    if not hasattr(wasmtime, "_wat2wasm"):
        raise UsageError(f"WebAssembly text needs the package wasmtime, whose name stands for {wasmtime.__name__} here")
    return wasmtime


def to_wasm(text: str) -> bytes:
    """The binary module that ``text`` says. Raises DecodeError for bad text, UsageError if the parser is missing."""
    parser = _parser()
    try:
        return bytes(parser.wat2wasm(text))
    except parser.WasmtimeError as err:
        raise DecodeError(str(err)) from None
