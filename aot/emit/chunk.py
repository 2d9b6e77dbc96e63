"""C text of one chunk of functions."""

from __future__ import annotations

from dataclasses import dataclass

from aot.emit.body import BodyText, emit_body
from aot.emit.context import ModuleContext
from aot.emit.plan import Plan
from aot.emit.signature import definition_head, inner_head, prototype, tail_entry
from aot.wasm.module import Module


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A C file; ``max_opt`` is the highest -O level that suits its heaviest function."""

    text: str
    max_opt: int


def render_chunk(module: Module, plan: Plan, k: int) -> ChunkText:
    """Validate and translate the functions of chunk ``k``. Raises ModuleError subclasses, with the site."""
    cx = ModuleContext(module, plan)
    chunk = plan.chunks[k]
    base = module.n_imported_funcs
    bodies = [emit_body(cx, base + i) for i in range(chunk.first, chunk.last)]
    used = {base + i for i in range(chunk.first, chunk.last)}.union(*(b.callees for b in bodies))
    parts = ['#include "module.h"']
    if any(b.vectors for b in bodies):
        parts.append("#include <wasm2so/simd.h>")
    if any(b.atomics for b in bodies):
        parts.append("#include <wasm2so/atomic.h>")
    if any(b.exceptions for b in bodies):
        parts.append("#include <wasm2so/exception.h>")
    parts.append("")
    parts += [prototype(cx, func, static=plan.single) for func in sorted(used)]
    parts += [_render(cx, body, plan) for body in bodies]
    return ChunkText("\n".join(parts) + "\n", min((b.max_opt for b in bodies), default=3))


def _render(cx: ModuleContext, body: BodyText, plan: Plan) -> str:
    head = inner_head(cx, body.func) if body.tail_calls else definition_head(cx, body.func, static=plan.single)
    lines = ["", f"W2S_OWN_FRAME {head}" if body.keeps else head, *(f"  {line}" for line in body.lines), "}"]
    if body.tail_calls:
        lines += ["", definition_head(cx, body.func, static=plan.single)]
        lines += [*(f"  {line}" for line in tail_entry(cx, body.func)), "}"]
    return "\n".join(lines)


def render_body(module: Module, plan: Plan, func: int) -> str:
    """The lines of one function's body, without its head: what golden tests compare."""
    return "\n".join(emit_body(ModuleContext(module, plan), func).lines)


def check_bodies(module: Module, plan: Plan) -> None:
    """Validate all function bodies, keeping no text. Raises ModuleError subclasses, with the site."""
    cx = ModuleContext(module, plan)
    for i in range(len(module.bodies)):
        emit_body(cx, module.n_imported_funcs + i)
