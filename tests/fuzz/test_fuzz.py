"""The differential tests themselves: they see planted differences, and some dozens of modules agree with wasmtime."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from aot.wasm.decode import decode_module
from tests.fuzz.binary import bodies, instructions, join, skip_locals, split
from tests.fuzz.canonical import canonical_nans
from tests.fuzz.compare import Case, Run, compare
from tests.fuzz.dense import DenseGenerator
from tests.fuzz.engines import Ours, RefusedError, Wasmtime, wasmtime_engine
from tests.fuzz.generate import NoGeneratorError, Source, find_wasm_opt, generator, uses_legacy_exceptions
from tests.fuzz.instrument import instrument
from tests.fuzz.judge import COMPARED, Judge, Verdict
from tests.fuzz.relaxed import rounded_twice
from tests.fuzz.settings import Settings
from tests.fuzz.support import Supply

wasmtime = pytest.importorskip("wasmtime")

GUEST = """
(module
  (import "env" "log" (func $log (param f32)))
  (import "env" "throw" (func $throw (param i32)))
  (import "env" "tag" (tag $e (param i32)))
  (memory 1)
  (table 3 funcref)
  (global $g (mut v128) (v128.const i64x2 5 6))
  (func (export "value") (param f32 v128 funcref externref) (result v128 f64 funcref externref)
    (v128.const i64x2 1 2) (f64.const RESULT) (local.get 2) (local.get 3))
  (func (export "memory") (i32.store (i32.const 60000) (i32.const STORED)))
  (func (export "global") (global.set $g (v128.const i64x2 5 GLOBAL)))
  (func (export "table") (table.set (i32.const ENTRY) (ref.func $log)))
  (func (export "grow") (drop (memory.grow (i32.const PAGES))))
  (func (export "trap") TRAP)
  (func (export "exception") (throw $e (i32.const PAYLOAD)))
  (func (export "host") (call $log (f32.const LOGGED)))
  (elem declare func $log))
"""
SAME = {
    "RESULT": "1.5",
    "STORED": "7",
    "GLOBAL": "9",
    "ENTRY": "1",
    "PAGES": "1",
    "TRAP": "unreachable",
    "PAYLOAD": "3",
    "LOGGED": "2.5",
}
OTHER = {
    "RESULT": "1.25",
    "STORED": "8",
    "GLOBAL": "10",
    "ENTRY": "2",
    "PAGES": "2",
    "TRAP": "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
    "PAYLOAD": "4",
    "LOGGED": "-2.5",
}
NANS = """
(module
  (func (export "add") (param f32 f32) (result f32) (f32.add (local.get 0) (local.get 1)))
  (func (export "sqrt") (param v128) (result v128) (f64x2.sqrt (local.get 0)))
  (func (export "kept") (param f64) (result f64) (f64.neg (local.get 0))))
"""


def assembled(text: str, changes: dict[str, str]) -> bytes:
    for name, value in changes.items():
        text = text.replace(name, value)
    return bytes(wasmtime.wat2wasm(text))


def run(data: bytes, reference: bytes) -> Run:
    case = Case(1, Supply(), data, reference)
    return compare(case, Ours(case.host(), settings=Settings()), Wasmtime(case.host(), engine=wasmtime_engine()))


def test_a_module_agrees_with_itself() -> None:
    data = assembled(GUEST, SAME)
    result = run(data, data)
    assert result.difference is None
    assert set(result.outcomes) == {"return", "trap UNREACHABLE", "exception"}
    assert result.skipped == 0


@pytest.mark.parametrize("what", SAME)
def test_every_kind_of_difference_is_seen(what: str) -> None:
    result = run(assembled(GUEST, SAME), assembled(GUEST, {**SAME, what: OTHER[what]}))
    assert result.difference is not None


def test_a_module_only_one_side_refuses_is_a_difference() -> None:
    data = assembled(GUEST, SAME)
    refused = data.replace(b"\x0b", b"\xff", 1)
    result = compare_lazily(data, refused)
    assert result.difference is not None
    assert result.difference.where == "instantiation"


def compare_lazily(data: bytes, reference: bytes) -> Run:
    case = Case(1, Supply(), data)
    case.reference = reference
    return compare(case, Ours(case.host(), settings=Settings()), Wasmtime(case.host(), engine=wasmtime_engine()))


def test_what_both_refuse_is_told_apart() -> None:
    case = Case(1, Supply(), assembled(GUEST, SAME))
    case.data = case.reference = b"\0asm\2\0\0\0"
    with pytest.raises(RefusedError):
        compare(case, Ours(case.host(), settings=Settings()), Wasmtime(case.host(), engine=wasmtime_engine()))


def test_start_functions_that_trap_are_compared() -> None:
    for trap in ("unreachable", "(drop (i32.div_s (i32.const 1) (i32.const 0)))"):
        one = assembled('(module (func $s unreachable) (start $s) (func (export "f")))', {})
        other = assembled(f'(module (func $s {trap}) (start $s) (func (export "f")))', {})
        assert (run(one, other).difference is None) == (one == other)


def test_rewriting_keeps_instructions_as_they_are() -> None:
    data = assembled(GUEST, SAME)
    before, after = list(bodies(split(data))), list(bodies(split(instrument(data).data)))
    assert after[: len(before)] == before
    assert len(after) == len(before) + 8 + 1  # a wrapper for each exported function, and the one for the state
    assert join(split(data)) == join(split(join(split(data))))


def test_nans_are_made_canonical_unless_they_signal() -> None:
    data = canonical_nans(assembled(NANS, {}))
    engine = wasmtime_engine()
    store = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, instrument(data).data), []).exports(store)
    quiet, canonical, signalling = -1, 0x7FC0_0000, 0x7FA0_0000
    assert exports["$f0"](store, quiet, 0) == canonical
    assert exports["$f0"](store, signalling, 0) == canonical  # made quiet by the addition
    assert exports["$f0"](store, 0x3F80_0000, 0x3F80_0000) == 0x4000_0000
    assert exports["$f1"](store, -1, 4 << 60) == [0x7FF8 << 48, 0x3FF6_A09E_667F_3BCD]  # sqrt of 2
    assert exports["$f2"](store, -1) == (1 << 63) - 1  # no arithmetic: a NaN's bits are kept


def test_relaxed_products_are_compared_with_those_rounded_twice() -> None:
    """Rounding once gives negative zero, as the exact result is below zero."""
    text = """(module (func (export "f") (param v128 v128 v128) (result v128)
        (f64x2.relaxed_nmadd (local.get 0) (local.get 1) (local.get 2))))"""
    data = assembled(text, {})
    judge = Judge()
    source = Source(data, data, ())
    assert judge.compare(1, source, Settings(), canonical=False).verdict is Verdict.AGREES
    tiny = 1
    store = wasmtime.Store(wasmtime_engine())
    for module, expected in ((data, -1 << 63), (rounded_twice(data), 0)):
        instance = wasmtime.Instance(store, wasmtime.Module(store.engine, instrument(module).data), [])
        assert instance.exports(store)["$f0"](store, tiny, 0, tiny, 0, 0, 0)[0] == expected


def test_a_notification_that_traps_for_two_reasons_may_name_either() -> None:
    text = """(module (memory 1) (func (export "f") (drop (memory.atomic.notify (i32.const 65537) (i32.const 1)))))"""
    assert run(*[assembled(text, {})] * 2).difference is None
    other = text.replace("memory.atomic.notify (i32.const 65537) (i32.const 1)", "i32.atomic.load (i32.const 65537)")
    assert run(assembled(other, {}), assembled(other.replace("atomic.load", "load"), {})).difference is not None


def test_differences_in_the_bits_of_nans_are_told_from_others() -> None:
    """Here the sign of a NaN, which an engine may choose, is stored; there a number is wrong besides."""
    text = """(module (memory 1) (func (export "f") (i32.store (i32.const 8) (i32.reinterpret_f32 BITS))
        (f32.store (i32.const 0) (f32.div (f32.const 0) (f32.const 0)))))"""
    one = assembled(text, {"BITS": "(f32.div (f32.const 0) (f32.const 0))"})
    other = assembled(text, {"BITS": "(f32.neg (f32.div (f32.const 0) (f32.const 0)))"})
    judge = Judge()
    same = Source(one, one, ())
    assert judge._reads_nan_bits(1, same, Settings())
    plain = assembled(text, {"BITS": "(f32.const 1)"}).replace(b"\x43\0\0\0\0\x43\0\0\0\0", b"\x43\0\0\x80\x3f" * 2)
    assert not judge._reads_nan_bits(1, Source(plain, plain, ()), Settings())
    assert judge.compare(1, Source(one, other, ()), Settings(), canonical=True).verdict is Verdict.DIFFERS


def test_instructions_are_walked_to_the_end() -> None:
    for seed in range(20):
        for body in bodies(split(DenseGenerator().make(seed).data)):
            _, pos = skip_locals(body)
            *_, (last, _, end) = instructions(body, pos)
            assert (last, end) == (0x0B, len(body))


def test_our_own_generator_covers_what_it_says() -> None:
    used: Counter[int] = Counter()
    for seed in range(60):
        source = DenseGenerator().make(seed)
        decode_module(source.data)
        assert not uses_legacy_exceptions(source.reference)
        for body in bodies(split(source.data)):
            _, pos = skip_locals(body)
            used.update(op for op, _, _ in instructions(body, pos))
    named = {"try": 0x06, "catch": 0x07, "rethrow": 0x09, "delegate": 0x18, "catch_all": 0x19, "return_call": 0x12}
    named |= {"mul_wide_s": 0xFC0015, "memory.fill": 0xFC000B, "i8x16.shuffle": 0xFD000D, "relaxed": 0xFD0105}
    assert [name for name, op in named.items() if not used[op]] == []
    named |= {
        "rmw.add": 0xFE001E,
        "call_ref": 0x14,
        "table.init": 0xFC000C,
        "memory.init": 0xFC0008,
        "br_on_null": 0xD5,
    }
    assert [name for name, op in named.items() if not used[op]] == []
    assert len(used) > 480


@pytest.mark.parametrize("start", range(0, 24, 6))
def test_modules_of_our_own_agree(start: int) -> None:
    judge = Judge()
    reports = [judge.judge(seed, DenseGenerator()) for seed in range(start, start + 6)]
    assert [report for report in reports if report.verdict not in (Verdict.AGREES, Verdict.NAN_BITS)] == []


@pytest.mark.parametrize(("seed", "opt_level"), [(910005, 1), (910056, 3), (910134, 1), (910145, 3)])
def test_calls_and_atomics_between_accesses_through_a_segment(seed: int, opt_level: int) -> None:
    """gcc moved accesses past what it thought could not touch them."""
    source = DenseGenerator().make(seed)
    report = Judge().compare(seed, source, Settings("gcc", opt_level, "guard"), canonical=True)
    assert report.verdict is Verdict.AGREES, report


def test_modules_of_binaryen_agree() -> None:
    try:
        wasm_opt = find_wasm_opt(os.environ.get("WASM_OPT"))
    except NoGeneratorError as error:
        pytest.skip(f"no module of Binaryen's was compared: {error}")
    judge = Judge()
    with generator(wasm_opt) as made:
        reports = [judge.judge(seed, made) for seed in range(24)]
    assert [report for report in reports if report.verdict in (Verdict.DIFFERS, Verdict.CRASHED)] == []
    assert sum(report.verdict in COMPARED for report in reports) >= 16
