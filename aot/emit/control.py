"""Structured control instructions (spec: Control Instructions).

C is flat: a label where a branch that can run needs one, `goto`, and variables for the values that branches carry.
Blocks that nothing branches to leave no trace. Loops are never C loops, which a compiler may assume to end.
"""

from __future__ import annotations

from aot.emit import meter
from aot.emit.context import StackType
from aot.emit.immediates import admit, read_signed, read_u32, read_val_type
from aot.emit.state import BodyState, Frame, bare
from aot.emit.table import non_null, pop_ref
from aot.errors import DecodeError, InvalidError, LimitError
from aot.wasm.types import NUM_TYPES, FuncType, RefType

MAX_BR_TABLE = 65_520
"""Implementation limit of the JavaScript API."""

_DENSE_CASES = 64
"""Beyond so many entries br_table goes through an index table: compilers need minutes for huge switches."""


def condition(expr: str) -> str:
    """An i32 expression as a C condition in parentheses: comparisons lose their cast to uint32_t."""
    if expr.startswith("(uint32_t)("):
        return expr[10:]
    return expr if expr[0] == "(" else f"({expr})"


def negated(expr: str) -> str:
    """The opposite of `condition`."""
    test = condition(expr)
    if not test.endswith(" == 0)"):
        return f"(!{expr})" if expr.isalnum() else f"(!{test})"
    operand = test[1:-6]
    return condition(operand) if operand.startswith("(uint32_t)(") else f"({operand} != 0)"


def _hinted(st: BodyState, test: str, *, taken: bool) -> str:
    """A condition with the module's hint, if it has one here; ``taken`` says that the hint speaks of it being true."""
    hint = st.hints.get(st.at)
    if hint is None:
        return test
    return f"(W2S_{'LIKELY' if hint is taken else 'UNLIKELY'}{test})"


def block_type(st: BodyState) -> tuple[tuple[StackType, ...], tuple[StackType, ...]]:
    """Read a block type: (parameters, results)."""
    byte = st.data[st.pos]
    if byte == 0x40:
        st.pos += 1
        return (), ()
    if byte in NUM_TYPES or 0x63 <= byte <= 0x74:
        t, st.pos = read_val_type(st.data, st.pos, len(st.cx.module.types))
        return (), (admit(t, st.cx.options.features),)
    index, st.pos = read_signed(st.data, st.pos, 33)
    if index < 0:
        raise DecodeError("malformed block type")
    types = st.cx.module.types
    if index >= len(types) or not isinstance(types[index].comp, FuncType):
        raise InvalidError(f"unknown type {index}")
    signature = st.cx.signature(index)
    if not st.cx.options.features.multi_value and (signature.params or len(signature.results) > 1):
        raise InvalidError("invalid result arity: the feature multi_value is switched off")
    return signature.params, signature.results


def enter(st: BodyState, kind: str, params: tuple[StackType, ...], results: tuple[StackType, ...]) -> Frame:
    """Push a control frame; its parameters have been popped and the caller pushes them again."""
    around = st.frames[-1].throws_to
    frame = Frame(
        kind, params, results, len(st.types), st.new_label(), st.live, n_set=len(st.set_locals), throws_to=around
    )
    st.frames.append(frame)
    st.height = frame.height
    return frame


def push_all(st: BodyState, types: tuple[StackType, ...], exprs: list[str]) -> None:
    """Push several values."""
    st.types.extend(types)
    st.exprs.extend(exprs)


def _variables(st: BodyState, frame: Frame) -> list[str]:
    """The variables that values carried to the frame's label live in; declared the first time code needs them."""
    types = frame.branch_types
    if not types:
        return []
    letter = "p" if frame.kind == "loop" else "b"
    variables = [f"{letter}{frame.label}_{k}" for k in range(len(types))]
    if st.live and not frame.declared:
        frame.declared = True
        for t, variable in zip(types, variables, strict=True):
            st.declare(st.cx.ctype(t), variable)
    return variables


def _assign(st: BodyState, frame: Frame, exprs: list[str]) -> str:
    """C that gives the frame's variables the values ``exprs``, all at once.

    A value that reads a variable of the same loop is named first: assigning one after the other must not be seen.
    """
    variables = _variables(st, frame)
    if frame.kind == "loop" and len(exprs) > 1:
        own = f"p{frame.label}_"
        for k, t in enumerate(frame.params):
            if own in exprs[k] and exprs[k] != variables[k]:
                exprs[k] = st.name(st.cx.ctype(t), bare(exprs[k]))
    pairs = zip(variables, exprs, strict=True)
    return " ".join(f"{variable} = {bare(expr)};" for variable, expr in pairs if variable != expr)


def return_text(st: BodyState, exprs: list[str]) -> str:
    """C that leaves the function: the first result is returned, the others go to the store's result slots."""
    if not exprs:
        return "return;"
    results = st.frames[0].results
    rest = "".join(
        f"{st.cx.slot(f'w2s_results(vm)[{k}]', results[k])} = {bare(exprs[k])}; " for k in range(1, len(exprs))
    )
    return f"{rest}return {bare(exprs[0])};"


def branch_text(st: BodyState, frame: Frame, exprs: list[str]) -> str:
    """C of a branch to ``frame`` that carries ``exprs``: one or more statements."""
    if frame.kind == "func":
        return return_text(st, exprs)
    if st.live:
        frame.used = True
    assignments = _assign(st, frame, exprs)
    return f"{assignments} goto L{frame.label};" if assignments else f"goto L{frame.label};"


def _braced(statements: str) -> str:
    """Several statements as one."""
    return statements if statements.count(";") == 1 else f"{{ {statements} }}"


# -- blocks ------------------------------------------------------------------------------------------------------


def block(st: BodyState) -> None:
    """block: its parameters stay where they are."""
    params, results = block_type(st)
    st.settle_all()
    exprs = st.pop_all(params)
    enter(st, "block", params, results)
    push_all(st, params, exprs)


def loop(st: BodyState) -> None:
    """loop: parameters move to variables, which branches back assign."""
    params, results = block_type(st)
    st.settle_all()
    exprs = st.pop_all(params)
    frame = enter(st, "loop", params, results)
    if params:
        st.write(_assign(st, frame, exprs))
    frame.loop_line = len(st.lines)
    st.write(f"L{frame.label}:;")
    meter.loop_head(st)
    push_all(st, params, _variables(st, frame))


def if_(st: BodyState) -> None:
    """if: jump over the then part where the condition is zero."""
    params, results = block_type(st)
    test = st.pop("i")
    st.settle_all()
    exprs = st.pop_all(params)
    frame = enter(st, "if", params, results)
    frame.else_exprs = tuple(exprs)
    st.write(f"if {_hinted(st, negated(test), taken=False)} goto E{frame.label};")
    meter.cut(st)
    push_all(st, params, exprs)


def _pop_results(st: BodyState, frame: Frame) -> list[str]:
    exprs = st.pop_all(frame.results)
    if len(st.types) != frame.height:
        raise InvalidError("type mismatch: values remaining on stack at end of block")
    return exprs


def leave_part(st: BodyState) -> None:
    """One part of the innermost frame ends like the whole; another one follows."""
    frame = st.frames[-1]
    exprs = _pop_results(st, frame)
    st.write(branch_text(st, frame, exprs))
    frame.unreachable = False
    del st.set_locals[frame.n_set :]


def _start_else(st: BodyState, frame: Frame) -> None:
    frame.kind = "else"
    frame.unreachable = False
    del st.set_locals[frame.n_set :]
    st.set_live(frame.reached)
    st.write(f"E{frame.label}:;")
    meter.cut(st)


def else_(st: BodyState) -> None:
    """else: the then part ends like the whole; the else part starts from the same parameters."""
    frame = st.frames[-1]
    if frame.kind != "if":
        raise DecodeError("else without if")
    leave_part(st)
    _start_else(st, frame)
    push_all(st, frame.params, list(frame.else_exprs))


def _end_without_else(st: BodyState, frame: Frame, exprs: list[str]) -> list[str]:
    """The missing else part hands the parameters on; returns the expressions that fall through."""
    if len(frame.params) != len(frame.results) or not all(map(st.matches, frame.params, frame.results)):
        raise InvalidError("type mismatch: an if without else must leave the stack as it was")
    if frame.results:
        st.write(branch_text(st, frame, exprs))
    _start_else(st, frame)
    return list(frame.else_exprs)


def end(st: BodyState) -> None:
    """end: close the innermost frame; its results come from falling through or from branches."""
    frame = st.frames[-1]
    exprs = _pop_results(st, frame)
    if frame.kind == "if":
        exprs = _end_without_else(st, frame, exprs)
    if frame.kind == "func":
        st.write(return_text(st, exprs))
        st.frames.pop()
        return
    if frame.close is not None:
        frame.close(st, frame)
    if frame.kind == "loop":
        if frame.reached and not frame.used:
            meter.forget_loop_head(st, frame.loop_line)
            st.lines[frame.loop_line] = ""
    elif frame.used:
        st.write(_assign(st, frame, exprs))
        st.set_live(True)
        st.write(f"L{frame.label}:;")
        meter.cut(st)
        exprs = _variables(st, frame)
    st.frames.pop()
    st.height = st.frames[-1].height
    del st.set_locals[frame.n_set :]
    for t, expr in zip(frame.results, exprs, strict=True):
        st.push_result(t, expr)


# -- branches ----------------------------------------------------------------------------------------------------


def unreachable(st: BodyState) -> None:
    """unreachable: always traps."""
    st.write("w2s_trap(vm, W2S_TRAP_UNREACHABLE);")
    st.stop()


def nop(st: BodyState) -> None:
    """nop: nothing."""


def br(st: BodyState) -> None:
    """br: an unconditional branch."""
    depth, st.pos = read_u32(st.data, st.pos)
    frame = st.frame_at(depth)
    st.write(branch_text(st, frame, st.pop_all(frame.branch_types)))
    st.stop()


def br_if(st: BodyState) -> None:
    """br_if: operands stay on the stack where the branch is not taken, with the label's types."""
    depth, st.pos = read_u32(st.data, st.pos)
    test = st.pop("i")
    frame = st.frame_at(depth)
    types = frame.branch_types
    exprs = st.pop_all(types)
    st.write(f"if {_hinted(st, condition(test), taken=True)} {_braced(branch_text(st, frame, list(exprs)))}")
    meter.cut(st)
    push_all(st, types, exprs)


def br_on_null(st: BodyState) -> None:
    """br_on_null: branch without the reference if it is null, else go on with it."""
    depth, st.pos = read_u32(st.data, st.pos)
    t, expr = pop_ref(st)
    frame = st.frame_at(depth)
    types = frame.branch_types
    exprs = st.pop_all(types)
    if t is not None:
        expr = st.name(st.cx.ctype(t), bare(expr))
    st.write(f"if ({expr} == 0) {_braced(branch_text(st, frame, list(exprs)))}")
    meter.cut(st)
    push_all(st, types, exprs)
    st.push(non_null(t), expr)


def br_on_non_null(st: BodyState) -> None:
    """br_on_non_null: branch with the reference if it is not null, else go on without it."""
    depth, st.pos = read_u32(st.data, st.pos)
    t, expr = pop_ref(st)
    frame = st.frame_at(depth)
    types = frame.branch_types
    if not types or not isinstance(types[-1], RefType):
        raise InvalidError("type mismatch: the label of br_on_non_null carries no reference")
    if t is not None and not st.matches(non_null(t), types[-1]):
        raise InvalidError(f"type mismatch: expected {types[-1]} but got {non_null(t)}")
    if t is not None:
        expr = st.name(st.cx.ctype(t), bare(expr))
    exprs = st.pop_all(types[:-1])
    st.write(f"if ({expr} != 0) {_braced(branch_text(st, frame, [*exprs, expr]))}")
    meter.cut(st)
    push_all(st, types[:-1], exprs)


def return_(st: BodyState) -> None:
    """return: a branch to the outermost label."""
    st.write(return_text(st, st.pop_all(st.frames[0].results)))
    st.stop()


def br_table(st: BodyState) -> None:
    """br_table: a switch with one case list per distinct target."""
    n, pos = read_u32(st.data, st.pos)
    if n > MAX_BR_TABLE:
        raise LimitError(f"br_table with {n} targets: at most {MAX_BR_TABLE}")
    depths = []
    for _ in range(n + 1):
        depth, pos = read_u32(st.data, pos)
        depths.append(depth)
    st.pos = pos
    index = st.pop("i")
    arity = len(st.frame_at(depths[-1]).branch_types)
    for depth in dict.fromkeys(depths):
        _check_target(st, st.frame_at(depth), arity)
    exprs = st.pop_all(st.frame_at(depths[-1]).branch_types)
    if st.live:
        _write_switch(st, index, depths, exprs)
    st.stop()


def _check_target(st: BodyState, frame: Frame, arity: int) -> None:
    """Type check the operands against one target; they stay on the stack."""
    types = frame.branch_types
    if len(types) != arity:
        raise InvalidError(f"type mismatch: br_table targets carry {arity} and {len(types)} values")
    first = max(len(st.types) - arity, st.height)
    kept_types, kept_exprs = st.types[first:], st.exprs[first:]
    st.pop_all(types)
    st.types[first:], st.exprs[first:] = kept_types, kept_exprs


def _write_switch(st: BodyState, index: str, depths: list[int], exprs: list[str]) -> None:
    """Write the switch; the last of ``depths`` is the default."""
    numbers = {depth: number for number, depth in enumerate(dict.fromkeys(depths))}
    jumps = {depth: _braced(branch_text(st, st.frame_at(depth), list(exprs))) for depth in numbers}
    default = depths[-1]
    if len(depths) <= _DENSE_CASES:
        cases: dict[int, list[int]] = {depth: [] for depth in numbers if depth != default}
        for k, depth in enumerate(depths[:-1]):
            if depth != default:
                cases[depth].append(k)
        selector = index
    else:
        n = len(depths) - 1
        index = st.name("uint32_t", index)
        st.write(f"static const uint32_t c{index}[{n}] = {{")
        for k in range(0, n, 32):
            st.write("  " + "".join(f"{numbers[depth]}," for depth in depths[k : min(k + 32, n)]))
        st.write("};")
        cases = {depth: [number] for depth, number in numbers.items() if depth != default}
        selector = f"{index} < {n}u ? c{index}[{index}] : {numbers[default]}u"
    st.write(f"switch ({selector}) {{")
    for depth, labels in cases.items():
        st.write(f"  {' '.join(f'case {k}:' for k in labels)} {jumps[depth]}")
    st.write(f"  default: {jumps[default]}")
    st.write("}")
