"""Memory instructions (spec: Memory Instructions)."""

from __future__ import annotations

from aot.emit import meter
from aot.emit.context import MemoryInfo, StackType
from aot.emit.immediates import read_u32, read_u64
from aot.emit.state import BodyState, bare
from aot.emit.vector import read_lane
from aot.errors import DecodeError, InvalidError
from aot.wasm.opcodes import Op


def memory_info(st: BodyState, index: int) -> MemoryInfo:
    """Memory ``index``. Raises InvalidError if there is none."""
    if index >= len(st.cx.memories):
        raise InvalidError(f"unknown memory {index}")
    return st.cx.memories[index]


def read_place(st: BodyState) -> tuple[int, int, MemoryInfo, int]:
    """Read a memarg: (log2 of the alignment, memory index, memory, offset)."""
    align, pos = read_u32(st.data, st.pos)
    index = 0
    if align >= 0x40:
        if align >= 0x80:
            raise DecodeError("malformed memop flags")
        align -= 0x40
        index, pos = read_u32(st.data, pos)
    read_offset = read_u64 if st.cx.options.features.memory64 else read_u32
    offset, st.pos = read_offset(st.data, pos)
    info = memory_info(st, index)
    if info.index == "i" and offset > 0xFFFFFFFF:
        raise InvalidError(f"offset out of range: {offset}")
    return align, index, info, offset


def read_memarg(st: BodyState, op: Op) -> tuple[int, MemoryInfo, int]:
    """Read the memarg of an instruction that is not atomic: (memory index, memory, offset)."""
    align, index, info, offset = read_place(st)
    if align > op.align:
        raise InvalidError("alignment must not be larger than natural")
    return index, info, offset


def _access(st: BodyState, op: Op, place: tuple[int, MemoryInfo, int], address: str) -> str:
    """The call of an access helper, guarded or checked, without further operands and the closing parenthesis."""
    index, info, offset = place
    assert op.c is not None
    st.memories.add(index)
    call = f"{op.c}(m{index}" if info.guarded else f"{op.c}_c(vm, {checked_ref(index, info)}"
    address = bare(address)
    if info.shared:
        st.atomics = True
        address = f"w2s_fresh_{info.index}({address})"
    return f"{call}, {address}, {offset_text(offset)}"


def checked_ref(index: int, info: MemoryInfo) -> str:
    """C text of a pointer to checked memory ``index``, for one access: a shared one has the size it has just now."""
    return f"w2s_now(m{index}, &s{index})" if info.shared else f"m{index}"


def _once(info: MemoryInfo, t: str, expr: str) -> str:
    """C text of a value read from memory, which other threads may change once it has been read."""
    return f"w2s_once_{t}({expr})" if info.shared else expr


def offset_text(offset: int) -> str:
    """C text of a static offset."""
    return f"{offset}u" if offset <= 0xFFFFFFFF else f"{offset}ull"


def load(st: BodyState, op: Op) -> None:
    """Any load: read now, whether or not the value is used."""
    place = read_memarg(st, op)
    address = st.pop(place[1].index)
    st.push_named(op.result, _once(place[1], op.result, f"{_access(st, op, place, address)})"))


def store(st: BodyState, op: Op) -> None:
    """Any store."""
    place = read_memarg(st, op)
    value = st.pop(op.params[1])
    address = st.pop(place[1].index)
    st.write(f"{_access(st, op, place, address)}, {bare(value)});")


def load_lane(st: BodyState, op: Op) -> None:
    """v128.load8_lane and its kin: one lane is read, the others are the operand's."""
    place = read_memarg(st, op)
    lane = read_lane(st, op)
    value = st.pop("v")
    address = st.pop(place[1].index)
    st.push_named("v", _once(place[1], "v", f"{_access(st, op, place, address)}, {bare(value)}, {lane})"))


def store_lane(st: BodyState, op: Op) -> None:
    """v128.store8_lane and its kin."""
    place = read_memarg(st, op)
    lane = read_lane(st, op)
    value = st.pop("v")
    address = st.pop(place[1].index)
    st.write(f"{_access(st, op, place, address)}, {bare(value)}, {lane});")


def _memory(st: BodyState) -> MemoryInfo:
    if not st.cx.options.features.multi_memory and st.data[st.pos]:
        raise DecodeError("zero byte expected: the feature multi_memory is switched off")
    index, st.pos = read_u32(st.data, st.pos)
    return memory_info(st, index)


def _sized(st: BodyState, index_type: str, expr: str) -> None:
    """Push a size or -1 as an index of a memory or table."""
    st.push_named(index_type, expr if index_type == "l" else f"(uint32_t){expr}")


def memory_size(st: BodyState) -> None:
    """memory.size."""
    info = _memory(st)
    st.atomics |= info.shared
    _sized(st, info.index, f"w2s_{'shared' if info.shared else 'memory'}_pages({info.ref})")


def memory_grow(st: BodyState) -> None:
    """memory.grow."""
    info = _memory(st)
    delta = st.pop(info.index)
    meter.bulk(st, delta)
    _sized(st, info.index, f"w2s_memory_grown(vm, {info.ref}, {bare(delta)})")


def memory_fill(st: BodyState) -> None:
    """memory.fill."""
    info = _memory(st)
    at, byte, n = st.pop_all((info.index, "i", info.index))
    meter.bulk(st, n)
    st.write(f"w2s_memory_fill(vm, {info.ref}, {at}, {byte}, {n});")


def memory_copy(st: BodyState) -> None:
    """memory.copy, between two memories or within one."""
    to = _memory(st)
    source = _memory(st)
    count: StackType = "l" if to.index == source.index == "l" else "i"
    to_at, from_at, n = st.pop_all((to.index, source.index, count))
    meter.bulk(st, n)
    st.write(f"w2s_memory_copy(vm, {to.ref}, {source.ref}, {to_at}, {from_at}, {n});")


def _check_data_segment(st: BodyState, index: int) -> None:
    if st.cx.module.data_count is None:
        raise DecodeError("data count section required")
    if index >= st.cx.module.data_count:
        raise InvalidError(f"unknown data segment {index}")


def memory_init(st: BodyState) -> None:
    """memory.init."""
    segment, st.pos = read_u32(st.data, st.pos)
    info = _memory(st)
    _check_data_segment(st, segment)
    to_at, from_at, n = st.pop_all((info.index, "i", "i"))
    meter.bulk(st, n)
    st.write(f"w2s_memory_init(vm, {info.ref}, {segment}u, {to_at}, {from_at}, {n});")


def data_drop(st: BodyState) -> None:
    """data.drop."""
    segment, st.pos = read_u32(st.data, st.pos)
    _check_data_segment(st, segment)
    st.write(f"w2s_data_drop(vm, {segment}u);")
