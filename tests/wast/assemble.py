"""Text modules to bytes, by wasmtime's assembler (the `wat` extra)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

from tests.wast.sexpr import parse, strings_in

_HIGH = re.compile("[\x80-\xff]")


class AssembleError(Exception):
    """The assembler refused a text; the message is its own first line."""


def assemble(text: bytes) -> bytes:
    """Assemble one module. Raises AssembleError for malformed text."""
    import wasmtime

    try:
        return bytes(wasmtime.wat2wasm(cast(str, text)))  # accepts bytes, though annotated as str
    except wasmtime.WasmtimeError as error:
        raise AssembleError(str(error).strip().partition("\n")[0]) from None


def assemble_script_module(source: str) -> bytes:
    """Assemble a module written in a script (Latin-1 text), without names for debugging.

    Non-ASCII bytes are written as escapes first: the assembler refuses bidirectional controls, which scripts hold
    on purpose, and elsewhere than in strings such bytes are comments.
    """
    data = assemble(_ascii_only(source).encode("latin-1"))
    return data if "(@" in source else without_names(data)


def _ascii_only(source: str) -> str:
    if not _HIGH.search(source):
        return source
    pieces, pos = [], 0
    for start, end in strings_in(parse(source)):
        pieces.append(_HIGH.sub("?", source[pos:start]))
        pieces.append(_HIGH.sub(lambda match: f"\\{ord(match.group()):02x}", source[start:end]))
        pos = end
    pieces.append(_HIGH.sub("?", source[pos:]))
    return "".join(pieces)


def _leb(data: bytes, pos: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, pos
        shift += 7


def without_names(data: bytes) -> bytes:
    """Drop the "name" custom section that the assembler writes for every identifier."""
    kept, pos = [data[:8]], 8
    while pos < len(data):
        start = pos
        size, content = _leb(data, pos + 1)
        pos = content + size
        if data[start] == 0:
            length, name = _leb(data, content)
            if data[name : name + length] == b"name":
                continue
        kept.append(data[start:pos])
    return b"".join(kept)


def read_wat(path: Path) -> bytes:
    """Assemble a `.wat` file."""
    return assemble(path.read_bytes())
