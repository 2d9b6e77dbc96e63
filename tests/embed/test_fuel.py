"""Fuel: what a run costs, on every compiler the same and the same as in wasmtime; running out; going on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import aot
from tests.embed import metered

PLENTY = 10**12

KERNELS = """(module
  (import "env" "host" (func $host))
  (memory (export "memory") 16)
  (table $t 10 100 funcref)
  (elem (i32.const 0) $fib $nothing)
  (type $int (func (param i32) (result i32)))
  (global $g (mut i32) (i32.const 0))
  (func $nothing)
  (func (export "empty"))
  (func (export "straight") nop (drop (i32.const 1)) (drop (i32.add (i32.const 1) (i32.const 2))) return)
  (func (export "dead") return (drop (i32.const 1)) (block (drop (i32.const 2))))
  (func $fib (export "fib") (param i32) (result i32)
    (if (result i32) (i32.lt_s (local.get 0) (i32.const 2)) (then (local.get 0))
      (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                     (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
  (func (export "fib_indirect") (param i32) (result i32)
    (call_indirect (type $int) (local.get 0) (i32.const 0)))
  (func (export "sieve") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $count i32)
    (local.set $i (i32.const 2))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
      (if (i32.eqz (i32.load8_u (local.get $i)))
        (then
          (local.set $count (i32.add (local.get $count) (i32.const 1)))
          (local.set $j (i32.mul (local.get $i) (i32.const 2)))
          (block $out (loop $mark
            (br_if $out (i32.ge_u (local.get $j) (local.get $n)))
            (i32.store8 (local.get $j) (i32.const 1))
            (local.set $j (i32.add (local.get $j) (local.get $i)))
            (br $mark)))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br $next)))
    (local.get $count))
  (func (export "table") (param $n i32) (result i32) (local $sum i32)
    (loop $again (result i32)
      (block $b2 (block $b1 (block $b0
        (br_table $b0 $b1 $b2 (i32.rem_u (local.get $n) (i32.const 4))))
        (local.set $sum (i32.add (local.get $sum) (i32.const 1))) (br $b2))
        (local.set $sum (i32.mul (local.get $sum) (i32.const 3))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br_if $again (local.get $n) (local.get $sum))
      (drop) (local.get $sum)
      (br_if $again (i32.const 0))))
  (func (export "invariant") (param i32) (result i32) (local $i i32) (local $sum i32)
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 64))))
      (global.set $g (local.get $sum))
      (br_if $l (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get 0))))
    (local.get $sum))
  (func (export "host") (param i32) (loop (call $host)
    (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
  (func (export "tail") (param i32) (result i32)
    (if (local.get 0) (then (return_call $tail2 (i32.sub (local.get 0) (i32.const 1)))))
    (i32.const 7))
  (func $tail2 (param i32) (result i32) (return_call_indirect (type $int) (local.get 0) (i32.const 0)))
  (func (export "bulk") (param i32)
    (memory.fill (i32.const 0) (i32.const 1) (local.get 0))
    (memory.copy (i32.const 0) (i32.const 5) (local.get 0))
    (drop (memory.grow (i32.const 3)))
    (drop (table.grow $t (ref.null func) (i32.const 5)))
    (table.fill $t (i32.const 0) (ref.null func) (i32.const 4)))
)"""

RUNS: list[tuple[str, tuple[int, ...]]] = [
    ("empty", ()),
    ("straight", ()),
    ("dead", ()),
    ("fib", (15,)),
    ("fib_indirect", (7,)),
    ("sieve", (5000,)),
    ("table", (37,)),
    ("invariant", (100,)),
    ("host", (5,)),
    ("tail", (3,)),
    ("bulk", (1000,)),
]

COMPILERS = [(cc, level) for cc in ("gcc", "clang", "zig") for level in (0, 1, 2)]


def ours(module: aot.Module) -> list[int]:
    """What each run costs, and what the host function sees on the way."""
    store = aot.Store(module.engine)
    seen: list[int] = []
    instance = module(store=store, env={"host": lambda: seen.append(PLENTY - store.get_fuel())})
    costs = []
    for name, args in RUNS:
        store.set_fuel(PLENTY)
        instance.exports[name](*args)
        costs.append(PLENTY - store.get_fuel())
    return costs + seen


def theirs() -> list[int]:
    """The same in wasmtime."""
    config = wasmtime.Config()
    config.consume_fuel = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    store.set_fuel(PLENTY)
    seen: list[int] = []
    host = wasmtime.Func(store, wasmtime.FuncType([], []), lambda: seen.append(PLENTY - store.get_fuel()))
    exports = wasmtime.Instance(store, wasmtime.Module(engine, KERNELS), [host]).exports(store)
    costs = []
    for name, args in RUNS:
        store.set_fuel(PLENTY)
        function: Any = exports[name]
        function(store, *args)
        costs.append(PLENTY - store.get_fuel())
    return costs + seen


def test_costs_are_those_of_wasmtime(cache_dir: Path) -> None:
    assert ours(metered.module(KERNELS)) == theirs()


@pytest.mark.parametrize(("cc", "level"), COMPILERS)
def test_costs_do_not_depend_on_the_compiler(cc: str, level: int, cache_dir: Path) -> None:
    if cc != "zig" and shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")
    if cc == "zig":
        pytest.importorskip("ziglang")
    assert ours(metered.module(KERNELS, level, cc)) == ours(metered.module(KERNELS))


TRAPPING = """(module (memory 1)
  (func (export "load") (param i32) (local i32)
    (loop
      (drop (i32.load (local.get 0)))
      (local.set 0 (i32.add (local.get 0) (i32.const 8192)))
      (br_if 0 (i32.const 1))))
  (func (export "invariant") (param i32) (result i32) (local $i i32) (local $sum i32)
    (loop
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 70000))))
      (br_if 0 (i32.lt_u (local.get $i) (local.get 0))))
    (local.get $sum))
  (func (export "divide") (param i32)
    (loop
      (drop (i32.div_u (i32.const 100) (local.get 0)))
      (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
      (br 0))))"""


@pytest.mark.parametrize(("cc", "level"), COMPILERS)
def test_costs_of_runs_that_trap_do_not_depend_on_the_compiler(cc: str, level: int, cache_dir: Path) -> None:
    if cc != "zig" and shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")

    def costs(module: aot.Module) -> Iterator[int]:
        store = aot.Store(module.engine)
        instance = module(store=store)
        for name, args in (("load", (0,)), ("invariant", (9,)), ("divide", (5,))):
            store.set_fuel(PLENTY)
            with pytest.raises(aot.Trap):
                instance.exports[name](*args)
            yield PLENTY - store.get_fuel()

    expected = [1 + 9 * 8, 1 + 13, 1 + 6 * 8]
    assert list(costs(metered.module(TRAPPING, level, cc))) == expected


COUNT = """(module (global $n (export "n") (mut i32) (i32.const 0))
  (func (export "count") (loop (global.set $n (i32.add (global.get $n) (i32.const 1))) (br 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 9)))))"""


@pytest.mark.parametrize("level", [0, 2])
def test_running_out(level: int, cache_dir: Path) -> None:
    store = aot.Store(metered.engine(level))
    instance = metered.module(COUNT, level)(store=store)
    for _ in range(2):
        store.set_fuel(1 + 5 * 10)
        instance.n.value = 0
        with pytest.raises(aot.Trap, match="all fuel consumed") as caught:
            instance.count()
        assert caught.value.trap_code is aot.TrapCode.OUT_OF_FUEL
        assert instance.n.value == 10
        assert store.get_fuel() == 0
    with pytest.raises(aot.Trap):
        instance.deep(0)
    store.set_fuel(1000)
    assert instance.deep(10) == 9


def test_a_new_store_has_no_fuel(cache_dir: Path) -> None:
    store = aot.Store(metered.engine())
    assert store.get_fuel() == 0
    with pytest.raises(aot.Trap) as caught:
        metered.module(COUNT)(store=store).deep(1)
    assert caught.value.trap_code is aot.TrapCode.OUT_OF_FUEL


def test_going_on_with_more_fuel(cache_dir: Path) -> None:
    store = aot.Store(metered.engine())
    instance = metered.module(COUNT)(store=store)
    given: list[int] = []

    def give() -> int:
        given.append(store.get_fuel())
        return 7 if len(given) < 30 else 0

    store.set_fuel_callback(give)
    store.set_fuel(0)
    assert instance.deep(5) == 9
    spent = 7 * len(given) - store.get_fuel()
    store.set_fuel(1000)
    instance.deep(5)
    assert spent == 1000 - store.get_fuel()
    store.set_fuel(0)
    instance.n.value = 0
    total = 7 * (30 - len(given) - 1)
    with pytest.raises(aot.Trap) as caught:
        instance.count()
    assert caught.value.trap_code is aot.TrapCode.OUT_OF_FUEL
    assert instance.n.value == (total - 1) // 5

    store.set_fuel_callback(lambda: store.set_fuel(1000) if not store.get_fuel() else None)
    assert instance.deep(100) == 9


def test_a_callback_can_fail(cache_dir: Path) -> None:
    store = aot.Store(metered.engine())
    instance = metered.module(COUNT)(store=store)

    def fail() -> int:
        raise KeyError("enough")

    store.set_fuel_callback(fail)
    with pytest.raises(KeyError, match="enough"):
        instance.deep(1)
    store.set_fuel_callback(lambda: -1)
    with pytest.raises(ValueError, match="must not be negative"):
        instance.deep(1)
    store.set_fuel_callback(lambda: 1 << 200)
    assert instance.deep(1) == 9
    with pytest.raises(TypeError):
        store.set_fuel_callback(5)  # type: ignore[arg-type]
    store.set_fuel(0)
    store.set_fuel_callback(None)
    with pytest.raises(aot.Trap):
        instance.deep(1)


def test_bulk_instructions_pay_by_the_byte(cache_dir: Path) -> None:
    module = metered.module(
        '(module (memory 1) (func (export "fill") (param i32) (memory.fill (i32.const 0) (i32.const 1) (local.get 0))))'
    )
    store = aot.Store(module.engine)
    instance = module(store=store)
    store.set_fuel(1000)
    with pytest.raises(aot.Trap) as caught:
        instance.fill(65536)
    assert caught.value.trap_code is aot.TrapCode.OUT_OF_FUEL
    store.set_fuel(65536 + 5)
    instance.fill(65536)
    assert store.get_fuel() == 0


def test_modules_that_do_not_count_run_along(cache_dir: Path, engine: aot.Engine) -> None:
    store = aot.Store(metered.engine())
    plain = aot.Module(engine, '(module (func (export "one") (result i32) (i32.const 1)))')
    counting = metered.module(
        """(module (import "m" "one" (func $one (result i32)))
          (func (export "two") (result i32) (i32.add (call $one) (call $one))))"""
    )
    assert not plain.consumes_fuel and counting.consumes_fuel
    instance = counting(store=store, m=plain(store=store))
    store.set_fuel(100)
    assert instance.two() == 2
    assert store.get_fuel() == 100 - 4


def test_fuel_where_nothing_counts_is_an_error(store: aot.Store) -> None:
    for use in (lambda: store.set_fuel(1), store.get_fuel):
        with pytest.raises(aot.UsageError, match="consume_fuel"):
            use()
    counting = aot.Store(metered.engine())
    with pytest.raises(aot.UsageError, match="negative"):
        counting.set_fuel(-1)


def test_a_file_that_does_not_count_is_refused_by_an_engine_that_does(tmp_path: Path, cache_dir: Path) -> None:
    file = tmp_path / "m.so"
    wasm = bytes(wasmtime.wat2wasm("(module)"))
    aot.compile(wasm, file, aot.Config(opt_level=0))
    with pytest.raises(aot.FormatError, match=r"m\.so: it was compiled without consume_fuel"):
        aot.load(file, aot.Config(consume_fuel=True))
    with pytest.raises(aot.FormatError, match=r"m\.so: it was compiled without epoch_interruption"):
        aot.load(file, aot.Config(epoch_interruption=True))
    aot.compile(wasm, file, aot.Config(opt_level=0, consume_fuel=True, epoch_interruption=True))
    module = aot.load(file)
    assert module.consumes_fuel and module.has_epochs
    store = aot.Store()
    module(store=store)
    store.set_fuel(5)
    assert store.get_fuel() == 5
