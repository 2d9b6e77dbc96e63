"""LEB128, names and vectors' counts at their edges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aot.errors import DecodeError, LimitError
from aot.wasm.limits import MAX_NAME_BYTES
from aot.wasm.reader import Reader
from tests.wasm_builder import sized, sleb, uleb, vec

TOO_LONG = "integer representation too long"
TOO_LARGE = "integer too large"
END = "unexpected end"


def error(read: Callable[[Reader], object], data: bytes) -> tuple[str, int]:
    """Message and offset of the error that reading ``data`` ends in."""
    with pytest.raises(DecodeError) as info:
        read(Reader(data))
    assert info.value.site is not None
    return info.value.message, info.value.site.offset


@pytest.mark.parametrize(
    ("read", "bits", "signed"),
    [
        (Reader.u32, 32, False),
        (Reader.u64, 64, False),
        (Reader.s32, 32, True),
        (Reader.s33, 33, True),
        (Reader.s64, 64, True),
    ],
)
def test_numbers_at_the_edges_of_every_length(read: Callable[[Reader], int], bits: int, signed: bool) -> None:
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    edges = {sign * (1 << k) + d for k in range(bits + 2) for d in (-1, 0, 1) for sign in (1, -1)} | {0}
    most = -(-bits // 7)
    for value in sorted(edges):
        if not signed and value < 0:
            continue
        data = sleb(value) if signed else uleb(value)
        if low <= value <= high:
            r = Reader(data + b"\xff", 0)
            assert read(r) == value
            assert r.pos == len(data)
            # padding to the full length is allowed, one byte more is not
            fill = b"\xff" if value < 0 else b"\x80"
            pad = data[:-1] + bytes([data[-1] | 0x80]) + fill * (most - len(data) - 1)
            last = bytes([0x7F if value < 0 else 0])
            if len(data) < most:
                assert read(Reader(pad + last)) == value
                assert error(read, pad + fill + last) == (TOO_LONG, most)
        elif len(data) == most:
            assert error(read, data) == (TOO_LARGE, most - 1)
        else:
            assert error(read, data)[0] in (TOO_LARGE, TOO_LONG)


def test_numbers_stop_at_the_readers_end() -> None:
    data = b"\x80\x80\x80\x80\x01"
    for read in (Reader.u32, Reader.u64, Reader.s32, Reader.s33, Reader.s64):
        for end in range(5):
            with pytest.raises(DecodeError, match=END):
                read(Reader(data, 0, end))


def test_take_byte_peek() -> None:
    r = Reader(b"abcd", 1, 3)
    assert (r.peek(), r.byte(), r.take(1), r.pos) == (ord("b"), ord("b"), b"c", 3)
    for read in (Reader.byte, Reader.peek, lambda r: r.take(1)):
        with pytest.raises(DecodeError, match=END):
            read(r)


def test_names_are_strict_utf8() -> None:
    for text in ("", "a", "\0", "\ufffe", "\ud7ff\ue000", "\U0010ffff"):
        assert Reader(sized(text.encode())).name() == text
    overlong, surrogate, beyond, cut = b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xe2\x82"
    for bad, at in ((overlong, 1), (surrogate, 1), (beyond, 1), (cut, 2), (b"\xfe", 1)):
        assert error(Reader.name, sized(bad)) == ("malformed UTF-8 encoding", at)
    assert error(Reader.name, b"\x03ab") == ("length out of bounds", 1)


def test_limits_come_before_contents() -> None:
    with pytest.raises(LimitError, match="name too long"):
        Reader(sized(b"\xff" * (MAX_NAME_BYTES + 1))).name()
    with pytest.raises(LimitError, match="too many things: 3, the limit is 2"):
        Reader(b"\x03\0\0\0").count(2, "things")
    assert error(lambda r: r.count(1 << 32, "things"), b"\xff\xff\xff\xff\x0f\0")[0].startswith(END)


@pytest.mark.parametrize("values", [[], [0, 127] * 50, [0, 128, 16383, 16384, 2**32 - 1, 5], [300, 1], [1, 300]])
def test_u32s(values: list[int]) -> None:
    data = vec([uleb(v) for v in values])
    r = Reader(data + b"\x80", 0, len(data))
    assert (r.u32s(1000, "indices"), r.pos) == (values, len(data))
    for end in range(len(data)):
        with pytest.raises(DecodeError, match=END):
            Reader(data, 0, end).u32s(1000, "indices")


def test_u32s_check_every_number() -> None:
    assert error(lambda r: r.u32s(9, "indices"), b"\x01\x80\x80\x80\x80\x80\x00") == (TOO_LONG, 6)
    assert error(lambda r: r.u32s(9, "indices"), b"\x02\x00\xff\xff\xff\xff\x1f") == (TOO_LARGE, 6)
