"""Constants (spec: Numeric Instructions, t.const)."""

from __future__ import annotations

from aot.emit.immediates import read_signed
from aot.emit.literal import f32_text, f64_text, i32_text, i64_text
from aot.emit.state import BodyState


def i32_const(st: BodyState) -> None:
    """i32.const."""
    value, st.pos = read_signed(st.data, st.pos, 32)
    st.push("i", i32_text(value))


def i64_const(st: BodyState) -> None:
    """i64.const."""
    value, st.pos = read_signed(st.data, st.pos, 64)
    st.push("l", i64_text(value))


def _bits(st: BodyState, n_bytes: int) -> int:
    raw = st.data[st.pos : st.pos + n_bytes]
    if len(raw) < n_bytes:
        raise IndexError
    st.pos += n_bytes
    return int.from_bytes(raw, "little")


def f32_const(st: BodyState) -> None:
    """f32.const."""
    st.push("f", f32_text(_bits(st, 4)))


def f64_const(st: BodyState) -> None:
    """f64.const."""
    st.push("d", f64_text(_bits(st, 8)))
