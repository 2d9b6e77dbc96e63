"""Tail calls take no stack, whatever the signatures, the callee's module and the compiler's optimisation."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import aot
from aot.build import BuildOptions, compile_to_file
from tests.wast.assemble import assemble

COMPILERS = [
    pytest.param(cc, opt, marks=() if (cc, opt) in (("gcc", 0), ("gcc", 2), ("clang", 2)) else pytest.mark.slow)
    for cc, opt in itertools.product(("gcc", "clang"), (0, 1, 2))
]
DEEP = 10_000_000


def instance_of(engine: aot.Engine, store: aot.Store, text: str, *imports: object) -> aot.Instance:
    return aot.Instance(store, aot.Module(engine, assemble(text.encode())), list(imports))


def pair(engine: aot.Engine, store: aot.Store) -> aot.Instance:
    """PING, linked with PONG."""
    ping = instance_of(engine, store, PING)
    instance_of(engine, store, PONG, ping.exports["ping"], ping.exports["table"])
    return ping


PING = """(module
  (type $pong (func (param i64 f64 i32 i32 i32 i32 i32 i32) (result i32)))
  (table (export "table") 1 funcref)
  (func (export "ping") (param $n i64) (param $x f32) (result i32)
    (if (i64.eqz (local.get $n)) (then (return (i32.trunc_f32_s (local.get $x)))))
    (return_call_indirect (type $pong) (local.get $n) (f64.promote_f32 (local.get $x))
      (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 0)))
  (func (export "count") (param $n i64) (param $sum i64) (result i64)
    (if (i64.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call 1 (i64.sub (local.get $n) (i64.const 1)) (i64.add (local.get $sum) (local.get $n)))))"""

PONG = """(module
  (import "ping" "ping" (func $ping (param i64 f32) (result i32)))
  (import "ping" "table" (table 1 funcref))
  (elem (i32.const 0) $pong)
  (func $pong (param $n i64) (param $x f64) (param i32 i32 i32 i32 i32 i32) (result i32)
    (return_call $ping (i64.sub (local.get $n) (i64.const 1)) (f32.demote_f64 (local.get $x)))))"""

# every function hands on a sum, to one with other parameters, by another kind of call
RING = """(module
  (type $a (func (param i64 i64) (result i64)))
  (type $b (func (param i64 f64 i32 i64) (result i64)))
  (type $c (func (param v128 i64 i64 f32) (result i64)))
  (type $d (func (param i64 i32 i32 i32 i32 i32 i32 i32 i64) (result i64)))
  (type $e (func (param f64 f64 f64 f64 f64 f64 f64 f64 f64 i64 i64) (result i64)))
  (table (export "table") funcref (elem $b $d))
  (elem declare func $c)
  (func $a (export "ring") (type $a)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $b) (local.get 0) (f64.const 1) (i32.const 2) (local.get 1) (i32.const 0)))
  (func $b (type $b)
    (return_call_ref $c (v128.const i64x2 1 2) (local.get 0) (local.get 3) (f32.const 3) (ref.func $c)))
  (func $c (type $c)
    (return_call_indirect (type $d) (local.get 1) (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5)
      (i32.const 6) (i32.const 7) (i64.add (local.get 2) (i64x2.extract_lane 1 (local.get 0))) (i32.const 1)))
  (func $d (type $d)
    (return_call $e (f64.const 1) (f64.const 2) (f64.const 3) (f64.const 4) (f64.const 5) (f64.const 6) (f64.const 7)
      (f64.const 8) (f64.const 9) (local.get 0) (local.get 8)))
  (func $e (type $e)
    (return_call $a (i64.sub (local.get 9) (i64.const 1)) (i64.add (local.get 10) (i64.const 1)))))"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_ten_million_deep(cc: str, opt: int) -> None:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt))
    store = aot.Store(engine)
    ping = pair(engine, store)
    assert ping.ping(DEEP // 2, 7.5) == 7  # through two modules and two signatures
    assert ping.count(DEEP, 0) == DEEP * (DEEP + 1) // 2
    assert instance_of(engine, store, RING).ring(DEEP // 5, 0) == DEEP // 5 * 3


THERE = """(module
  (type $step (func (param i64 i64) (result i64)))
  (table (export "table") 2 funcref)
  (elem (i32.const 0) $there)
  (func $there (export "there") (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect (type $step)
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1)) (i32.const 1))))"""

BACK = """(module
  (type $step (func (param i64 i64) (result i64)))
  (import "there" "there" (func $there (type $step)))
  (import "there" "table" (table 2 funcref))
  (elem (i32.const 1) $back)
  (func $back (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $there (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1)))))"""


@pytest.mark.parametrize(("there", "back"), [("gcc", 0), ("gcc", 2), ("clang", 2), ("clang", 1)], ids=str)
def test_jumps_and_requests_may_be_mixed(there: str, back: int) -> None:
    """One module optimised, so that its tail calls are jumps, and one not."""
    first = aot.Engine(aot.Config(cc=there, opt_level=2))
    second = aot.Engine(aot.Config(cc=there, opt_level=back))
    for one, other in ((first, second), (second, first)):
        store = aot.Store(one)
        exports = instance_of(one, store, THERE).exports
        instance_of(other, store, BACK, exports["there"], exports["table"])
        assert exports["there"](DEEP // 10, 0) == DEEP // 10


CHUNKED = """(module
  (func $a (export "a") (param i64 i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    {padding}
    (return_call $b (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1))))
  (func $b (param i64 i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $c (i32.const 1) (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1))))
  (func $c (param i32 i64 i64) (result i64)
    (if (i64.eqz (local.get 1)) (then (return_call $plain (local.get 2))))
    {padding}
    (return_call $a (i64.sub (local.get 1) (i64.const 1)) (i64.add (local.get 2) (i64.const 1))))
  (func $plain (param i64) (result i64) (local.get 0)))"""


@pytest.mark.parametrize(("cc", "opt"), [("gcc", 0), ("gcc", 2), ("clang", 2)])
def test_between_files_of_one_module(cc: str, opt: int, tmp_path: Path) -> None:
    wasm = assemble(CHUNKED.format(padding="nop " * 140_000).encode())
    report = compile_to_file(wasm, tmp_path / "m.so", BuildOptions(cc=cc, opt_level=opt))
    assert [unit.name for unit in report.units] == ["module", "f0", "f1", "f2", "f3"]
    assert [unit.jumps for unit in report.units] == [False, opt > 0, opt > 0, opt > 0, False]
    engine = aot.Engine()
    store = aot.Store(engine)
    instance = aot.Instance(store, aot.Module.deserialize_file(engine, tmp_path / "m.so"), [])
    assert instance.a(DEEP // 10, 0) == DEEP // 10
    assert instance.a(2, 0) == 2


ENDLESS = """(module
  (global $n (mut i32) (i32.const 0))
  (func $self (export "self") (param i32) (result i32) (call $self (local.get 0)))
  (func $one (export "one") (param i32) (result i32) (call $two (local.get 0)))
  (func $two (param i32) (result i32) (return (call $one (local.get 0))))
  (func $nothing (export "nothing") (call $nothing_either))
  (func $nothing_either (global.set $n (i32.add (global.get $n) (i32.const 1))) (call $nothing))
  (func $mixed (export "mixed") (param i32) (result i32) (return_call $calls (local.get 0)))
  (func $calls (param i32) (result i32) (call $mixed (local.get 0)))
  (func $sum (export "sum") (param i32) (result i32) (i32.add (local.get 0) (call $sum (local.get 0)))))"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_ordinary_calls_beside_tail_calls_use_up_the_stack(cc: str, opt: int) -> None:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt))
    exports = instance_of(engine, aot.Store(engine), ENDLESS).exports
    for name in ("self", "one", "mixed", "sum"):
        with pytest.raises(aot.Trap, match="call stack exhausted"):
            exports[name](1)
    with pytest.raises(aot.Trap, match="call stack exhausted"):
        exports["nothing"]()


SEVERAL_TYPES = """(module
  (type $floats (func (param i32 f32 f32) (result i64)))
  (type $integers (func (param i32 i32 i32) (result i64)))
  (type $wide (func (param f64 i64) (result i64)))
  (table funcref (elem $floats $integers $wide))
  (func (export "f") (param i32 f32 f32) (result i64)
    (return_call_indirect (type $floats) (local.get 0) (local.get 1) (local.get 2) (i32.const 0)))
  (func $floats (type $floats)
    (return_call_indirect (type $integers) (i32.add (local.get 0) (i32.const 1))
      (i32.trunc_f32_s (local.get 2)) (i32.trunc_f32_s (local.get 1)) (i32.const 1)))
  (func $integers (type $integers)
    (return_call_indirect (type $wide) (f64.convert_i32_s (local.get 0))
      (i64.extend_i32_s (i32.add (i32.mul (local.get 1) (i32.const 100)) (local.get 2))) (i32.const 2)))
  (func $wide (type $wide)
    (i64.add (i64.mul (local.get 1) (i64.const 100)) (i64.trunc_f64_s (local.get 0)))))"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_each_type_has_its_own_arguments(cc: str, opt: int) -> None:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt))
    assert instance_of(engine, aot.Store(engine), SEVERAL_TYPES).f(3, 4.0, 5.0) == 50404


CATCHING = """(module
  (type $step (func (param i64 i64) (result i64)))
  (type $throwing (func (param exnref i64 i64) (result i64)))
  (tag $done (param i64))
  (table funcref (elem $odd))
  (func $even (type $step)
    (if (i64.eqz (local.get 0)) (then (throw $done (local.get 1))))
    (return_call_indirect (type $step)
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1)) (i32.const 0)))
  (func $odd (type $step)
    (return_call $even (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (i64.const 1))))
  (func (export "caught") (param i64) (result i64)
    (block (result i64)
      (try_table (result i64) (catch $done 0) (call $even (local.get 0) (i64.const 0)))))
  (func $again (param exnref i64 i64) (result i64)
    (local exnref)
    (if (i64.eqz (local.get 1)) (then (throw_ref (local.get 0))))
    (block (result i64 exnref)
      (try_table (result i64 exnref) (catch_ref $done 0) (throw $done (local.get 2))))
    (local.set 3)
    (local.set 2)
    (return_call $again_too (local.get 3)
      (i64.sub (local.get 1) (i64.const 1)) (i64.add (local.get 2) (i64.const 1))))
  (func $again_too (type $throwing) (return_call $again (local.get 0) (local.get 1) (local.get 2)))
  (func (export "thrown again") (param i64) (result i64)
    (block (result i64)
      (try_table (result i64) (catch $done 0) (call $again (ref.null exn) (local.get 0) (i64.const 0))))))"""


@pytest.mark.parametrize(("cc", "opt"), COMPILERS)
def test_beside_exceptions(cc: str, opt: int) -> None:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt))
    store = aot.Store(engine)
    exports = instance_of(engine, store, CATCHING).exports
    assert exports["caught"](DEEP // 10) == DEEP // 10
    assert exports["thrown again"](1000) == 999


@pytest.mark.parametrize("opt_level", [0, 2])
def test_between_modules_that_catch_and_modules_that_do_not(opt_level: int) -> None:
    """Here tail calls do take stack, for the place that exceptions are caught at: using it up traps."""
    engine = aot.Engine(aot.Config(opt_level=opt_level))
    store = aot.Store(engine)
    catching = THERE.replace("(table", "(tag $t) (func (try_table (catch_all 0) (throw $t))) (table", 1)
    exports = instance_of(engine, store, catching).exports
    instance_of(engine, store, BACK, exports["there"], exports["table"])
    for _ in range(2):
        assert exports["there"](1000, 0) == 1000
        with pytest.raises(aot.Trap, match="call stack exhausted"):
            exports["there"](DEEP, 0)


def test_a_trap_in_a_tail_called_function_leaves_the_store_usable() -> None:
    for opt_level in (0, 2):
        engine = aot.Engine(aot.Config(opt_level=opt_level))
        wat = """(module
          (func $crash (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
          (func $crash_too (param i32) (result i32) (return_call $crash (local.get 0)))
          (func (export "f") (param i32) (result i32) (return_call $crash_too (local.get 0))))"""
        instance = instance_of(engine, aot.Store(engine), wat)
        for _ in range(3):
            with pytest.raises(aot.Trap, match="integer divide by zero"):
                instance.f(0)
            assert instance.f(1) == 1


@pytest.mark.parametrize("opt_level", [0, 2])
def test_several_results_and_host_functions(opt_level: int) -> None:
    wat = """(module
      (import "env" "swap" (func $swap (param i32 i64) (result i64 i32)))
      (func $middle (param i32 i64) (result i64 i32) (return_call $swap (local.get 0) (local.get 1)))
      (func (export "f") (param i32 i64) (result i64 i32) (return_call $middle (local.get 0) (local.get 1))))"""
    engine = aot.Engine(aot.Config(opt_level=opt_level))
    module = aot.Module(engine, assemble(wat.encode()))
    assert module(env={"swap": lambda a, b: (b, a)}).f(1, 2) == (2, 1)

    def fail(a: int, b: int) -> tuple[int, int]:
        raise KeyError(a)

    instance = module(env={"swap": fail})
    for _ in range(3):
        with pytest.raises(KeyError):
            instance.f(1, 2)


@pytest.mark.parametrize("opt_level", [0, 2])
def test_a_host_function_may_call_back_between_tail_calls(opt_level: int) -> None:
    wat = """(module
      (import "env" "back" (func $back (param i32) (result i32)))
      (func $odd (export "odd") (param i32) (result i32)
        (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
        (return_call $even (i32.sub (local.get 0) (i32.const 1))))
      (func $even (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 50)) (then (return_call $back (local.get 0))))
        (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
        (return_call $odd (i32.sub (local.get 0) (i32.const 1)))))"""
    module = aot.Module(aot.Engine(aot.Config(opt_level=opt_level)), assemble(wat.encode()))
    instance: aot.Instance = module(env={"back": lambda n: 10 + instance.odd(n - 3)})
    assert instance.odd(101) == 11
    assert instance.odd(7) == 1
