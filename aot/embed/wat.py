"""WebAssembly text: translated by wasmtime's parser, which the optional extra ``wat`` installs."""

from __future__ import annotations

from aot.errors import DecodeError, UsageError


def to_wasm(text: str) -> bytes:
    """The binary module that ``text`` says. Raises DecodeError for bad text, UsageError if the parser is missing."""
    try:
        import wasmtime
    except ImportError:
        raise UsageError("WebAssembly text needs the extra `wat`: pip install wasm2so[wat]") from None
    try:
        return bytes(wasmtime.wat2wasm(text))
    except wasmtime.WasmtimeError as err:
        raise DecodeError(str(err)) from None
