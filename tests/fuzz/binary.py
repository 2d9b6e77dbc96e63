"""The binary format as the rewriting of modules needs it: sections, value types, and where instructions begin and end.

Nothing of the compiler's own decoding of code is used here: it is what the tests judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from aot.wasm.types import NumType, ValType
from tests.wasm_builder import HEADER, section, sleb, uleb

TYPE, IMPORT, FUNCTION, GLOBAL, EXPORT, CODE = 1, 2, 3, 6, 7, 10
_ORDER = (1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11)
CUSTOM = 0


def read_uleb(data: bytes, pos: int) -> tuple[int, int]:
    """The number at ``pos`` and the position behind it."""
    value = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, pos


def split(data: bytes) -> dict[int, bytes]:
    """Section number -> contents, custom sections left out."""
    found: dict[int, bytes] = {}
    pos = len(HEADER)
    while pos < len(data):
        number = data[pos]
        size, pos = read_uleb(data, pos + 1)
        if number != CUSTOM:
            found[number] = data[pos : pos + size]
        pos += size
    return found


def join(sections: dict[int, bytes]) -> bytes:
    return HEADER + b"".join(section(number, sections[number]) for number in _ORDER if number in sections)


def extend(sections: dict[int, bytes], number: int, entries: list[bytes]) -> None:
    """Add entries at the end of a section that is a vector."""
    if not entries:
        return
    old = sections.get(number, b"\0")
    count, start = read_uleb(old, 0)
    sections[number] = uleb(count + len(entries)) + old[start:] + b"".join(entries)


def val_type(t: ValType) -> bytes:
    """A value type's bytes."""
    if isinstance(t, NumType):
        return bytes((t.code,))
    if t.nullable and t.heap < 0:
        return bytes((t.heap & 0x7F,))
    return (b"\x63" if t.nullable else b"\x64") + sleb(t.heap)


def bodies(sections: dict[int, bytes]) -> Iterator[bytes]:
    """Function bodies, without their size in front."""
    data = sections.get(CODE, b"\0")
    count, pos = read_uleb(data, 0)
    for _ in range(count):
        size, pos = read_uleb(data, pos)
        yield data[pos : pos + size]
        pos += size


def skip_locals(body: bytes) -> tuple[list[bytes], int]:
    """The groups of locals that a body declares, and the position of its first instruction."""
    count, pos = read_uleb(body, 0)
    groups = []
    for _ in range(count):
        start = pos
        _, pos = read_uleb(body, pos)
        pos = _skip_type(body, pos)
        groups.append(body[start:pos])
    return groups, pos


def n_locals(groups: list[bytes]) -> int:
    return sum(read_uleb(group, 0)[0] for group in groups)


def instructions(body: bytes, pos: int) -> Iterator[tuple[int, int, int]]:
    """(opcode, start, end) of each instruction; prefixed opcodes as ``prefix << 16 | number``."""
    while pos < len(body):
        start = pos
        op = body[pos]
        pos += 1
        if op in (0xFC, 0xFD, 0xFE):
            number, pos = read_uleb(body, pos)
            op = op << 16 | number
        pos = _skip_immediates(body, pos, op)
        yield op, start, pos


def code_of(body: bytes) -> Iterator[tuple[int, int, int]]:
    """The `instructions` of a whole body."""
    return instructions(body, skip_locals(body)[1])


_INDICES = {
    1: (0x07, 0x08, 0x09, 0x0C, 0x0D, 0x10, 0x12, 0x14, 0x15, 0x18, *range(0x20, 0x27), *range(0x3F, 0x43), 0xD0, 0xD2,
        0xD5, 0xD6, 0xFC0009, 0xFC000B, 0xFC000D, 0xFC000F, 0xFC0010, 0xFC0011),
    2: (0x11, 0x13, 0xFC0008, 0xFC000A, 0xFC000C, 0xFC000E),
}  # fmt: skip
_N_INDICES = {op: n for n, ops in _INDICES.items() for op in ops}
"""Opcode -> how many LEB128 numbers follow."""
_BYTES = {0x43: 4, 0x44: 8, 0xFD000C: 16, 0xFD000D: 16, 0xFE0003: 1} | {op: 1 for op in range(0xFD0015, 0xFD0023)}
_LANES = range(0xFD0054, 0xFD005C)


def _is_memory(op: int) -> bool:
    vector = op in range(0xFD0000, 0xFD000C) or op in _LANES or op in (0xFD005C, 0xFD005D)
    return op in range(0x28, 0x3F) or vector or (op >> 16 == 0xFE and op != 0xFE0003)


def _skip_leb(data: bytes, pos: int) -> int:
    while data[pos] >= 0x80:
        pos += 1
    return pos + 1


def _skip_type(data: bytes, pos: int) -> int:
    """Behind a value type or block type."""
    return _skip_leb(data, pos + 1 if data[pos] in (0x63, 0x64) else pos)


def _skip_immediates(data: bytes, pos: int, op: int) -> int:
    for _ in range(_N_INDICES.get(op, 0)):
        pos = _skip_leb(data, pos)
    pos += _BYTES.get(op, 0)
    if op in (0x02, 0x03, 0x04, 0x06, 0x1F):
        pos = _skip_type(data, pos)
    if op == 0x1F:
        count, pos = read_uleb(data, pos)
        for _ in range(count):
            pos = _skip_leb(data, pos + 1 if data[pos] >= 2 else _skip_leb(data, pos + 1))
    elif op == 0x0E:
        count, pos = read_uleb(data, pos)
        for _ in range(count + 1):
            pos = _skip_leb(data, pos)
    elif op == 0x1C:
        count, pos = read_uleb(data, pos)
        for _ in range(count):
            pos = _skip_type(data, pos)
    elif _is_memory(op):
        flags, pos = read_uleb(data, pos)
        pos = _skip_leb(data, _skip_leb(data, pos) if flags & 0x40 else pos)
        pos += op in _LANES
    return pos
