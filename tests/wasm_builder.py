"""Writes WebAssembly modules byte by byte, also ones that no assembler would write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

HEADER = b"\0asm\1\0\0\0"

I32, I64, F32, F64 = b"\x7f", b"\x7e", b"\x7d", b"\x7c"
FUNCREF = b"\x70"
FUNC, TABLE, MEMORY, GLOBAL = range(4)
END = b"\x0b"
NO_LOCALS = b"\x00"


def uleb(value: int) -> bytes:
    """An unsigned LEB128 number.

    >>> uleb(624485)
    b'\\xe5\\x8e&'
    """
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sleb(value: int) -> bytes:
    """A signed LEB128 number."""
    out = bytearray()
    while not -0x40 <= value < 0x40:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


def sized(data: bytes) -> bytes:
    return uleb(len(data)) + data


def name(text: str | bytes) -> bytes:
    return sized(text.encode() if isinstance(text, str) else text)


def vec(items: Iterable[bytes]) -> bytes:
    """A vector: the number of items, then the items."""
    listed = list(items)
    return uleb(len(listed)) + b"".join(listed)


def section(number: int, content: bytes) -> bytes:
    return bytes((number,)) + sized(content)


def func_type(params: bytes = b"", results: bytes = b"") -> bytes:
    return b"\x60" + sized(params) + sized(results)


def limits(minimum: int, maximum: int | None = None) -> bytes:
    return b"\0" + uleb(minimum) if maximum is None else b"\1" + uleb(minimum) + uleb(maximum)


def body(code: bytes, local_groups: Iterable[tuple[int, bytes]] = ()) -> bytes:
    """A function body: ``code`` without its final end, and runs of locals (count, type)."""
    return sized(vec(uleb(count) + kind for count, kind in local_groups) + code + END)


def i32_const(value: int) -> bytes:
    return b"\x41" + sleb(value)


@dataclass(slots=True)
class ModuleBuilder:
    """Sections as lists of ready entries; functions are (type index, body)."""

    types: list[bytes] = field(default_factory=list)
    imports: list[bytes] = field(default_factory=list)
    functions: list[tuple[int, bytes]] = field(default_factory=list)
    tables: list[bytes] = field(default_factory=list)
    memories: list[bytes] = field(default_factory=list)
    globals: list[bytes] = field(default_factory=list)
    exports: list[bytes] = field(default_factory=list)

    def type(self, params: bytes = b"", results: bytes = b"") -> int:
        """The index of a function type, added if it is new."""
        entry = func_type(params, results)
        if entry not in self.types:
            self.types.append(entry)
        return self.types.index(entry)

    def import_func(self, module: str | bytes, item: str | bytes, type_index: int) -> None:
        self.imports.append(name(module) + name(item) + bytes((FUNC,)) + uleb(type_index))

    def export(self, item: str | bytes, kind: int, index: int) -> None:
        self.exports.append(name(item) + bytes((kind,)) + uleb(index))

    def function(self, type_index: int, code: bytes, local_groups: Iterable[tuple[int, bytes]] = ()) -> int:
        """Add a function; returns its index among the module's own."""
        self.functions.append((type_index, body(code, local_groups)))
        return len(self.functions) - 1

    def build(self) -> bytes:
        sections = [
            (1, self.types),
            (2, self.imports),
            (3, [uleb(type_index) for type_index, _ in self.functions]),
            (4, self.tables),
            (5, self.memories),
            (6, self.globals),
            (7, self.exports),
            (10, [code for _, code in self.functions]),
        ]
        return HEADER + b"".join(section(number, vec(entries)) for number, entries in sections if entries)
