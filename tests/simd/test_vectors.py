"""Vector instructions in compiled modules: what optimisers must not change, and vectors across every boundary."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from typing import Literal

import pytest

import aot
from tests.wast.assemble import assemble

COMPILERS = [
    pytest.param(cc, opt, marks=() if (cc, opt) == ("gcc", 2) else pytest.mark.slow)
    for cc, opt in itertools.product(("gcc", "clang"), (0, 1, 2))
]
Run = Callable[..., bytes]


def lanes(fmt: str, *values: float) -> bytes:
    return struct.pack(f"<{len(values)}{fmt}", *values)


def instance(text: str, cc: str = "gcc", opt: int = 2, memory: Literal["guard", "checked"] = "guard") -> aot.Instance:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt, memory=memory))
    return aot.Instance(aot.Store(engine), aot.Module(engine, assemble(text.encode())), [])


# ---- constants that compilers would fold away

SIGNALLING_F32 = lanes("I", 0x7FA00000, 0xFF800001, 0x7FBFFFFF, 0xFFA00000)
SIGNALLING_F64 = lanes("Q", 0x7FF4000000000000, 0xFFF0000000000001)

NEUTRAL = """(module
  (func (export "f32 * 1") (param v128) (result v128)
    (f32x4.mul (local.get 0) (v128.const f32x4 1 1 1 1)))
  (func (export "f32 * 1 by lanes") (param v128) (result v128) (local v128)
    (local.set 1 (i32x4.splat (i32.const 0x3f800000)))
    (f32x4.mul (local.get 1) (local.get 0)))
  (func (export "f32 * -1") (param v128) (result v128)
    (f32x4.mul (local.get 0) (f32x4.splat (f32.const -1))))
  (func (export "f32 / 1") (param v128) (result v128)
    (f32x4.div (local.get 0) (f32x4.convert_i32x4_s (i32x4.splat (i32.const 1)))))
  (func (export "f32 - 0") (param v128) (result v128)
    (f32x4.sub (local.get 0) (v128.xor (local.get 0) (local.get 0))))
  (func (export "f32 + -0") (param v128) (result v128)
    (f32x4.add (v128.const f32x4 -0 -0 -0 -0) (local.get 0)))
  (func (export "f32 * 1 + -0") (param v128) (result v128)
    (f32x4.relaxed_madd (local.get 0) (v128.const f32x4 1 1 1 1) (v128.const f32x4 -0 -0 -0 -0)))
  (func (export "f32 sqrt of constants") (param v128) (result v128)
    (f32x4.sqrt (v128.const i32x4 0x7fa00000 0xff800001 0x7fbfffff 0xffa00000)))
  (func (export "f32 ceil of constants") (param v128) (result v128)
    (f32x4.ceil (v128.const i32x4 0x7fa00000 0xff800001 0x7fbfffff 0xffa00000)))
  (func (export "f32 max with constants") (param v128) (result v128)
    (f32x4.max (v128.const i32x4 0x7fa00000 0xff800001 0x7fbfffff 0xffa00000) (v128.const i64x2 0 0)))
  (func (export "f64 * 1") (param v128) (result v128)
    (f64x2.mul (local.get 0) (v128.const f64x2 1 1)))
  (func (export "f64 / -1") (param v128) (result v128)
    (f64x2.div (local.get 0) (v128.const f64x2 -1 -1)))
  (func (export "f64 - 0") (param v128) (result v128) (local v128)
    (f64x2.sub (local.get 0) (local.get 1)))
  (func (export "f64 there and back") (param v128) (result v128)
    (f64x2.promote_low_f32x4 (f32x4.demote_f64x2_zero (local.get 0)))))
"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_arithmetic_with_neutral_constants_makes_nans_quiet(cc: str, opt: int) -> None:
    exports = instance(NEUTRAL, cc, opt).exports
    for name, function in exports.items():
        if name.startswith("f32"):
            result = struct.unpack("<4I", function(SIGNALLING_F32))
            assert all(lane & 0x7FC00000 == 0x7FC00000 for lane in result), name
        else:
            wide = struct.unpack("<2Q", function(SIGNALLING_F64))
            assert all(lane & 0x7FF8000000000000 == 0x7FF8000000000000 for lane in wide), name


CONSTANTS = """(module
  (func (export "f32 s") (result v128) (i32x4.trunc_sat_f32x4_s (v128.const f32x4 nan inf -inf 3e9)))
  (func (export "f32 u") (result v128) (i32x4.trunc_sat_f32x4_u (v128.const f32x4 nan -1 5e9 3e9)))
  (func (export "f64 s") (result v128) (i32x4.trunc_sat_f64x2_s_zero (v128.const f64x2 -inf 3e9)))
  (func (export "f64 u") (result v128) (i32x4.trunc_sat_f64x2_u_zero (v128.const f64x2 nan 3e9)))
  (func (export "q15") (result v128)
    (i16x8.q15mulr_sat_s (i16x8.splat (i32.const -32768)) (i16x8.splat (i32.const -32768)))))
"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_conversions_of_constants_saturate(cc: str, opt: int) -> None:
    exports = instance(CONSTANTS, cc, opt).exports
    assert exports["f32 s"]() == lanes("I", 0, 0x7FFFFFFF, 0x80000000, 0x7FFFFFFF)
    assert exports["f32 u"]() == lanes("I", 0, 0, 0xFFFFFFFF, 3_000_000_000)
    assert exports["f64 s"]() == lanes("I", 0x80000000, 0x7FFFFFFF, 0, 0)
    assert exports["f64 u"]() == lanes("I", 0, 3_000_000_000, 0, 0)
    assert exports["q15"]() == lanes("h", *[0x7FFF] * 8)


# ---- memory

DEAD = """(module (memory 1)
  (func (export "load") (param i32) (drop (v128.load (local.get 0))))
  (func (export "load8x8_s") (param i32) (drop (v128.load8x8_s (local.get 0))))
  (func (export "load32_zero") (param i32) (drop (v128.load32_zero (local.get 0))))
  (func (export "load64_splat") (param i32) (drop (v128.load64_splat (local.get 0))))
  (func (export "load8_splat") (param i32) (drop (v128.load8_splat (local.get 0))))
  (func (export "load16_lane") (param i32) (drop (v128.load16_lane 3 (local.get 0) (v128.const i64x2 0 0))))
  (func (export "load and clear") (param i32) (result v128)
    (v128.and (v128.load (local.get 0)) (v128.const i64x2 0 0)))
  (func (export "load and store back") (param i32) (v128.store (local.get 0) (v128.load (local.get 0))))
  (func (export "store64_lane") (param i32) (v128.store64_lane 1 (local.get 0) (v128.const i64x2 1 2))))
"""


@pytest.mark.parametrize("memory", ["guard", "checked"])
@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_accesses_out_of_bounds_trap_though_nothing_uses_them(
    cc: str, opt: int, memory: Literal["guard", "checked"]
) -> None:
    for name, function in instance(DEAD, cc, opt, memory).exports.items():
        function(65536 - 16)
        for address in (65536, -1):
            with pytest.raises(aot.Trap) as caught:
                function(address)
            assert caught.value.trap_code is aot.TrapCode.MEMORY_OUT_OF_BOUNDS, name


# ---- boundaries

BOUNDARIES = """(module
  (type $pair (func (param v128 i32) (result i32 v128)))
  (import "env" "host" (func $host (type $pair)))
  (import "env" "given" (global $given v128))
  (import "env" "counter" (global $counter (mut v128)))
  (global $own (export "own") (mut v128) (v128.const i64x2 3 4))
  (global $constant (export "constant") v128 (v128.const i64x2 5 6))
  (global $copy (export "copy") v128 (global.get $given))
  (table 1 funcref) (elem (i32.const 0) $swap)
  (func $swap (export "swap") (type $pair) (local.get 1) (local.get 0))
  (func (export "through host") (type $pair) (call $host (local.get 0) (local.get 1)))
  (func (export "through table") (type $pair)
    (call_indirect (type $pair) (local.get 0) (local.get 1) (i32.const 0)))
  (func (export "globals") (result v128)
    (global.set $own (i64x2.add (global.get $own) (global.get $constant)))
    (global.set $counter (i64x2.add (global.get $counter) (global.get $given)))
    (global.get $own))
  (func (export "block") (param v128 i32) (result v128)
    (block (result v128) (br_if 0 (local.get 0) (local.get 1)) (drop) (v128.const i64x2 7 7)))
  (func (export "loop") (param i32) (result v128)
    (v128.const i64x2 0 1)
    (loop (param v128) (result v128)
      (i64x2.add (v128.const i64x2 1 1))
      (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (br_if 0)))
  (func (export "unset") (result v128) (local v128) (local.get 0))
  (func (export "select") (param v128 v128 i32) (result v128)
    (select (local.get 0) (local.get 1) (local.get 2)))
  (func (export "many") (param v128 v128 v128 v128 v128 v128 v128 v128 v128 v128) (result v128 v128 v128)
    (local.get 9) (local.get 0) (local.get 8)))
"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_vectors_cross_every_boundary(cc: str, opt: int) -> None:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt))
    store = aot.Store(engine)
    v128, i32 = aot.ValType.v128(), aot.ValType.i32()
    seen: list[tuple[bytes, int]] = []

    def host(vector: bytes, number: int) -> tuple[int, bytes]:
        seen.append((vector, number))
        return number + 1, vector[::-1]

    given = aot.Global(store, aot.GlobalType(v128, False), lanes("Q", 1, 2))
    counter = aot.Global(store, aot.GlobalType(v128, True), bytes(16))
    imports = [aot.Func(store, aot.FuncType([v128, i32], [i32, v128]), host), given, counter]
    exports = aot.Instance(store, aot.Module(engine, assemble(BOUNDARIES.encode())), imports).exports
    vector = bytes(range(16))
    assert exports["swap"](vector, 8) == (8, vector)
    assert exports["through table"](vector, 9) == (9, vector)
    assert exports["through host"](vector, 10) == (11, vector[::-1])
    assert seen == [(vector, 10)]
    assert exports["globals"]() == lanes("Q", 8, 10) == exports["own"].value
    assert exports["globals"]() == lanes("Q", 13, 16)
    assert counter.value == lanes("Q", 2, 4)
    assert exports["copy"].value == lanes("Q", 1, 2)
    assert exports["block"](vector, 1) == vector
    assert exports["block"](vector, 0) == lanes("Q", 7, 7)
    assert exports["loop"](5) == lanes("Q", 5, 6)
    assert exports["unset"]() == bytes(16)
    assert exports["select"](vector, bytes(16), 1) == vector
    many = [bytes([k] * 16) for k in range(10)]
    assert exports["many"](*many) == (many[9], many[0], many[8])


JUMPS = """(module
  (tag $tag (param v128 i32))
  (type $both (func (param v128 i32) (result v128 i32)))
  (table 1 funcref) (elem (i32.const 0) $count)
  (func $count (export "count") (type $both)
    (if (i32.eqz (local.get 1)) (then (return (local.get 0) (local.get 1))))
    (return_call $turned (local.get 1) (local.get 0)))
  (func $turned (param i32 v128) (result v128 i32)
    (return_call_indirect (type $both)
      (i64x2.add (local.get 1) (v128.const i64x2 1 2)) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0)))
  (func $throw (param v128 i32) (throw $tag (local.get 0) (local.get 1)))
  (func (export "catch") (type $both)
    (block $handler (result v128 i32)
      (try_table (catch $tag $handler) (call $throw (local.get 0) (local.get 1)))
      (unreachable))))
"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_vectors_in_tail_calls_and_exceptions(cc: str, opt: int) -> None:
    exports = instance(JUMPS, cc, opt).exports
    assert exports["count"](bytes(16), 100_000) == (lanes("Q", 100_000, 200_000), 0)
    assert exports["catch"](bytes(range(16)), 9) == (bytes(range(16)), 9)


SHARED = """(module (memory 1 1 shared)
  (func (export "load") (param i32) (result v128) (v128.load (local.get 0)))
  (func (export "load lane") (param i32 v128) (result v128) (v128.load8_lane 3 (local.get 0) (local.get 1)))
  (func (export "store") (param i32 v128) (v128.store (local.get 0) (local.get 1)))
  (func (export "store lane") (param i32 v128) (v128.store16_lane 1 (local.get 0) (local.get 1))))
"""


@pytest.mark.parametrize("memory", ["guard", "checked"])
def test_vectors_in_shared_memory(memory: Literal["guard", "checked"]) -> None:
    exports = instance(SHARED, memory=memory).exports
    vector = bytes(range(16))
    exports["store"](65520, vector)
    assert exports["load"](65520) == vector
    exports["store lane"](0, vector)
    assert exports["load"](0) == vector[2:4] + bytes(14)
    assert exports["load lane"](65535, bytes(16)) == bytes(3) + vector[15:] + bytes(12)
    for function, *rest in (("load",), ("load lane", vector), ("store", vector), ("store lane", vector)):
        with pytest.raises(aot.Trap, match="out of bounds memory access"):
            exports[function](65536, *rest)


def test_only_sixteen_bytes_are_a_vector() -> None:
    swap = instance('(module (func (export "f") (param v128) (result v128) (local.get 0)))').exports["f"]
    assert swap(bytearray(range(16))) == bytes(range(16))
    for wrong in (bytes(15), bytes(17), 0, "0123456789abcdef", None):
        with pytest.raises(TypeError, match="16 bytes"):
            swap(wrong)


# ---- what is refused


def refused(text: str, **switches: bool) -> str:
    config = aot.Config()
    for name, on in switches.items():
        setattr(config, name, on)
    engine = aot.Engine(config)
    with pytest.raises(aot.errors.UnsupportedError) as caught:
        aot.Module(engine, assemble(text.encode()))
    return str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "(module (func (param v128)))",
        "(module (global v128 (v128.const i64x2 0 0)))",
        "(module (func (local v128)))",
        "(module (func (drop (v128.const i64x2 0 0))))",
        "(module (func (block (result v128) (unreachable)) (drop)))",
        "(module (func (unreachable) (select (result v128)) (drop)))",
    ],
)
def test_vectors_switched_off_are_refused_by_name(text: str) -> None:
    assert "the feature simd is switched off" in refused(text, wasm_simd=False)


def test_relaxed_instructions_switched_off_are_refused_by_name() -> None:
    text = "(module (func (param v128 v128) (drop (f32x4.relaxed_min (local.get 0) (local.get 1)))))"
    assert "the feature relaxed_simd is switched off" in refused(text, wasm_relaxed_simd=False)
    assert "the feature simd is switched off" in refused(text, wasm_simd=False, wasm_relaxed_simd=True)
