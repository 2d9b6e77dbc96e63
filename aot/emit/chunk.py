"""C text of one chunk of functions."""

from __future__ import annotations

from dataclasses import dataclass

from aot.emit.body import BodyText, emit_body
from aot.emit.context import ModuleContext
from aot.emit.plan import Plan
from aot.emit.preamble import preamble
from aot.emit.signature import definition_head, prototype
from aot.emit.tail_call import entry_lines, in_registers, inner_head, jump_declarations, jump_targets, staying
from aot.wasm.module import Module


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A C file; ``max_opt`` is the highest -O level that suits its heaviest function, ``jumps`` says that tail calls
    can be compiled as jumps.
    """

    text: str
    max_opt: int
    jumps: bool


def render_chunk(module: Module, plan: Plan, k: int, cx: ModuleContext | None = None) -> ChunkText:
    """Validate and translate the functions of chunk ``k``. Raises ModuleError subclasses, with the site.

    ``cx`` saves working out again what all chunks of the module and plan have in common.
    """
    cx = ModuleContext(module, plan) if cx is None else cx
    chunk = plan.chunks[k]
    base = module.n_imported_funcs
    own = [base + func for func in chunk.funcs]
    bodies = [emit_body(cx, func) for func in own]
    used = set(own).union(*(b.callees for b in bodies))
    tail_calling = {b.func for b in bodies if b.tail_calls}
    parts: list[str] = []
    if plan.single and any(b.vectors for b in bodies):
        parts.append("#include <wasm2so/simd.h>")
    if any(b.atomics for b in bodies):
        parts.append("#include <wasm2so/atomic.h>")
    if any(b.exceptions for b in bodies):
        parts.append("#include <wasm2so/exception.h>")
    if tail_calling:
        parts.append("#include <wasm2so/tail.h>")
    if plan.options.fuel or plan.options.epochs:
        parts.append("#include <wasm2so/meter.h>")
    parts.append("")
    parts += [prototype(cx, func, static=plan.single) for func in sorted(used)]
    if not tail_calling:
        parts += [_render(cx, body, plan) for body in bodies]
    else:
        parts += _render_with_tail_calls(cx, bodies, plan, own)
    text = "\n".join(parts) + "\n"
    head = ['#include "module.h"'] if plan.single else preamble(cx, text)
    jumps = any(b.jumps or b.indirect_jumps for b in bodies)
    return ChunkText("\n".join([*head, text]), min((b.max_opt for b in bodies), default=3), jumps)


def _render(cx: ModuleContext, body: BodyText, plan: Plan) -> str:
    head = definition_head(cx, body.func, static=plan.single)
    lines = "\n  ".join([f"W2S_OWN_FRAME {head}" if body.keeps else head, *body.lines])
    return f"\n{lines}\n}}"


def _render_with_tail_calls(cx: ModuleContext, bodies: list[BodyText], plan: Plan, own: list[int]) -> list[str]:
    """All functions of a file, some of which make tail calls: none may return so that a call becomes a jump unasked."""
    tail_calling = {b.func for b in bodies if b.tail_calls}
    entries = {func for func in tail_calling if in_registers(cx.signature(cx.module.func_types[func]))}
    jumps = sorted(entries.union(*(b.jumps for b in bodies)))
    indirect = sorted(set[int]().union(*(b.indirect_jumps for b in bodies)))
    parts = jump_declarations(cx, jumps, indirect)
    for body in bodies:
        head = definition_head(cx, body.func, static=plan.single)
        own_frame = "W2S_OWN_FRAME " if body.keeps else ""
        if body.func in tail_calling:
            parts += ["", own_frame + inner_head(cx, body.func), *(f"  {staying(line)}" for line in body.lines), "}"]
            nowhere = ["#line 0"] if plan.options.offsets else []
            parts += [*nowhere, "", head, *(f"  {line}" for line in entry_lines(cx, body.func)), "}"]
        else:
            used = "W2S_USED " if body.func in jumps else ""
            parts += ["", used + own_frame + head, *(f"  {staying(line)}" for line in body.lines), "}"]
    return [*parts, "", *jump_targets(jumps, indirect, tail_calling, own)]


def render_body(module: Module, plan: Plan, func: int) -> str:
    """The lines of one function's body, without its head: what golden tests compare."""
    return "\n".join(emit_body(ModuleContext(module, plan), func).lines)


def check_bodies(module: Module, plan: Plan) -> None:
    """Validate all function bodies, keeping no text. Raises ModuleError subclasses, with the site."""
    cx = ModuleContext(module, plan)
    for i in range(len(module.bodies)):
        emit_body(cx, module.n_imported_funcs + i)
