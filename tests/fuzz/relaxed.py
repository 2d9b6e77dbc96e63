"""Rewrites a module so that multiplying and adding rounds twice, which is the first of the two choices that the
specification leaves open for the relaxed instructions, and the one of this engine. wasmtime rounds once.
"""

from __future__ import annotations

from aot.wasm.decode import decode_module
from aot.wasm.opcodes import BY_NAME
from tests.fuzz.binary import CODE, bodies, instructions, join, n_locals, skip_locals, split
from tests.wasm_builder import sized, uleb, vec


def _vector(name: str) -> bytes:
    return b"\xfd" + uleb(BY_NAME[name].code & 0xFFFF)


def _two_steps(shape: str, *, negate: bool, temp: bytes) -> bytes:
    """Code for ``a * b + c`` or ``-(a * b) + c``; ``temp`` keeps c."""
    negation = _vector(f"{shape}.neg") if negate else b""
    return b"\x21" + temp + _vector(f"{shape}.mul") + negation + b"\x20" + temp + _vector(f"{shape}.add")


_FUSED = {
    BY_NAME[f"{shape}.relaxed_{name}"].code: (shape, name == "nmadd")
    for shape in ("f32x4", "f64x2")
    for name in ("madd", "nmadd")
}
"""Opcode -> its shape, and whether the product is negated."""


def rounded_twice(data: bytes) -> bytes:
    """The rewritten module; the same bytes if it has no such instruction."""
    sections = split(data)
    code = sections.get(CODE, b"")
    if not any(b"\xfd" + uleb(op & 0xFFFF) in code for op in _FUSED):
        return data
    module, changed = decode_module(data), []
    for k, body in enumerate(bodies(sections)):
        groups, pos = skip_locals(body)
        temp = uleb(len(module.func_type(module.n_imported_funcs + k).params) + n_locals(groups))
        out = bytearray()
        for op, start, end in instructions(body, pos):
            if op in _FUSED:
                shape, negate = _FUSED[op]
                out += _two_steps(shape, negate=negate, temp=temp)
            else:
                out += body[start:end]
        changed.append(sized(vec([*groups, uleb(1) + b"\x7b"]) + bytes(out)))
    sections[CODE] = vec(changed)
    return join(sections)
