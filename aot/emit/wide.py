"""Wide arithmetic: 128-bit values as two i64, low half first (proposal: Wide Arithmetic)."""

from __future__ import annotations

from aot.emit.state import BodyState, bare


def add128(st: BodyState) -> None:
    """i64.add128: the carry is an unsigned comparison of the low sum."""
    low_a, high_a, low_b, high_b = st.pop_all(("l", "l", "l", "l"))
    addend = st.name("uint64_t", bare(low_b))
    low = st.name("uint64_t", f"{low_a} + {addend}")
    st.push("l", low)
    st.push_pure("l", f"(({high_a} + {high_b}) + ({low} < {addend}))")


def sub128(st: BodyState) -> None:
    """i64.sub128: the borrow is an unsigned comparison of the low operands."""
    low_a, high_a, low_b, high_b = st.pop_all(("l", "l", "l", "l"))
    minuend = st.name("uint64_t", bare(low_a))
    subtrahend = st.name("uint64_t", bare(low_b))
    st.push("l", st.name("uint64_t", f"{minuend} - {subtrahend}"))
    st.push_pure("l", f"(({high_a} - {high_b}) - ({minuend} < {subtrahend}))")


def _mul_wide(st: BodyState, helper: str) -> None:
    left, right = st.pop_all(("l", "l"))
    left = st.name("uint64_t", bare(left))
    right = st.name("uint64_t", bare(right))
    st.push_pure("l", f"({left} * {right})")
    st.push_pure("l", f"{helper}({left}, {right})")


def mul_wide_s(st: BodyState) -> None:
    """i64.mul_wide_s."""
    _mul_wide(st, "w2s_i64_mul_high_s")


def mul_wide_u(st: BodyState) -> None:
    """i64.mul_wide_u."""
    _mul_wide(st, "w2s_i64_mul_high_u")
