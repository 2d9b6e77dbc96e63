"""Rewrites a module so that it computes the same bits everywhere: NaNs are the one thing the specification leaves open.

Behind every instruction whose NaNs may have any sign and payload, the result is tested: a quiet NaN becomes the
positive canonical one. A signalling one, which no such instruction may give, is left as it is and so comes to light.
"""

from __future__ import annotations

from aot.wasm.decode import decode_module
from aot.wasm.opcodes import BY_NAME
from tests.fuzz.binary import CODE, bodies, instructions, join, n_locals, skip_locals, split
from tests.wasm_builder import i32_const, sized, sleb, uleb, vec

_F32 = ("ceil", "floor", "trunc", "nearest", "sqrt", "add", "sub", "mul", "div", "min", "max")
_VECTOR_F32 = tuple(f"f32x4.{name}" for name in _F32) + (
    "f32x4.demote_f64x2_zero",
    "f32x4.relaxed_madd",
    "f32x4.relaxed_nmadd",
    "f32x4.relaxed_min",
    "f32x4.relaxed_max",
)
_VECTOR_F64 = tuple(f"f64x2.{name}" for name in _F32) + (
    "f64x2.promote_low_f32x4",
    "f64x2.relaxed_madd",
    "f64x2.relaxed_nmadd",
    "f64x2.relaxed_min",
    "f64x2.relaxed_max",
)
_GIVES = {
    **{BY_NAME[f"f32.{name}"].code: "f32" for name in (*_F32, "demote_f64")},
    **{BY_NAME[f"f64.{name}"].code: "f64" for name in (*_F32, "promote_f32")},
    **{BY_NAME[name].code: "f32x4" for name in _VECTOR_F32},
    **{BY_NAME[name].code: "f64x2" for name in _VECTOR_F64},
}
"""Opcode -> what it gives, for instructions whose NaNs are not determined."""

_TYPES = {"f32": b"\x7d", "f64": b"\x7c", "v128": b"\x7b"}
_LOCAL = {"f32": "f32", "f64": "f64", "f32x4": "v128", "f64x2": "v128"}
_QUIET32, _QUIET64 = 0x0040_0000, 0x0008_0000_0000_0000
_NAN32, _NAN64 = 0x7FC0_0000, 0x7FF8_0000_0000_0000


def _i64_const(value: int) -> bytes:
    return b"\x42" + sleb(value)


def _v128_const(lane: int, size: int) -> bytes:
    return b"\xfd\x0c" + lane.to_bytes(size, "little") * (16 // size)


def _vector(name: str) -> bytes:
    return b"\xfd" + uleb(BY_NAME[name].code & 0xFFFF)


def _fix(kind: str, temp: int) -> bytes:
    """Code that replaces a quiet NaN on top of the stack; ``temp`` is a local of that type."""
    tee, get = b"\x22" + uleb(temp), b"\x20" + uleb(temp)
    if kind == "f32":
        signalling = get + b"\xbc" + i32_const(_QUIET32) + b"\x71\x45"
        return tee + b"\x43" + _NAN32.to_bytes(4, "little") + get + get + b"\x5b" + signalling + b"\x72\x1b"
    if kind == "f64":
        signalling = get + b"\xbd" + _i64_const(_QUIET64) + b"\x83\x50"
        return tee + b"\x44" + _NAN64.to_bytes(8, "little") + get + get + b"\x61" + signalling + b"\x72\x1b"
    size = 4 if kind == "f32x4" else 8
    nan, quiet = (_NAN32, _QUIET32) if size == 4 else (_NAN64, _QUIET64)
    integer = "i32x4" if size == 4 else "i64x2"
    signalling = get + _v128_const(quiet, size) + _vector("v128.and") + _v128_const(0, size) + _vector(f"{integer}.eq")
    mask = get + get + _vector(f"{kind}.eq") + signalling + _vector("v128.or")
    return tee + _v128_const(nan, size) + mask + _vector("v128.bitselect")


def canonical_nans(data: bytes) -> bytes:
    """The rewritten module."""
    module, sections = decode_module(data), split(data)
    first = module.n_imported_funcs
    changed = []
    for k, body in enumerate(bodies(sections)):
        groups, pos = skip_locals(body)
        base = len(module.func_type(first + k).params) + n_locals(groups)
        temps: dict[str, int] = {}
        out = bytearray()
        for op, start, end in instructions(body, pos):
            out += body[start:end]
            kind = _GIVES.get(op)
            if kind:
                out += _fix(kind, temps.setdefault(_LOCAL[kind], base + len(temps)))
        added = [uleb(1) + _TYPES[name] for name in temps]
        changed.append(sized(vec([*groups, *added]) + bytes(out)))
    sections[CODE] = vec(changed)
    return join(sections)
