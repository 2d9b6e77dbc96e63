"""How C spells wasm constants."""

from __future__ import annotations

import struct

from aot.wasm.module import ConstExpr


def i32_text(bits: int) -> str:
    """C text of an i32 given by its bits (or as a signed number)."""
    return f"{bits & 0xFFFFFFFF}u"


def i64_text(bits: int) -> str:
    """C text of an i64 given by its bits (or as a signed number)."""
    return f"{bits & 0xFFFFFFFFFFFFFFFF}ull"


def f32_text(bits: int) -> str:
    """C text of an f32. Zeros, ones, infinities and NaNs go through `w2s_f32_bits`, which hides them from folding."""
    if bits & 0x7FFFFFFF in (0, 0x3F800000) or bits & 0x7F800000 == 0x7F800000:
        return f"w2s_f32_bits(0x{bits:08x}u)"
    text = repr(struct.unpack("<f", bits.to_bytes(4, "little"))[0])
    return f"({text}f)" if text[0] == "-" else text + "f"


def f64_text(bits: int) -> str:
    """C text of an f64; see `f32_text`."""
    if bits & 0x7FFFFFFFFFFFFFFF in (0, 0x3FF0000000000000) or bits & 0x7FF0000000000000 == 0x7FF0000000000000:
        return f"w2s_f64_bits(0x{bits:016x}ull)"
    text = repr(struct.unpack("<d", bits.to_bytes(8, "little"))[0])
    return f"({text})" if text[0] == "-" else text


def v128_text(bits: int) -> str:
    """C text of a v128 given by its bits, lane 0 lowest."""
    return f"w2s_v128_const(0x{bits & 0xFFFFFFFFFFFFFFFF:x}ull, 0x{bits >> 64:x}ull)"


_TEXT_BY_CODE = {0x41: i32_text, 0x42: i64_text, 0x43: f32_text, 0x44: f64_text, 0xFD000C: v128_text}


def literal_text(init: ConstExpr) -> str | None:
    """C text of an initialiser that is a single numeric constant; None for any other."""
    if len(init.instrs) != 1:
        return None
    render = _TEXT_BY_CODE.get(init.instrs[0].op)
    return render(init.instrs[0].value) if render else None
