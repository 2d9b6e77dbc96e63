"""A cursor over a module's bytes: LEB128 numbers, vectors' counts and names (spec: Binary Format, Values).

Every position is a byte offset from the start of the module. A reader never goes beyond its ``end``; whatever it
refuses is a `DecodeError` (or a `LimitError`) that carries the offset.
"""

from __future__ import annotations

from typing import NoReturn

from aot.errors import DecodeError, LimitError, Site
from aot.wasm.limits import MAX_NAME_BYTES

UNEXPECTED_END = "unexpected end of section or function"
TOO_LONG = "integer representation too long"
TOO_LARGE = "integer too large"


class Reader:
    """Reads ``data[pos:end]``. ``pos`` may be moved freely inside ``[0, end]``.

    ``wide_limits``: limits are 64-bit integers even where a memory or table is 32-bit, as the feature memory64 has it.

    Reading methods leave ``pos`` after what they read; after an error ``pos`` has no meaning.

    >>> r = Reader(bytes([0xE5, 0x8E, 0x26, 0x7F]))
    >>> r.u32(), r.s32(), r.pos
    (624485, -1, 4)
    """

    __slots__ = ("data", "end", "pos", "wide_limits")

    def __init__(self, data: bytes, pos: int = 0, end: int | None = None, *, wide_limits: bool = True) -> None:
        self.data = data
        self.wide_limits = wide_limits
        self.pos = pos
        self.end = len(data) if end is None else end

    def fail(self, message: str, offset: int | None = None) -> NoReturn:
        """Raise DecodeError at ``offset`` (default: the present position)."""
        raise DecodeError(message, Site(self.pos if offset is None else offset))

    def byte(self) -> int:
        pos = self.pos
        if pos >= self.end:
            self.fail(UNEXPECTED_END)
        self.pos = pos + 1
        return self.data[pos]

    def peek(self) -> int:
        """The next byte, which stays unread."""
        if self.pos >= self.end:
            self.fail(UNEXPECTED_END)
        return self.data[self.pos]

    def take(self, n: int) -> bytes:
        """The next ``n`` bytes."""
        start = self.pos
        if n > self.end - start:
            self.fail(UNEXPECTED_END)
        self.pos = start + n
        return self.data[start : start + n]

    def u32(self) -> int:
        pos = self.pos
        if pos < self.end:
            b = self.data[pos]
            if b < 0x80:
                self.pos = pos + 1
                return b
        return self._unsigned(32)

    def u64(self) -> int:
        return self._unsigned(64)

    def s32(self) -> int:
        return self._signed(32)

    def s33(self) -> int:
        """A block type's or heap type's number: an index if it is not negative."""
        return self._signed(33)

    def s64(self) -> int:
        return self._signed(64)

    def _unsigned(self, bits: int) -> int:
        """uN: at most ceil(N/7) bytes, and the last one's unused bits are zero."""
        data, pos, end = self.data, self.pos, self.end
        value = shift = 0
        while True:
            if pos >= end:
                self.fail(UNEXPECTED_END, pos)
            b = data[pos]
            room = bits - shift
            if room < 7 and (b & 0x7F) >> room:
                self.fail(TOO_LARGE, pos)
            pos += 1
            value |= (b & 0x7F) << shift
            if b < 0x80:
                self.pos = pos
                return value
            shift += 7
            if shift >= bits:
                self.fail(TOO_LONG, pos)

    def _signed(self, bits: int) -> int:
        """sN: at most ceil(N/7) bytes, and the last one's unused bits repeat the sign."""
        data, pos, end = self.data, self.pos, self.end
        value = shift = 0
        while True:
            if pos >= end:
                self.fail(UNEXPECTED_END, pos)
            b = data[pos]
            room = bits - shift
            if room < 7:
                sign_bits = (-1 << (room - 1)) & 0x7F
                if b & sign_bits not in (0, sign_bits):
                    self.fail(TOO_LARGE, pos)
            pos += 1
            value |= (b & 0x7F) << shift
            shift += 7
            if b < 0x80:
                self.pos = pos
                return value - (1 << shift) if b & 0x40 else value
            if shift >= bits:
                self.fail(TOO_LONG, pos)

    def count(self, limit: int, what: str) -> int:
        """A vector's length: no more than the bytes that are left (every element takes one) and than ``limit``.

        Raises LimitError saying "too many ``what``".
        """
        start = self.pos
        n = self.u32()
        if n > self.end - self.pos:
            self.fail(UNEXPECTED_END, start)
        if n > limit:
            raise LimitError(f"too many {what}: {n}, the limit is {limit}", Site(start))
        return n

    def u32s(self, limit: int, what: str) -> list[int]:
        """A vector of u32."""
        n = self.count(limit, what)
        data, pos, end = self.data, self.pos, self.end
        # FAST: most vectors are function or type indices below 128, one byte each, which is also what ASCII is
        chunk = data[pos : pos + n]
        if chunk.isascii():
            self.pos = pos + n
            return list(chunk)
        values: list[int] = []
        append = values.append
        for _ in range(n):
            if pos + 2 > end:
                self.pos = pos
                append(self.u32())
                pos = self.pos
                continue
            b = data[pos]
            if b < 0x80:
                append(b)
                pos += 1
                continue
            c = data[pos + 1]
            if c < 0x80:
                append(b & 0x7F | c << 7)
                pos += 2
                continue
            self.pos = pos
            append(self._unsigned(32))
            pos = self.pos
        self.pos = pos
        return values

    def name(self) -> str:
        """A name: a vector of bytes that is strict UTF-8 (no surrogates, no overlong forms)."""
        n = self.u32()
        start = self.pos
        stop = start + n
        if stop > self.end:
            self.fail("length out of bounds", start)
        if n > MAX_NAME_BYTES:
            raise LimitError(f"name too long: {n} bytes, the limit is {MAX_NAME_BYTES}", Site(start))
        try:
            text = self.data[start:stop].decode()
        except UnicodeDecodeError as err:
            self.fail("malformed UTF-8 encoding", start + err.start)
        self.pos = stop
        return text
