"""What a C file knows of its module: the context's fields, the types and the stubs that its text names, nothing else.

So a change of the module that does not concern a file leaves its text as it is, and compiled objects can be kept.
"""

from __future__ import annotations

import re

from aot.abi.layout import Field
from aot.emit import names
from aot.emit.context import ModuleContext
from aot.emit.signature import typedef

_FIELD = re.compile(r"vm->([a-z_]+\d*)(?:\[(\d+)\])?")
_FUNC_TYPE = re.compile(r"w_t(\d+)")
_TRAMPOLINE = re.compile(r"w_tramp(\d+)")
"""FAST: patterns begin with what is looked for as a string; no name has these inside of it."""


def layout_assert(what: str, value: int) -> str:
    return f'_Static_assert({what} == {value}, "layout");'


def includes(cx: ModuleContext, *, vectors: bool) -> list[str]:
    """Headers for every file, and what says how they are meant. simd.h is large: only files with vectors read it."""
    return [
        *([] if cx.options.precise else ["#define W2S_RELAXED_TRAPS 1"]),
        *(["#define W2S_SEGMENTED 1"] if cx.segmented else []),
        "#include <wasm2so/mem.h>",
        "#include <wasm2so/call.h>",
        *(["#include <wasm2so/simd.h>"] if vectors else []),
    ]


def preamble(cx: ModuleContext, text: str) -> list[str]:
    """The lines that stand before ``text``, the prototypes and functions of one of several files."""
    fields = _context(cx, text)
    types = sorted(map(int, set(_FUNC_TYPE.findall(text))))
    trampolines = sorted(map(int, set(_TRAMPOLINE.findall(text))))
    declared = "\n".join([*fields, *(typedef(cx, k) for k in types)])
    return [
        *includes(cx, vectors="w2s_v128" in text or "w2s_v128" in declared),
        "",
        *fields,
        *(typedef(cx, k) for k in types),
        *(trampoline_prototype(k) for k in trampolines),
        *([f"extern uint32_t {names.TYPE_IDS}[];"] if names.TYPE_IDS in text else []),
        *([f"extern void (*const {names.CROSSINGS}[])(void);"] if names.CROSSINGS in text else []),
        "",
    ]


def trampoline_prototype(type_index: int) -> str:
    return f"void {names.trampoline(type_index)}(struct w2s_funcref *, union w2s_value *);"


def _context(cx: ModuleContext, text: str) -> list[str]:
    """The context's struct as far as ``text`` names it, with bytes of no name in between."""
    last: dict[str, int] = {"head": 0}
    for name, index in set(_FIELD.findall(text)):
        last[name] = max(last.get(name, 0), int(index or 0))
    used = [field for field in cx.layout.fields if field.name in last]
    lines, asserts, end = ["struct w2s_vm {"], [], 0
    for number, field in enumerate(used):
        if field.offset > end:
            lines.append(f"  uint8_t x{number}[{field.offset - end}];")
        lines.append(f"  {_declaration(field, last[field.name] + 1)}")
        end = field.offset + field.size * (1 if field.n is None else last[field.name] + 1)
        asserts.append(layout_assert(f"__builtin_offsetof(struct w2s_vm, {field.name})", field.offset))
    return [*lines, "};", *asserts]


def _declaration(field: Field, n: int) -> str:
    """The field, with as many elements as there must be: an array grows with the module."""
    return field.declaration if field.n is None else f"{field.ctype} {field.name}[{n}];"
