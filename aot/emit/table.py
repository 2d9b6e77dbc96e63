"""Table and reference instructions (spec: Table and Reference Instructions)."""

from __future__ import annotations

from aot.emit import meter
from aot.emit.context import BOTTOM, StackType, TableInfo, type_name
from aot.emit.immediates import read_heap_type, read_u32
from aot.emit.state import BodyState, bare
from aot.errors import InvalidError
from aot.wasm.types import FUNCREF, RefType


def table_info(st: BodyState, index: int) -> TableInfo:
    """Table ``index``. Raises InvalidError if there is none."""
    if index >= len(st.cx.tables):
        raise InvalidError(f"unknown table {index}")
    return st.cx.tables[index]


def _table(st: BodyState) -> TableInfo:
    index, st.pos = read_u32(st.data, st.pos)
    return table_info(st, index)


def _element(info: TableInfo, expr: str) -> str:
    """A reference as a table element."""
    return f"w2s_from_{'func' if info.is_func else 'ref'}({expr})"


def table_get(st: BodyState) -> None:
    """table.get."""
    info = _table(st)
    index = st.pop(info.index)
    st.push_named(info.elem, f"w2s_table_get_{'func' if info.is_func else 'ref'}(vm, {info.ref}, {index})")


def table_set(st: BodyState) -> None:
    """table.set."""
    info = _table(st)
    index, value = st.pop_all((info.index, info.elem))
    st.write(f"w2s_table_put(vm, {info.ref}, {index}, {_element(info, value)});")


def table_size(st: BodyState) -> None:
    """table.size."""
    info = _table(st)
    st.push_named(info.index, f"({st.cx.ctype(info.index)})({info.ref})->n_elems")


def table_grow(st: BodyState) -> None:
    """table.grow."""
    info = _table(st)
    init, delta = st.pop_all((info.elem, info.index))
    meter.bulk(st, delta)
    st.push_named(
        info.index,
        f"({st.cx.ctype(info.index)})w2s_table_grown(vm, {info.ref}, {_element(info, init)}, {delta})",
    )


def table_fill(st: BodyState) -> None:
    """table.fill."""
    info = _table(st)
    at, value, n = st.pop_all((info.index, info.elem, info.index))
    meter.bulk(st, n)
    st.write(f"w2s_table_fill(vm, {info.ref}, {at}, {_element(info, value)}, {n});")


def table_copy(st: BodyState) -> None:
    """table.copy, between two tables or within one."""
    to = _table(st)
    source = _table(st)
    if not st.matches(source.elem, to.elem):
        raise InvalidError(f"type mismatch: a table of {source.elem} cannot be copied to one of {to.elem}")
    count: StackType = "l" if to.index == source.index == "l" else "i"
    to_at, from_at, n = st.pop_all((to.index, source.index, count))
    meter.bulk(st, n)
    st.write(f"w2s_table_copy(vm, {to.ref}, {source.ref}, {to_at}, {from_at}, {n});")


def _check_segment(st: BodyState, index: int) -> None:
    if index >= len(st.cx.module.elems):
        raise InvalidError(f"unknown elem segment {index}")


def table_init(st: BodyState) -> None:
    """table.init."""
    segment, st.pos = read_u32(st.data, st.pos)
    info = _table(st)
    _check_segment(st, segment)
    elem = st.cx.module.elems[segment].type
    if not st.matches(elem, info.elem):
        raise InvalidError(f"type mismatch: a segment of {elem} cannot initialise a table of {info.elem}")
    to_at, from_at, n = st.pop_all((info.index, "i", "i"))
    meter.bulk(st, n)
    st.write(f"w2s_table_init(vm, {info.ref}, {segment}u, {to_at}, {from_at}, {n});")


def elem_drop(st: BodyState) -> None:
    """elem.drop."""
    segment, st.pos = read_u32(st.data, st.pos)
    _check_segment(st, segment)
    st.write(f"w2s_elem_drop(vm, {segment}u);")


def ref_null(st: BodyState) -> None:
    """ref.null."""
    heap, st.pos = read_heap_type(st.data, st.pos, len(st.cx.module.types))
    t = RefType(True, heap)
    ctype = st.cx.ctype(t)
    st.push(t, f"(({ctype})0)" if ctype[-1] == "*" else "0u")


def ref_is_null(st: BodyState) -> None:
    """ref.is_null, on any reference."""
    _, expr = pop_ref(st)
    st.push_pure("i", f"(uint32_t)({expr} == 0)")


def pop_ref(st: BodyState) -> tuple[RefType | None, str]:
    """Pop any reference; its type is None if unreachable code made it up. Raises InvalidError."""
    t, expr = st.pop_any()
    if isinstance(t, RefType):
        return t, expr
    if t != BOTTOM:
        raise InvalidError(f"type mismatch: expected a reference but got {type_name(t)}")
    return None, expr


def non_null(t: RefType | None) -> StackType:
    """The type of a reference that has been found not to be null."""
    return BOTTOM if t is None else RefType(False, t.heap)


def ref_as_non_null(st: BodyState) -> None:
    """ref.as_non_null: null traps."""
    t, expr = pop_ref(st)
    if t is None:
        st.push(BOTTOM, expr)
        return
    helper = "w2s_non_null_func" if st.cx.ctype(t)[-1] == "*" else "w2s_non_null_ref"
    st.push_named(non_null(t), f"{helper}(vm, {bare(expr)})")


def ref_func(st: BodyState) -> None:
    """ref.func: the address of the function's slot in the context."""
    func, st.pos = read_u32(st.data, st.pos)
    module = st.cx.module
    if func >= len(module.func_types):
        raise InvalidError(f"unknown function {func}")
    if func not in module.declared_refs:
        raise InvalidError("undeclared function reference")
    t = RefType(False, module.func_types[func])
    st.push_pure(t if FUNCREF.heap != t.heap else FUNCREF, f"(&vm->refs[{st.cx.ref_slots[func]}])")
