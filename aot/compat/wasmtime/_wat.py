"""WebAssembly text."""

from __future__ import annotations

from aot.compat.wasmtime._trap import translated
from aot.embed.wat import to_wasm
from aot.errors import WasmError


def wat2wasm(wat: str | bytes) -> bytearray:
    """The binary module that text says. Raises WasmtimeError for bad text."""
    try:
        return bytearray(to_wasm(wat.decode("utf-8") if isinstance(wat, bytes) else wat))
    except (WasmError, UnicodeDecodeError) as err:
        raise translated(err) if isinstance(err, WasmError) else translated(WasmError(str(err))) from None


def binary_of(wasm: str | bytes | bytearray) -> bytes:
    """``wasm``, or what it says if it is text: it is binary if it begins with a zero."""
    if isinstance(wasm, (str, bytes)) and wasm and wasm[0] not in (0, "\0"):
        return bytes(wat2wasm(wasm))
    if not isinstance(wasm, (bytes, bytearray)):
        raise TypeError("expected wasm bytes")
    return bytes(wasm)
