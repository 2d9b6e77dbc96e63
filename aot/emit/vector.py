"""Vector instructions that take an immediate other than a memory argument (spec: Vector Instructions)."""

from __future__ import annotations

from aot.emit.literal import v128_text
from aot.emit.state import BodyState, bare
from aot.errors import InvalidError
from aot.wasm.op import Op


def read_lane(st: BodyState, op: Op) -> int:
    """Read a lane index and check it against the number of lanes. Raises InvalidError."""
    lane = st.data[st.pos]
    st.pos += 1
    if lane >= 16 >> op.align:
        raise InvalidError(f"invalid lane index {lane}: {op.name} has {16 >> op.align} lanes")
    return lane


def lane_op(st: BodyState, op: Op) -> None:
    """extract_lane, replace_lane."""
    lane = read_lane(st, op)
    args = [bare(arg) for arg in st.pop_all(tuple(op.params))]
    st.push_pure(op.result, f"{op.c}({', '.join(args)}, {lane})")


def v128_const(st: BodyState) -> None:
    """v128.const: sixteen bytes."""
    end = st.pos + 16
    if end > len(st.data):
        raise IndexError
    st.push("v", v128_text(int.from_bytes(st.data[st.pos : end], "little")))
    st.pos = end


def shuffle(st: BodyState) -> None:
    """i8x16.shuffle; as a shuffle of the widest lanes that it moves whole, for which machines have instructions."""
    end = st.pos + 16
    if end > len(st.data):
        raise IndexError
    lanes = list(st.data[st.pos : end])
    st.pos = end
    if max(lanes) >= 32:
        raise InvalidError(f"invalid lane index {max(lanes)}: i8x16.shuffle chooses from 32 lanes")
    first, second = st.pop_all(("v", "v"))
    width = 8
    while width < 64 and (halved := _paired(lanes)):
        lanes, width = halved, 2 * width
    st.push_pure("v", f"W2S_SHUFFLE{width}({bare(first)}, {bare(second)}, {', '.join(map(str, lanes))})")


def _paired(lanes: list[int]) -> list[int]:
    """The same shuffle in lanes twice as wide, empty if it tears some apart."""
    pairs = list(zip(lanes[::2], lanes[1::2], strict=True))
    if all(low % 2 == 0 and high == low + 1 for low, high in pairs):
        return [low // 2 for low, _ in pairs]
    return []
