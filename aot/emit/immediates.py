"""Immediates of instructions inside a function body (spec: Binary Format, Values, Types, Instructions).

All read from the body's own bytes, so running over the body's end is an IndexError, which the loop reports.
"""

from __future__ import annotations

from aot.emit.context import StackType
from aot.errors import DecodeError, UnsupportedError
from aot.wasm.features import Features
from aot.wasm.types import NUM_TYPES, HeapKind, RefType

_ABSTRACT_HEAPS = frozenset(int(kind) for kind in HeapKind)


def read_u32(data: bytes, pos: int) -> tuple[int, int]:
    """An unsigned 32-bit LEB128: (value, position behind it)."""
    byte = data[pos]
    if byte < 0x80:
        return byte, pos + 1
    result = byte & 0x7F
    shift = 7
    while True:
        pos += 1
        byte = data[pos]
        if shift == 28:
            if byte & 0x80:
                raise DecodeError("integer representation too long")
            if byte > 0x0F:
                raise DecodeError("integer too large")
            return result | byte << 28, pos + 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, pos + 1
        shift += 7


def read_u64(data: bytes, pos: int) -> tuple[int, int]:
    """An unsigned 64-bit LEB128: (value, position behind it)."""
    result = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        if shift == 63:
            if byte & 0x80:
                raise DecodeError("integer representation too long")
            if byte > 1:
                raise DecodeError("integer too large")
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, pos
        shift += 7


def read_signed(data: bytes, pos: int, bits: int) -> tuple[int, int]:
    """A signed LEB128 of ``bits`` bits: (value, position behind it)."""
    result = shift = 0
    while True:
        byte = data[pos]
        pos += 1
        if shift + 7 >= bits:
            used = bits - shift
            if byte & 0x80:
                raise DecodeError("integer representation too long")
            top = byte >> (used - 1)
            if top not in (0, (0x7F >> (used - 1))):
                raise DecodeError("integer too large")
        result |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (result - (1 << shift) if byte & 0x40 else result), pos


def read_heap_type(data: bytes, pos: int, n_types: int) -> tuple[int, int]:
    """A heap type: an abstract one (negative) or the index of a type."""
    value, pos = read_signed(data, pos, 33)
    if value < 0:
        if value not in _ABSTRACT_HEAPS:
            raise DecodeError("malformed heap type")
    elif value >= n_types:
        raise DecodeError(f"unknown type {value}")
    return value, pos


def admit(t: StackType, features: Features) -> StackType:
    """The type itself. Raises UnsupportedError if it belongs to a feature that is off."""
    if t == "v" and not features.simd:
        raise UnsupportedError("the feature simd is switched off: v128")
    if isinstance(t, RefType) and t.heap in (HeapKind.EXN, HeapKind.NOEXN) and not features.exceptions:
        raise UnsupportedError(f"the feature exceptions is switched off: {t}")
    return t


def read_val_type(data: bytes, pos: int, n_types: int) -> tuple[StackType, int]:
    """A value type."""
    byte = data[pos]
    num = NUM_TYPES.get(byte)
    if num is not None:
        return num.char, pos + 1
    if byte in (0x63, 0x64):
        heap, pos = read_heap_type(data, pos + 1, n_types)
        return RefType(byte == 0x63, heap), pos
    if byte - 0x80 in _ABSTRACT_HEAPS:
        return RefType(True, byte - 0x80), pos + 1
    raise DecodeError("malformed value type")
