"""Exceptions (spec: Control Instructions, throw, throw_ref, try_table; and the older try, catch, delegate, rethrow).

A thrown exception is pending in the store. What may leave one is followed by a test that goes to the handlers of the
innermost try of the function, or returns to the caller, which tests too. So a try costs nothing by itself. Only
catching modules test (see `aot.wasm.scan`); out of the code of others an exception unwinds the stack.

Handlers stand behind the function's code: they compare tags one after the other, take the values and branch. An
exception whose handler may throw it again gets a handle that belongs to the C frame (see `runtime_c/src/exception.c`).
"""

from __future__ import annotations

from collections.abc import Callable

from aot.emit import meter
from aot.emit.context import StackType
from aot.emit.control import block_type, branch_text, end, enter, leave_part, push_all
from aot.emit.immediates import read_u32
from aot.emit.names import local
from aot.emit.state import BodyState, Clause, Frame, Handlers, bare
from aot.errors import DecodeError, InvalidError, UnsupportedError
from aot.wasm.scan import is_exn_ref
from aot.wasm.types import HeapKind, RefType

_EXN = RefType(False, HeapKind.EXN)
_EXNREF = RefType(True, HeapKind.EXN)

_MAX_STACK = 64
_MAX_CATCHES = 16
_MAX_HANDLES = 32
"""How much is looked at to find the handles that a function holds: bounds the C that a handler takes."""


def _require(st: BodyState, *, legacy: bool = False) -> None:
    """Raises UnsupportedError if the feature is off."""
    features = st.cx.options.features
    if not features.exceptions:
        raise UnsupportedError("the feature exceptions is switched off")
    if legacy and not features.legacy_exceptions:
        raise UnsupportedError("the feature legacy_exceptions is switched off")
    st.exceptions = True


def _tag(st: BodyState) -> int:
    tag, st.pos = read_u32(st.data, st.pos)
    if tag >= len(st.cx.module.tags):
        raise InvalidError(f"unknown tag {tag}")
    return tag


def _values(st: BodyState, tag: int) -> tuple[StackType, ...]:
    return st.cx.signature(st.cx.module.tags[tag].type).params


def _tag_text(st: BodyState, tag: int) -> str:
    """C text of a tag's address."""
    return f"vm->tag{tag}" if tag < st.cx.n_imported_tags else f"&vm->tag{tag}"


# -- throwing ------------------------------------------------------------------------------------------------------


def _label(st: BodyState, handlers: Handlers | None) -> str:
    """The C label of what gets an exception; None stands for the function's caller."""
    if handlers is None:
        if st.live:
            st.throws = True
        return "X"
    if st.live:
        handlers.used = True
    return f"H{handlers.label}"


def test_text(st: BodyState) -> str:
    """C that goes to the handlers, or leaves the function, if a call has left an exception."""
    return f"if (W2S_UNLIKELY(vm->head.store->pending)) goto {_label(st, st.frames[-1].throws_to)}"


def _throw_pending(st: BodyState) -> None:
    st.write(f"goto {_label(st, st.frames[-1].throws_to)};")
    st.stop()


def throw(st: BodyState) -> None:
    """throw."""
    _require(st)
    tag = _tag(st)
    values = st.pop_all(_values(st, tag))
    new = f"w2s_exception_new(vm, {_tag_text(st, tag)})"
    if not values:
        st.write(f"w2s_throw(vm, {new});")
    else:
        exception = st.name("struct w2s_exception *", new)
        for k, (t, value) in enumerate(zip(_values(st, tag), values, strict=True)):
            st.write(f"{st.cx.slot(f'{exception}->values[{k}]', t)} = {bare(value)};")
        st.write(f"w2s_throw(vm, {exception});")
    _throw_pending(st)


def throw_ref(st: BodyState) -> None:
    """throw_ref: null traps."""
    _require(st)
    st.write(f"w2s_rethrow(vm, {bare(st.pop(_EXNREF))});")
    _throw_pending(st)


def rethrow(st: BodyState) -> None:
    """rethrow: the exception of an enclosing legacy handler."""
    _require(st, legacy=True)
    depth, st.pos = read_u32(st.data, st.pos)
    frame = st.frame_at(depth)
    if frame.kind != "catch":
        raise InvalidError("invalid rethrow label")
    assert frame.handlers is not None
    frame.handlers.clauses[-1].keeps = True
    st.write(f"w2s_rethrow(vm, x{frame.label});")
    _throw_pending(st)


# -- keeping -------------------------------------------------------------------------------------------------------


def _keep_text(st: BodyState, height: int) -> str:
    """C that makes the pending exception a handle.

    All handles that the function can still use are named: locals, operands below ``height``, and those of the legacy
    handlers around. Where these are too many, or handles can leave the function, the exception is kept for longer.
    """
    if st.exn_locals is None:
        st.exn_locals = tuple(k for k, t in enumerate(st.local_types) if isinstance(t, RefType) and is_exn_ref(t))
    catches = st.open_catches
    if st.cx.facts.confined and height <= _MAX_STACK and len(catches) <= _MAX_CATCHES:
        stack = zip(st.types[:height], st.exprs[:height], strict=True)
        live = [expr for t, expr in stack if isinstance(t, RefType) and is_exn_ref(t)]
        live += [f"x{label}" for label in catches]
        if len(live) + len(st.exn_locals) <= _MAX_HANDLES:
            st.used_locals.update(st.exn_locals)
            live += [local(k) for k in st.exn_locals]
            array = f"(const uint32_t[]){{{', '.join(live)}}}" if live else "0"
            return f"w2s_keep(vm, {array}, {len(live)}u)"
    return "w2s_keep_lasting(vm)"


def _kept(st: BodyState, keep: str) -> str:
    """``keep``, which is going to be used."""
    st.keeps = st.keeps or keep.startswith("w2s_keep(")
    return keep


# -- try_table -----------------------------------------------------------------------------------------------------


def try_table(st: BodyState) -> None:
    """try_table: a block with handlers, which branch."""
    _require(st)
    params, results = block_type(st)
    n, st.pos = read_u32(st.data, st.pos)
    clauses: list[Clause] = []
    seen: set[int | None] = set()
    for _ in range(n):
        clause = _clause(st)
        if clause.tag not in seen and None not in seen:
            clauses.append(clause)
            seen.add(clause.tag)
    st.settle_all()
    exprs = st.pop_all(params)
    frame = enter(st, "try_table", params, results)
    if clauses:
        _handle(frame, clauses, _end_try_table)
    push_all(st, params, exprs)


def _handle(frame: Frame, clauses: list[Clause], close: Callable[[BodyState, Frame], None]) -> None:
    """Let what is thrown in the frame go to its own handlers, which ``close`` writes at its end."""
    frame.handlers = frame.throws_to = Handlers(frame.label, frame.throws_to, clauses)
    frame.close = close


def _clause(st: BodyState) -> Clause:
    """Read and check one clause of try_table."""
    kind = st.data[st.pos]
    st.pos += 1
    if kind > 3:
        raise DecodeError("malformed catch clause")
    tag = _tag(st) if kind < 2 else None
    depth, st.pos = read_u32(st.data, st.pos)
    target = st.frame_at(depth)
    keeps = kind & 1 == 1
    carried = () if tag is None else _values(st, tag)
    carried += (_EXN,) if keeps else ()
    types = target.branch_types
    if len(carried) != len(types) or not all(map(st.matches, carried, types)):
        raise InvalidError("type mismatch: a catch clause and its label carry different values")
    return Clause(tag, keeps, target)


def _end_try_table(st: BodyState, frame: Frame) -> None:
    """Write the handlers, if anything in the block may throw."""
    handlers = frame.handlers
    assert handlers is not None
    if not handlers.used:
        return
    _require_catching(st)
    with st.behind():
        _begin_handlers(st, handlers)
        for clause in handlers.clauses:
            assert clause.target is not None
            if clause.tag is not None:
                st.write(f"if (e{handlers.label}->tag == {_tag_text(st, clause.tag)}) {{")
            exprs = [] if clause.tag is None else _take_values(st, handlers, clause.tag)
            if clause.keeps:
                exprs.append(st.name("uint32_t", _kept(st, _keep_text(st, frame.height))))
            else:
                st.write("w2s_caught(vm);")
            st.write(branch_text(st, clause.target, exprs))
            if clause.tag is not None:
                st.write("}")
        _end_handlers(st, handlers)


def _require_catching(st: BodyState) -> None:
    assert st.cx.facts.catching, "the scan of the bodies has not found a handler"


def _begin_handlers(st: BodyState, handlers: Handlers) -> None:
    st.write(f"H{handlers.label}:;")
    if any(clause.tag is not None for clause in handlers.clauses):
        st.declare("struct w2s_exception *", f"e{handlers.label}")
        st.write(f"e{handlers.label} = vm->head.store->pending;")


def _end_handlers(st: BodyState, handlers: Handlers) -> None:
    """What no clause catches goes on."""
    if not handlers.clauses or handlers.clauses[-1].tag is not None:
        st.write(f"goto {_label(st, handlers.outer)};")


def _take_values(st: BodyState, handlers: Handlers, tag: int) -> list[str]:
    """Name the values of the exception."""
    place = f"e{handlers.label}->values"
    return [st.name(st.cx.ctype(t), st.cx.slot(f"{place}[{k}]", t)) for k, t in enumerate(_values(st, tag))]


# -- the older instructions ------------------------------------------------------------------------------------------


def try_(st: BodyState) -> None:
    """try: a block whose handlers follow it."""
    _require(st, legacy=True)
    params, results = block_type(st)
    st.settle_all()
    exprs = st.pop_all(params)
    _handle(enter(st, "try", params, results), [], _end_try)
    push_all(st, params, exprs)


def _start_catch(st: BodyState, tag: int | None) -> None:
    """The part before ends like the whole; the handler starts from the values of the exception."""
    frame = st.frames[-1]
    handlers = frame.handlers
    if (
        frame.kind not in ("try", "catch")
        or handlers is None
        or (handlers.clauses and handlers.clauses[-1].tag is None)
    ):
        raise DecodeError("catch without try")
    leave_part(st)
    _end_catch(st, frame, handlers)
    frame.kind = "catch"
    frame.throws_to = handlers.outer
    clause = Clause(tag)
    handlers.clauses.append(clause)
    st.set_live(handlers.used)
    st.open_catches.append(frame.label)
    if st.live and len(handlers.clauses) == 1:
        _require_catching(st)
        st.declarations.append(f"uint32_t x{frame.label} = 0;")
    st.write(f"C{frame.label}_{len(handlers.clauses) - 1}:;")
    meter.cut(st)
    exprs = [] if tag is None else _take_values(st, handlers, tag)
    st.open_catches.pop()
    clause.line, clause.keep = len(st.lines), _keep_text(st, frame.height) if st.live else ""
    st.open_catches.append(frame.label)
    st.write("w2s_caught(vm);")
    push_all(st, () if tag is None else _values(st, tag), exprs)


def _end_catch(st: BodyState, frame: Frame, handlers: Handlers) -> None:
    """Close the handler that is open, if one is: it is known now whether it throws its exception again."""
    if frame.kind != "catch":
        return
    st.open_catches.pop()
    clause = handlers.clauses[-1]
    if clause.keep and clause.keeps:
        st.lines[clause.line] = f"x{frame.label} = {_kept(st, clause.keep)};"


def catch(st: BodyState) -> None:
    """catch."""
    _require(st, legacy=True)
    _start_catch(st, _tag(st))


def catch_all(st: BodyState) -> None:
    """catch_all."""
    _require(st, legacy=True)
    _start_catch(st, None)


def delegate(st: BodyState) -> None:
    """delegate: ends a try; what is thrown in it goes where it would go if it was thrown at an outer label."""
    _require(st, legacy=True)
    depth, st.pos = read_u32(st.data, st.pos)
    frame = st.frames[-1]
    if frame.kind != "try" or frame.handlers is None:
        raise DecodeError("delegate without try")
    frame.handlers.outer = st.frame_at(depth + 1).throws_to
    end(st)


def _end_try(st: BodyState, frame: Frame) -> None:
    """Write the handlers' first part: which of them gets the exception."""
    handlers = frame.handlers
    assert handlers is not None
    _end_catch(st, frame, handlers)
    if not handlers.used:
        return
    with st.behind():
        _begin_handlers(st, handlers)
        for k, clause in enumerate(handlers.clauses):
            test = "" if clause.tag is None else f"if (e{handlers.label}->tag == {_tag_text(st, clause.tag)}) "
            st.write(f"{test}goto C{handlers.label}_{k};")
        _end_handlers(st, handlers)
