"""What exceptions cost, in nanoseconds of CPU time: ours with gcc and clang, wasmtime-py's, in one run.

Each kind runs in a loop inside wasm. "plain" rows are the same loop without exceptions, to compare with: the call that
is tried, and calls ten deep that return. Rounds of all candidates are interleaved; the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import wasmtime

import aot

THROWER = """(module
  (tag $e (export "e") (param i64))
  (func (export "throw") (param i64) (throw $e (local.get 0))))"""

CATCH = "(block $caught (result i64) (try_table (catch $e $caught) {body}) (i64.const 1))"
CATCH_KEEP = """(block $caught (result i64 exnref)
  (try_table (catch_ref $e $caught) {body}) (i64.const 1) (ref.null exn)) (drop)"""
KINDS = {
    "plain call": "(call $quiet (local.get 0)) (i64.const 1)",
    "try, nothing thrown": CATCH.format(body="(call $quiet (local.get 0))"),
    "plain calls, 10 deep": "(drop (call $down (i32.const 10) (i64.const 0))) (i64.const 1)",
    "caught in the function": CATCH.format(body="(throw $e (local.get 0))"),
    "caught, 1 call deep": CATCH.format(body="(call $thrower (local.get 0))"),
    "caught, 10 calls deep": CATCH.format(body="(drop (call $down (i32.const 10) (local.get 0)))"),
    "caught with exnref": CATCH_KEEP.format(body="(call $thrower (local.get 0))"),
    "from another instance": CATCH.format(body="(call $far (local.get 0))"),
    "from a Python host": CATCH.format(body="(call $host (local.get 0))"),
}
THROUGH_PYTHON = "from a Python host"
CALLS = {THROUGH_PYTHON: 20_000}

LOOP = """(func (export "{name}") (param i64) (result i64) (local $sum i64)
  (loop $again
    (local.set $sum (i64.add (local.get $sum) {body}))
    (local.set 0 (i64.sub (local.get 0) (i64.const 1)))
    (br_if $again (i64.ne (local.get 0) (i64.const 0))))
  (local.get $sum))"""

PROGRAM = """(module
  (import "env" "e" (tag $e (param i64)))
  (import "env" "throw" (func $far (param i64)))
  (import "env" "host" (func $host (param i64)))
  (table funcref (elem $quiet_one $throw_one $deep_one))
  (type $one (func (param i64)))
  (func $quiet_one (param i64) (if (i64.eqz (local.get 0)) (then (throw $e (local.get 0)))))
  (func $throw_one (param i64) (throw $e (local.get 0)))
  (func $deep_one (param i64) (if (i64.ne (local.get 0) (i64.const 0)) (then (throw $e (local.get 0)))))
  (global $which (mut i32) (i32.const 0))
  (func $quiet (param i64) (call_indirect (type $one) (local.get 0) (global.get $which)))
  (func $thrower (param i64) (call_indirect (type $one) (local.get 0) (i32.add (global.get $which) (i32.const 1))))
  (func $down (param i32 i64) (result i64)
    (if (i32.eqz (local.get 0))
      (then (call_indirect (type $one) (local.get 1) (i32.const 2)) (return (i64.const 0))))
    (i64.add (i64.const 1) (call $down (i32.sub (local.get 0) (i32.const 1)) (local.get 1))))
  {loops})"""

Run = Callable[[int], int]


def program_text(kinds: dict[str, str]) -> str:
    return PROGRAM.format(loops="\n".join(LOOP.format(name=name, body=body) for name, body in kinds.items()))


@dataclass(frozen=True, slots=True)
class Rival:
    name: str
    runs: dict[str, Run]


def ours(cc: str, opt_level: int) -> Rival:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt_level))
    store = aot.Store(engine)
    thrower = aot.Instance(store, aot.Module(engine, bytes(wasmtime.wat2wasm(THROWER))), []).exports
    tag = thrower["e"]

    def throw(value: int) -> None:
        raise aot.WasmException(tag, (value,))

    host = aot.Func(store, aot.FuncType([aot.ValType.i64()], []), throw)
    module = aot.Module(engine, bytes(wasmtime.wat2wasm(program_text(KINDS))))
    exports = aot.Instance(store, module, [tag, thrower["throw"], host]).exports
    return Rival(f"wasm2so {cc} -O{opt_level}", {kind: exports[kind] for kind in KINDS})


def theirs() -> Rival:
    """wasmtime-py gives a host no way to throw: its function raises, which no wasm code catches."""
    config = wasmtime.Config()
    config.wasm_exceptions = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    module = wasmtime.Module(engine, wasmtime.wat2wasm(THROWER))
    thrower = wasmtime.Instance(store, module, []).exports(store)
    host = wasmtime.Func(store, wasmtime.FuncType([wasmtime.ValType.i64()], []), lambda value: None)
    module = wasmtime.Module(engine, wasmtime.wat2wasm(program_text(KINDS)))
    exports = wasmtime.Instance(store, module, [thrower["e"], thrower["throw"], host]).exports(store)
    runs = {kind: lambda n, f=exports[kind]: f(store, n) for kind in KINDS if kind != THROUGH_PYTHON}
    return Rival("wasmtime-py", runs)


def nanoseconds(run: Run, n: int, kind: str) -> float:
    start = time.thread_time_ns()
    total = run(n)
    spent = time.thread_time_ns() - start
    caught = "caught" in kind or "from" in kind
    assert total == (n * (n + 1) // 2 if caught else n), (kind, total)
    return spent / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--throws", type=int, default=100_000)
    parser.add_argument("--opt", type=int, default=2, help="our -O level (2)")
    args = parser.parse_args()
    rivals = [*(ours(cc, args.opt) for cc in ("gcc", "clang") if shutil.which(cc)), theirs()]
    times: dict[tuple[str, str], list[float]] = {(rival.name, kind): [] for rival in rivals for kind in rival.runs}
    for _ in range(args.rounds):
        for rival in rivals:
            for kind, run in rival.runs.items():
                n = min(args.throws, CALLS.get(kind, args.throws))
                times[rival.name, kind].append(nanoseconds(run, n, kind))
    print(f"{'ns of CPU time each':26}" + "".join(f"{rival.name:>20}" for rival in rivals))
    for kind in KINDS:
        cells = (times.get((rival.name, kind)) for rival in rivals)
        print(f"{kind:26}" + "".join(f"{statistics.median(cell):20.1f}" if cell else f"{'-':>20}" for cell in cells))


if __name__ == "__main__":
    main()
