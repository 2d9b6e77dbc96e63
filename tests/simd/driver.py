"""Writes a C program that runs every function of simd.h on many inputs and prints one hash a function.

Whatever compiler, machine and optimisation made the program, it must print the same lines.
"""

from __future__ import annotations

from aot.wasm.op import Effect, Imm, Op
from aot.wasm.opcodes_simd import SIMD

_CTYPE = {"v": "w2s_v128", "i": "uint32_t", "l": "uint64_t", "f": "float", "d": "double"}
_INPUT = {"v": "vector()", "i": "word()", "l": "wide()", "f": "w2s_f32_bits(word())", "d": "w2s_f64_bits(wide())"}
_RESULT = {
    "v": "mix_vector(h, {})",
    "i": "mix(h, {})",
    "l": "mix(h, {})",
    "f": "mix(h, w2s_i32_bits({}))",
    "d": "mix(h, w2s_i64_bits({}))",
}
_KEEPS_NANS = ("abs", "neg", "pmin", "pmax", "eq", "ne", "lt", "gt", "le", "ge", "splat", "replace_lane")
"""Instructions with float lanes whose results are specified to the last bit."""

SHUFFLES = (
    "W2S_SHUFFLE8({}, {}, 31, 0, 2, 17, 4, 5, 7, 6, 24, 1, 3, 16, 30, 12, 9, 8)",
    "W2S_SHUFFLE16({}, {}, 15, 0, 2, 9, 4, 5, 7, 6)",
    "W2S_SHUFFLE32({}, {}, 7, 0, 2, 5)",
    "W2S_SHUFFLE64({}, {}, 3, 0)",
)

_HEAD = r"""
#include <stdio.h>
#include <string.h>
#include <wasm2so/simd.h>

static uint64_t seed;

static uint64_t next(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

/* 32 bits: now any, now a float's special value or an edge of integers, now small. */
static uint32_t word(void) {
  static const uint32_t special[] = {
      0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xff812345,
      0x7fbfffff, 0x4f000000, 0xcf000000, 0x4effffff, 0x4f800000, 0x4f7fffff, 0xbf7fffff, 0x3f000000, 0x3fc00000,
      0x40200000,
      1, 0x80000001, 0x007fffff, 0x00800000, 0x4b000000, 0x4b7fffff, 0xcf000001, 0x7fffffff, 0xffffffff, 0x80008000,
      0x7fff8000, 0x80808080, 0x7f7f7f7f, 0x01010101, 0x00010001, 0xffff0000};
  const uint64_t r = next();
  switch (r >> 60) {
    case 0: case 1: case 2: case 3: case 4: return special[(uint32_t)r % (sizeof special / sizeof *special)];
    case 5: return (uint32_t)r & 0xff;
    case 6: return 0x3f800000u + ((uint32_t)r & 0x1fffffff);
    default: return (uint32_t)r;
  }
}

static uint64_t wide(void) {
  static const uint64_t special[] = {
      0, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000,
      0x7ff8000000000000, 0x7ff0000000000001, 0xfff7ffffffffffff, 0x41dfffffffc00000, 0x41e0000000000000,
      0xc1e0000000000000, 0xc1e0000000200000, 0x41efffffffe00000, 0x41effffffff00000, 0x41f0000000000000,
      0xbfefffffffffffff, 0x3fe0000000000000, 0x4330000000000000, 0x36a0000000000000, 0x3690000000000000,
      0x47efffffe0000000, 0x47effffff0000000, 1, 0xffffffffffffffff, 0x7fffffffffffffff, 0x00000000ffffffff};
  const uint64_t r = next();
  switch (r >> 61) {
    case 0: case 1: return special[(uint32_t)r % (sizeof special / sizeof *special)];
    case 2: return 0x3ff0000000000000u + (r & 0x07ffffffffffffffu);
    case 3: return next();
    default: return (uint64_t)word() << 32 | word();
  }
}

static w2s_v128 vector(void) {
  const uint64_t low = wide();
  return (w2s_v128){low, wide()};
}

static uint64_t mix(uint64_t h, uint64_t x) {
  h = (h ^ x) * 0x9e3779b97f4a7c15u;
  return h ^ h >> 32;
}

static uint64_t mix_vector(uint64_t h, w2s_v128 v) { return mix(mix(h, v[0]), v[1]); }

static int signalling;

/* NaNs may have any sign and payload, but must be quiet. */
static w2s_v128 same_nans32(w2s_v128 v) {
  w2s_u32x4 x = (w2s_u32x4)v;
  for (int i = 0; i < 4; i++) {
    if ((x[i] & 0x7fffffffu) <= 0x7f800000u) continue;
    signalling |= !(x[i] & 0x400000u);
    x[i] = 0x7fc00000u;
  }
  return (w2s_v128)x;
}

static w2s_v128 same_nans64(w2s_v128 v) {
  for (int i = 0; i < 2; i++) {
    if ((v[i] & 0x7fffffffffffffffu) <= 0x7ff0000000000000u) continue;
    signalling |= !(v[i] & 0x8000000000000u);
    v[i] = 0x7ff8000000000000u;
  }
  return v;
}

static uint8_t bytes[4096 + 64];
static struct w2s_memory memory = {.base = bytes, .bytes = sizeof bytes};
static w2s_vm *const vm = 0;

static void begin(void) {
  seed = 0x123456789abcdefu;
  for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)next();
}

static void end(const char *name, uint64_t h) {
  printf("%s %016llx%s\n", name, (unsigned long long)h, signalling ? " SIGNALLING" : "");
  signalling = 0;
}

static uint64_t hash_bytes(uint64_t h) {
  for (unsigned i = 0; i < sizeof bytes; i++) h = mix(h, bytes[i]);
  return h;
}
"""


def _normal(op: Op, call: str) -> str:
    """``call``, with NaNs made the same where the specification leaves them open."""
    shape, _, name = op.name.partition(".")
    if op.result != "v" or shape not in ("f32x4", "f64x2") or name in _KEEPS_NANS:
        return call
    return f"same_nans{shape[1:3]}({call})"


def _lines(op: Op) -> list[str]:
    """Statements that run ``op`` once and mix the result into ``h``."""
    names = "abc"[: len(op.params)]
    inputs = [f"const {_CTYPE[t]} {name} = {_INPUT[t]};" for t, name in zip(op.params, names, strict=True)]
    assert op.c is not None
    if op.imm is Imm.NONE:
        return [*inputs, f"h = {_RESULT[op.result].format(_normal(op, op.c % tuple(names)))};"]
    if op.imm is Imm.LANE:
        args = ", ".join(names)
        calls = [f"{op.c}({args}, {lane})" for lane in range(16 >> op.align)]
        return [*inputs, *(f"h = {_RESULT[op.result].format(call)};" for call in calls)]
    lanes = range(16 >> op.align) if op.imm is Imm.MEMARG_LANE else [None]
    lines = ["const uint32_t at = word() & 4095;"]
    if len(op.params) == 2:
        lines.append("const w2s_v128 v = vector();")
    for lane in lanes:
        rest = "" if len(op.params) == 1 else ", v" if lane is None else f", v, {lane}"
        for call in (f"{op.c}(bytes, at, 3{rest})", f"{op.c}_c(vm, &memory, at, 5{rest})"):
            lines.append(f"h = mix_vector(h, {call});" if op.effect is Effect.READ else f"{call};")
    return lines


def program(inputs: int) -> str:
    """The program's text; it runs every function on so many inputs."""
    parts = [_HEAD]
    names: list[str] = []
    for op in SIMD:
        if op.c is None:
            continue
        name = f"op{len(names)}"
        names.append(name)
        body = "\n    ".join(_lines(op))
        final = "hash_bytes(h)" if op.effect is Effect.WRITE else "h"
        parts.append(
            f"static void {name}(void) {{\n  uint64_t h = 0;\n  begin();\n  for (int n = 0; n < {inputs}; n++) {{\n"
            f'    {body}\n  }}\n  end("{op.name}", {final});\n}}\n'
        )
    for k, text in enumerate(SHUFFLES):
        name = f"shuffle{k}"
        names.append(name)
        parts.append(
            f"static void {name}(void) {{\n  uint64_t h = 0;\n  begin();\n  for (int n = 0; n < {inputs}; n++) {{\n"
            f"    const w2s_v128 a = vector(), b = vector();\n    h = mix_vector(h, {text.format('a', 'b')});\n  }}\n"
            f'  end("{name}", h);\n}}\n'
        )
    calls = "".join(f"  {name}();\n" for name in names)
    return "\n".join([*parts, f"int main(void) {{\n{calls}  return 0;\n}}\n"])
