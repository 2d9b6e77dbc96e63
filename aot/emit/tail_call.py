"""Tail calls (spec: Control Instructions, return_call and its kin); runtime_c/include/wasm2so/tail.h has the scheme.

A tail call is written twice: as a jump, where all arguments travel in registers, and as a request that the function's
entry fulfils. Which one is compiled is decided for a whole C file, when it is known whether the compiler makes jumps.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from aot.emit import names
from aot.emit.call import direct_callee, entry, indirect_callee, ref_callee
from aot.emit.context import ModuleContext, Signature
from aot.emit.signature import parameters, result
from aot.emit.state import BodyState, bare
from aot.errors import InvalidError

_INTEGER_REGISTERS = 5
"""For arguments, beside the one for the context; of x86-64, which has the fewest."""
_FLOAT_REGISTERS = 8

_JUMP = "if (W2S_JUMPS) "


def in_registers(signature: Signature) -> bool:
    """Do all parameters travel in registers? Then a jump needs no room on the stack, whoever makes it."""
    floats = sum(t in ("f", "d", "v") for t in signature.params)
    return floats <= _FLOAT_REGISTERS and len(signature.params) - floats <= _INTEGER_REGISTERS


def _tail_call(st: BodyState, type_index: int, code: str, callee_vm: str, own: int | None = None) -> None:
    """Jump, or leave the arguments in the result slots, ask for the call and return. ``own``: the callee, if known."""
    signature = st.cx.signature(type_index)
    args = [bare(arg) for arg in st.pop_all(signature.params)]
    results = st.frames[0].results
    if len(signature.results) != len(results) or not all(map(st.matches, signature.results, results)):
        raise InvalidError("type mismatch: a tail call must return what the function returns")
    if st.live:
        canonical = st.cx.module.canonical[type_index]
        st.tail_calls = True
        if in_registers(signature):
            arguments = ", ".join([callee_vm, *args])
            if own is not None:
                st.jumps.add(own)
                st.write(f"{_JUMP}W2S_JUMP {names.jump(own)}({arguments});")
            else:
                st.indirect_jumps.add(canonical)
                jump = f"W2S_JUMP {names.indirect_jump(canonical)}({arguments});"
                st.write(f"{_JUMP}{{ w2s_jump_to(vm, {code}, {callee_vm}); {jump} }}")
        for k, (t, arg) in enumerate(zip(signature.params, args, strict=True)):
            st.write(f"{st.cx.slot(f'w2s_results(vm)[{k}]', t)} = {arg};")
        n_slots = max(1, len(signature.params), len(results))
        st.write(f"w2s_tail_call(vm, {code}, {callee_vm}, {names.trampoline(canonical)}, {n_slots}u);")
        st.write(f"return {st.cx.zero(results[0])};" if results else "return;")
    st.stop()


def _self_tail_call(st: BodyState) -> None:
    """A tail call of the function itself: give its parameters new values, all at once, and start again."""
    args = st.pop_all(st.cx.signature(st.cx.module.func_types[st.func]).params)
    if st.live:
        st.self_tail_calls = True
        fresh = [st.name(st.cx.ctype(t), bare(arg)) for t, arg in zip(st.local_types, args, strict=False)]
        for k, arg in enumerate(fresh):
            st.used_locals.add(k)
            st.write(f"{names.local(k)} = {arg};")
        st.write("goto L0;")
    st.stop()


def return_call(st: BodyState) -> None:
    """return_call."""
    func, type_index = direct_callee(st)
    module = st.cx.module
    if func == st.func:
        _self_tail_call(st)
    elif func < module.n_imported_funcs:
        _tail_call(st, type_index, f"vm->f{func}.code", f"vm->f{func}.vm")
    else:
        if st.live:
            st.callees.add(func)
        _tail_call(st, type_index, f"(void (*)(void)){names.function(func)}", "vm", func)


def return_call_indirect(st: BodyState) -> None:
    """return_call_indirect."""
    type_index, callee = indirect_callee(st)
    _tail_call(st, type_index, entry(st, callee), f"{callee}->vm")


def return_call_ref(st: BodyState) -> None:
    """return_call_ref."""
    type_index, callee = ref_callee(st)
    _tail_call(st, type_index, entry(st, callee), f"{callee}->vm")


# -- the parts of a file that has tail calls --------------------------------------------------------------------------

_RETURN = re.compile(r"\breturn\b[^;]*;")


def without_jumps(lines: Iterable[str]) -> list[str]:
    """The lines of a function whose frame must outlive its calls: it asks for all its tail calls."""
    return [line for line in lines if not line.startswith(_JUMP)]


def staying(line: str) -> str:
    """A line of a body, where a return cannot make a jump of the call before it.

    >>> staying("if (t0) return l1;")
    'if (t0) { W2S_STAY; return l1; }'
    """
    return _RETURN.sub(r"{ W2S_STAY; \g<0> }", line)


def inner_head(cx: ModuleContext, func: int) -> str:
    """The first line of the inner part of a tail-calling function."""
    signature = cx.signature(cx.module.func_types[func])
    return f"W2S_JUMP_TARGET static {result(signature)}{names.inner(func)}({parameters(signature, 'l')}) {{"


def entry_lines(cx: ModuleContext, func: int) -> list[str]:
    """The body of a tail-calling function's entry: call the inner part, then make the tail calls it asked for."""
    signature = cx.signature(cx.module.func_types[func])
    args = ", ".join(["vm", *(names.local(k) for k in range(len(signature.params)))])
    call = f"{names.inner(func)}({args})"
    lines = [f"if (w2s_tail_direct(vm, (void (*)(void)){names.function(func)})) {{"]
    if in_registers(signature):
        lines.append(f"  {_JUMP}W2S_JUMP {names.jump(func)}({args});")
    lines += [f"  return {call};" if signature.results else f"  {call}; return;", "}"]
    lines.append("uint8_t *const segment = w2s_tail_segment(vm);")
    if not signature.results:
        return [*lines, f"{call};", "if (w2s_tail_asked(vm)) w2s_tail_loop(vm);", "w2s_tail_back(segment);"]
    return [
        *lines,
        f"{result(signature)}r = {call};",
        f"if (w2s_tail_asked(vm)) r = {cx.slot('(*w2s_tail_loop(vm))', signature.results[0])};",
        "w2s_tail_back(segment);",
        "return r;",
    ]


def jump_declarations(cx: ModuleContext, jumps: Iterable[int], indirect: Iterable[int]) -> list[str]:
    """Prototypes of what jumps go to."""
    lines = []
    for func in jumps:
        signature = cx.signature(cx.module.func_types[func])
        lines.append(f"{result(signature)}{names.jump(func)}({parameters(signature, None)});")
    for ty in indirect:
        signature = cx.signature(ty)
        head = f"{result(signature)}{names.indirect_jump(ty)}({parameters(signature, None)})"
        lines.append(f"{head};")
    return lines


def jump_targets(
    jumps: Iterable[int], indirect: Iterable[int], tail_calling: set[int], chunk: Container[int]
) -> list[str]:
    """Where they go: to the inner part if there is one, else to the function; to the entry if it is in another file.

    Indirect ones have a symbol for each type: clang takes functions of one name for functions of one type.
    """
    lines = [f'__asm__(W2S_JUMP_INDIRECT("{names.indirect_jump(ty)}"));' for ty in indirect]
    for func in jumps:
        if func in chunk:
            part = names.inner(func) if func in tail_calling else names.function(func)
            lines.append(f'__asm__(W2S_JUMP_NEAR("{names.jump(func)}", "{part}"));')
        else:
            lines.append(f'__asm__(W2S_JUMP_FAR("{names.jump(func)}", "{names.function(func)}"));')
    return lines
