"""One pass over a function body: decode, validate and write C (spec: Validation Algorithm; Binary Format, Expressions).

Most instructions are a table row: check the operand types against the row's signature and fill its template. The rest
have handlers. Type checking is popping, so a body that comes through is valid, and `check_body` is the same pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aot.emit import meter, names
from aot.emit.atomic import access as atomic_access
from aot.emit.context import ModuleContext, StackType
from aot.emit.handlers import HANDLER_BY_CODE, Handler
from aot.emit.immediates import admit, read_u32, read_val_type
from aot.emit.memory import load, load_lane, store, store_lane
from aot.emit.state import MAX_PENDING_CHARS, MAX_PENDING_DEPTH, PENDING_WINDOW, BodyState, Frame, bare
from aot.emit.tail_call import without_jumps
from aot.emit.variable import needs_setting
from aot.emit.vector import lane_op
from aot.errors import DecodeError, LimitError, ModuleError, Site, UnsupportedError
from aot.wasm.op import Effect, Imm, Op
from aot.wasm.opcodes import BY_CODE, TABLE, UNSUPPORTED
from aot.wasm.opcodes_simd import FIRST_RELAXED
from aot.wasm.opcodes_simd import PREFIX as VECTOR_PREFIX
from aot.wasm.opcodes_threads import PREFIX as ATOMIC_PREFIX

MAX_LOCALS = 50_000
"""Implementation limit of the JavaScript API, parameters included."""

_HEAVY = 5_000
"""Functions with more labels or variables than this make optimising compilers slow: they stop at -O1."""

_VERY_HEAVY = 40_000

SimpleRow = tuple[int, str, str, str, str, bool, str, str | None]
"""Operand count, first and second operand type, result type, template, pure?, C type of the result, and for shifts
the template without the mask, for constant distances."""

_CTYPE = {"i": "uint32_t", "l": "uint64_t", "f": "float", "d": "double", "v": "w2s_v128"}


def _simple_row(op: Op) -> SimpleRow:
    assert op.c is not None
    params = op.params
    second = params[1] if len(params) == 2 else ""
    masked = op.c.replace("(%s & 31)", "%s").replace("(%s & 63)", "%s")
    unmasked = masked if masked != op.c else None
    return len(params), params[0], second, op.result, op.c, op.effect is Effect.PURE, _CTYPE[op.result], unmasked


_DISTANCES = frozenset([f"{n}u" for n in range(32)] + [f"{n}ull" for n in range(64)])
"""Constant shift distances that need no mask (an i64 shift's distance is an i64)."""


_SIMPLE: tuple[SimpleRow | None, ...] = tuple(
    _simple_row(op) if (op := BY_CODE.get(code)) and op.c and op.imm is Imm.NONE else None for code in range(256)
)
"""FAST: rows with a template and no immediate, by opcode byte."""

_PREFIXED = {
    op.code: _simple_row(op) for op in TABLE if op.code > 0xFF and op.c and op.imm is Imm.NONE and len(op.params) < 3
}
_TERNARY = {op.code: op for op in TABLE if op.c and op.imm is Imm.NONE and len(op.params) == 3}
_MEMORY = {op.code: op for op in TABLE if op.imm is Imm.MEMARG and op.code <= 0xFF}
_IMMEDIATE: dict[Imm, Callable[[BodyState, Op], None]] = {
    Imm.LANE: lane_op,
    Imm.MEMARG: lambda st, op: load(st, op) if op.effect is Effect.READ else store(st, op),
    Imm.ATOMIC: atomic_access,
    Imm.MEMARG_LANE: lambda st, op: load_lane(st, op) if op.effect is Effect.READ else store_lane(st, op),
}
_WITH_IMMEDIATE = {op.code: (_IMMEDIATE[op.imm], op) for op in TABLE if op.code > 0xFF and op.imm in _IMMEDIATE}
_HANDLERS: tuple[Handler | None, ...] = tuple(HANDLER_BY_CODE.get(code) for code in range(256))


@dataclass(frozen=True, slots=True)
class BodyText:
    """A function as C. ``lines`` is the body without declarations of unused things, ready between braces.

    ``callees`` are own functions it calls by name; ``weight`` counts labels and variables; ``tail_calls`` says that
    the body may return with a tail call asked for, ``jumps`` and ``indirect_jumps`` own functions and canonical types
    that it may jump to instead; ``vectors``, ``atomics`` and ``exceptions`` that it needs simd.h,
    atomic.h and exception.h; ``keeps`` that its C frame owns exception handles.
    """

    func: int
    lines: tuple[str, ...]
    callees: frozenset[int]
    weight: int
    tail_calls: bool
    jumps: frozenset[int]
    indirect_jumps: frozenset[int]
    vectors: bool
    atomics: bool
    exceptions: bool
    keeps: bool

    @property
    def max_opt(self) -> int:
        """The highest -O level at which compilers take this function in reasonable time."""
        if self.weight > _VERY_HEAVY:
            return 0
        return 1 if self.weight > _HEAVY else 3


def _read_locals(cx: ModuleContext, data: bytes, params: tuple[StackType, ...]) -> tuple[list[StackType], int, bool]:
    """The types of all locals, parameters first, where the first instruction is, and whether any has no default."""
    types = list(params)
    some_unset = False
    n_groups, pos = read_u32(data, 0)
    if n_groups > len(data):
        raise DecodeError("unexpected end of section or function")
    total = len(types)
    for _ in range(n_groups):
        n, pos = read_u32(data, pos)
        total += n
        if total > 0xFFFFFFFF:
            raise DecodeError("too many locals")
        if total > MAX_LOCALS:
            raise LimitError(f"too many locals: {total}, at most {MAX_LOCALS}")
        t, pos = read_val_type(data, pos, len(cx.module.types))
        types.extend([admit(t, cx.options.features)] * n)
        some_unset = some_unset or needs_setting(t)
    return types, pos, some_unset


def emit_body(cx: ModuleContext, func: int) -> BodyText:
    """Validate and translate own function ``func`` (index in the whole index space).

    Raises DecodeError, InvalidError, LimitError or UnsupportedError, with the site.
    """
    module = cx.module
    body = module.bodies[func - module.n_imported_funcs]
    data = module.data[body.start : body.end]
    signature = cx.signature(module.func_types[func])
    try:
        local_types, pos, some_unset = _read_locals(cx, data, signature.params)
    except IndexError:
        raise DecodeError("unexpected end of section or function", Site(body.start, func)) from None
    except ModuleError as error:
        raise error.at(Site(body.start, func)) from None
    hints = module.branch_hints.get(func, {})
    st = BodyState(cx, func, data, pos, local_types, len(signature.params), some_unset, hints)
    st.vectors = "v" in local_types
    st.frames.append(Frame("func", (), signature.results, 0, 0, True))
    meter.begin(st)
    _run(st, body.start)
    meter.finish(st)
    weight = st.n_labels + st.n_temps + len(st.used_locals)
    catching, throwing = cx.facts.catching, cx.facts.throwing
    assert not (catching and st.throws and func not in throwing), "the scan has missed what may throw"
    if st.tail_calls and (st.keeps or any(cx.memories[k].shared for k in st.memories)):
        _stay(st)
    return BodyText(
        func,
        _assemble(st),
        frozenset(st.callees),
        weight,
        st.tail_calls,
        frozenset(st.jumps),
        frozenset(st.indirect_jumps),
        st.vectors,
        st.atomics,
        st.exceptions,
        st.keeps,
    )


def _stay(st: BodyState) -> None:
    """Others have addresses in the function's frame: it makes no jumps."""
    st.lines = without_jumps(st.lines)
    st.jumps.clear()
    st.indirect_jumps.clear()


def _run(st: BodyState, start: int) -> None:
    """The loop over all instructions; ``start`` is the body's position in the module, for error sites."""
    try:
        _loop(st)
        if st.pos != len(st.data):
            raise DecodeError("END opcode expected: code goes on behind the function's end")
    except IndexError:
        site = Site(start + min(st.at, len(st.data)), st.func)
        raise DecodeError("unexpected end of section or function", site) from None
    except ModuleError as error:
        op = BY_CODE.get(st.data[st.at]) if st.at < len(st.data) else None
        raise error.at(Site(start + st.at, st.func, op.name if op else None)) from None


def _loop(st: BodyState) -> None:
    """FAST: one iteration an instruction; the commonest are written out here, each as its handler does it."""
    data, types, exprs, frames = st.data, st.types, st.exprs, st.frames
    local_types, used = st.local_types, st.used_locals
    n_simple_locals = 0 if st.some_unset else min(len(local_types), 128)
    simple, local_names, small_i32 = _SIMPLE, names.LOCALS, names.SMALL_I32
    handlers = _HANDLERS if not st.cx.refused else _without(st.cx.refused)
    n_small = 0x80
    if st.metered:  # each instruction is counted on its way
        simple, handlers, n_small, n_simple_locals = _NO_ROWS, _counting(handlers), 0, 0
    pos, height, marks = st.pos, st.height, st.marks
    while True:
        st.at = pos
        code = data[pos]
        pos += 1
        if code == 0x20:  # local.get
            index = data[pos]
            if index < n_simple_locals and len(types) < height + PENDING_WINDOW:
                pos += 1
                used.add(index)
                types.append(local_types[index])
                exprs.append(local_names[index])
                continue
        elif code == 0x41:  # i32.const
            byte = data[pos]
            if byte < n_small:
                pos += 1
                types.append("i")
                exprs.append(small_i32[byte])
                continue
        row = simple[code]
        if row is not None:
            _simple(st, row, types, exprs, height)
            continue
        st.pos = pos
        handler = handlers[code]
        if handler is not None:
            handler(st)
        else:
            _other(st, code)
        pos, height = st.pos, st.height
        if marks is not None:
            marks.append((len(st.lines), st.at))
        if not frames:
            return


def _without(refused: dict[int, str]) -> tuple[Handler | None, ...]:
    """The handlers, with a refusal in place of some."""
    return tuple(_refuse if code in refused else handler for code, handler in enumerate(_HANDLERS))


def _refuse(st: BodyState) -> None:
    """Raises UnsupportedError for the instruction at ``st.at``, whose feature is off."""
    code = st.data[st.at]
    if code == 0xFC:
        code = code << 16 | read_u32(st.data, st.at + 1)[0]
    raise UnsupportedError(f"the feature {st.cx.refused[code]} is switched off")


def _other(st: BodyState, code: int) -> None:
    """An instruction that has neither a simple row nor a handler by its first byte."""
    op = _MEMORY.get(code)
    if op is None:
        _prefixed(st, code)
    elif op.effect is Effect.READ:
        load(st, op)
    else:
        store(st, op)


def _any(st: BodyState, code: int) -> None:
    """Any instruction."""
    row, handler = _SIMPLE[code], _HANDLERS[code]
    if row is not None:
        _simple(st, row, st.types, st.exprs, st.height)
    elif handler is not None:
        handler(st)
    else:
        _other(st, code)


_NO_ROWS: tuple[SimpleRow | None, ...] = (None,) * 256
_COUNTING = tuple(meter.counting(code, _any) for code in range(256))


def _counting(handlers: tuple[Handler | None, ...]) -> tuple[Handler | None, ...]:
    """Handlers for all instructions, that count them; refusals among ``handlers`` stay."""
    return tuple(_refuse if handler is _refuse else _COUNTING[code] for code, handler in enumerate(handlers))


def _simple(st: BodyState, row: SimpleRow, types: list[StackType], exprs: list[str], height: int) -> None:
    """An instruction whose row has a C template: pop by signature, fill, push."""
    arity, first, second, result, template, pure, ctype, unmasked = row
    n = len(types)
    if arity == 2:
        if n - height >= 2 and types[-1] == second and types[-2] == first:
            right = exprs.pop()
            types.pop()
            if unmasked is not None and right in _DISTANCES:
                template = unmasked
            expr = template % (exprs[-1], right)
        else:
            right = st.pop(second)
            expr = template % (st.pop(first), right)
            st.push(result, "")
    elif n > height and types[-1] == first:
        expr = template % exprs[-1]
    else:
        expr = template % st.pop(first)
        st.push(result, "")
    types[-1] = result
    if not pure or (len(expr) > 40 and (len(expr) > MAX_PENDING_CHARS or expr.count("(") > MAX_PENDING_DEPTH)):
        expr = st.name(ctype, bare(expr))
        if st.marks is not None:
            st.marks.append((len(st.lines), st.at))
    exprs[-1] = expr


def _prefixed(st: BodyState, code: int) -> None:
    """Opcodes of two parts, and all that cannot be compiled."""
    if code in (0xFC, VECTOR_PREFIX, ATOMIC_PREFIX):
        number, st.pos = read_u32(st.data, st.pos)
        full = code << 16 | number
        if full in st.cx.refused:
            _refuse(st)
        elif code == VECTOR_PREFIX:
            _require_vectors(st, number)
        elif code == ATOMIC_PREFIX and not st.cx.options.features.threads:
            raise UnsupportedError("the feature threads is switched off")
        row = _PREFIXED.get(full)
        if row is not None:
            _simple(st, row, st.types, st.exprs, st.height)
            return
        found = _WITH_IMMEDIATE.get(full)
        if found is not None:
            run, op = found
            run(st, op)
            return
        handler = HANDLER_BY_CODE.get(full)
        if handler is not None:
            handler(st)
            return
        if full in _TERNARY:
            _ternary(st, _TERNARY[full])
            return
        raise DecodeError(f"illegal opcode {code:02x} {number:02x}")
    feature = UNSUPPORTED.get(code)
    if feature is not None:
        raise UnsupportedError(f"this module needs {feature}, which is not supported")
    raise DecodeError(f"illegal opcode {code:02x}")


def _require_vectors(st: BodyState, number: int) -> None:
    """A vector instruction is about to be translated. Raises UnsupportedError if its feature is off."""
    features = st.cx.options.features
    feature = "relaxed_simd" if number >= FIRST_RELAXED else "simd"
    if not features.simd or not (features.relaxed_simd or number < FIRST_RELAXED):
        raise UnsupportedError(f"the feature {feature} is switched off")
    st.vectors = True


def _ternary(st: BodyState, op: Op) -> None:
    """An instruction of three operands whose row has a C template."""
    args = st.pop_all(tuple(op.params))
    assert op.c is not None
    st.push_pure(op.result, op.c % tuple(args))


# -- the finished body --------------------------------------------------------------------------------------------

_LEAF_VARIABLES = 256
"""Functions that call nothing and have at most so many variables fit in the stack's reserve unchecked."""

_LARGE_FRAME = 4096
"""More variables than this may need a frame larger than the reserve: such functions check for their own size."""


def _assemble(st: BodyState) -> tuple[str, ...]:
    """Declarations and prologue for what the body turned out to use, then its lines."""
    head: list[str] = []
    start = ["L0:;"] if st.self_tail_calls else []
    for index in sorted(st.used_locals):
        if index >= st.n_params:
            t = st.local_types[index]
            ctype, zero = st.cx.ctype(t), st.cx.initial(t)
            name = f"{ctype}{'' if ctype[-1] == '*' else ' '}{names.local(index)}"
            head.append(f"{name};" if start else f"{name} = {zero};")
            if start:
                start.append(f"{names.local(index)} = {zero};")
    head += st.declarations
    n_variables = len(head) + st.n_temps
    if n_variables > _LARGE_FRAME:
        head.append(f"w2s_check_stack_for(vm, {16 * n_variables}u);")
    elif st.calls or n_variables > _LEAF_VARIABLES:
        head.append("w2s_check_stack(vm);")
    for index in sorted(st.memories):
        info = st.cx.memories[index]
        if info.guarded:
            head.append(f"w2s_byte *const m{index} = w2s_base({info.ref});")
        else:
            head.append(f"const struct w2s_memory *const m{index} = {info.ref};")
            if info.shared:
                head.append(f"struct w2s_memory s{index} = {{.base = m{index}->base}};")
    lines = [line for line in st.lines if line] if st.marks is None else _numbered(st, st.marks)
    end = [*st.tail, *_leave(st)]
    if st.marks is not None:
        head.insert(0, f'#line 1 "{names.source(st.func)}"')
        end.insert(0, "#line 0")
    return (*head, *start, *lines, *end)


def _numbered(st: BodyState, marks: list[tuple[int, int]]) -> list[str]:
    """The body's lines; those that may trap or call are numbered by their instruction's place in the body."""
    first, lines = 0, st.lines
    numbered: list[str] = []
    for end, at in marks:
        if end == first:  # FAST: most instructions write nothing
            continue
        for line in lines[first:end]:
            if "(" in line:
                numbered.append(f"#line {at + 1}")
            if line:
                numbered.append(line)
        first = end
    return numbered


def _leave(st: BodyState) -> list[str]:
    """Where the function is left with an exception pending: the caller tests for it, or knows nothing of exceptions."""
    if not st.throws:
        return []
    results = st.cx.signature(st.cx.module.func_types[st.func]).results
    if not st.cx.facts.catching:
        return ["X:;", "w2s_unwind(vm);"]
    return ["X:;", f"return {st.cx.zero(results[0])};" if results else "return;"]
