"""Locals, globals and the parametric instructions (spec: Variable and Parametric Instructions)."""

from __future__ import annotations

from aot.emit.context import BOTTOM, GlobalInfo, StackType, type_name
from aot.emit.immediates import admit, read_u32, read_val_type
from aot.emit.state import BodyState, bare
from aot.errors import InvalidError
from aot.wasm.types import RefType


def needs_setting(t: StackType) -> bool:
    """Must a local of this type be set before it is read (it has no default value)?"""
    return isinstance(t, RefType) and not t.nullable


def local_get(st: BodyState) -> None:
    """local.get: stays pending, as the local's name."""
    index, st.pos = read_u32(st.data, st.pos)
    st.local(index)
    if needs_setting(st.local_types[index]) and index >= st.n_params and index not in st.set_locals:
        raise InvalidError(f"uninitialized local {index}")
    st.push_local(index)


def _assign(st: BodyState) -> int:
    index, st.pos = read_u32(st.data, st.pos)
    name = st.local(index)
    t = st.local_types[index]
    value = st.pop(t)
    st.settle(name)
    if value != name and not st.redirect(value, name):
        st.write(f"{name} = {bare(value)};")
    if needs_setting(t) and index not in st.set_locals:
        st.set_locals.append(index)
    return index


def local_set(st: BodyState) -> None:
    """local.set: settle pending readers of the old value, then assign (Step/local.set)."""
    _assign(st)


def local_tee(st: BodyState) -> None:
    """local.tee: as local.set; the value stays, as a read of the local."""
    st.push_local(_assign(st))


def _global(st: BodyState) -> GlobalInfo:
    index, st.pos = read_u32(st.data, st.pos)
    if index >= len(st.cx.globals):
        raise InvalidError(f"unknown global {index}")
    return st.cx.globals[index]


def global_get(st: BodyState) -> None:
    """global.get: immutable ones stay pending, mutable ones are read now."""
    info = _global(st)
    if info.constant:
        st.push_pure(info.type, info.text)
    else:
        st.push_named(info.type, info.text)


def global_set(st: BodyState) -> None:
    """global.set."""
    info = _global(st)
    if not info.mutable:
        raise InvalidError("immutable global")
    st.write(f"{info.text} = {bare(st.pop(info.type))};")


def drop(st: BodyState) -> None:
    """drop: loads and other effects are written out already, so there is nothing to write."""
    st.pop_any()


def _select(st: BodyState, t: StackType | None) -> None:
    test = st.pop("i")
    if t is None:
        t2, second = st.pop_any()
        t1, first = st.pop_any()
        if isinstance(t1, RefType) or isinstance(t2, RefType):
            raise InvalidError("type mismatch: select without a type works on numbers only")
        if BOTTOM not in (t1, t2) and t1 != t2:
            raise InvalidError(f"type mismatch: select between {type_name(t1)} and {type_name(t2)}")
        t = t2 if t1 == BOTTOM else t1
    else:
        second = st.pop(t)
        first = st.pop(t)
    st.push_pure(t, f"({test} ? {first} : {second})")


def select(st: BodyState) -> None:
    """select: both operands are pure, so a conditional expression serves."""
    _select(st, None)


def select_t(st: BodyState) -> None:
    """select with a type."""
    n, st.pos = read_u32(st.data, st.pos)
    if n != 1:
        raise InvalidError("invalid result arity")
    t, st.pos = read_val_type(st.data, st.pos, len(st.cx.module.types))
    _select(st, admit(t, st.cx.options.features))
