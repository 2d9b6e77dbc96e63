"""What a tail call costs, in nanoseconds of CPU time: ours with gcc and clang, wasmtime-py's, in one run.

Every kind counts down from N by tail calls of functions that do nothing else, so the figures are the calls' alone but
for a subtraction and a test. A loop in one function is there for comparison: that is what a compiler can make of a tail
call at best. Rounds of all candidates are interleaved; the median of the rounds is printed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import time
from collections.abc import Callable

import wasmtime

import aot

LIBRARY = """(module
  (type $step (func (param i64 i64) (result i64)))
  (import "env" "table" (table 2 funcref))
  (elem (i32.const 1) $there)
  (func $there (export "there") (type $step)
    (if (result i64) (i64.eqz (local.get 0)) (then (local.get 1))
      (else (return_call_indirect (type $step)
        (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0)) (i32.const 0))))))"""

PROGRAM = """(module
  (type $step (func (param i64 i64) (result i64)))
  (type $wide (func (param i64 f64 i32 i64) (result i64)))
  (table (export "table") 2 funcref)
  (table $own funcref (elem $even_indirect $odd_indirect))
  (elem declare func $even_ref $odd_ref)
  (func (export "loop") (param i64 i64) (result i64)
    (loop (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
      (local.set 1 (i64.add (local.get 1) (local.get 0)))
      (local.set 0 (i64.sub (local.get 0) (i64.const 1))) (br 0)) unreachable)
  (func $even (export "direct") (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $odd (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0))))
  (func $odd (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $even (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0))))
  (func $narrow (export "other signature") (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call $wide (i64.sub (local.get 0) (i64.const 1)) (f64.const 1) (i32.const 1)
      (i64.add (local.get 1) (local.get 0))))
  (func $wide (type $wide)
    (if (i64.eqz (local.get 0)) (then (return (local.get 3))))
    (return_call $narrow (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 3) (local.get 0))))
  (func $even_indirect (export "indirect") (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect $own (type $step)
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0)) (i32.const 1)))
  (func $odd_indirect (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect $own (type $step)
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0)) (i32.const 0)))
  (func $even_ref (export "by reference") (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $step
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0)) (ref.func $odd_ref)))
  (func $odd_ref (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $step
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0)) (ref.func $even_ref)))
  (elem (table 0) (i32.const 0) func $across)
  (func $across (export "across instances") (type $step)
    (if (i64.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_indirect 0 (type $step)
      (i64.sub (local.get 0) (i64.const 1)) (i64.add (local.get 1) (local.get 0)) (i32.const 1))))"""

KINDS = ("loop", "direct", "other signature", "indirect", "by reference", "across instances")
Run = Callable[[int, int], int]


def ours(cc: str, opt_level: int) -> dict[str, Run]:
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt_level))
    store = aot.Store(engine)
    program = aot.Module(engine, bytes(wasmtime.wat2wasm(PROGRAM)))(store=store)
    aot.Module(engine, bytes(wasmtime.wat2wasm(LIBRARY)))({"env": program}, store=store)
    return {kind: program.exports[kind] for kind in KINDS}


def theirs() -> dict[str, Run]:
    config = wasmtime.Config()
    config.wasm_tail_call = True
    config.wasm_function_references = True
    engine = wasmtime.Engine(config)
    store = wasmtime.Store(engine)
    program = wasmtime.Instance(store, wasmtime.Module(engine, wasmtime.wat2wasm(PROGRAM)), []).exports(store)
    wasmtime.Instance(store, wasmtime.Module(engine, wasmtime.wat2wasm(LIBRARY)), [program["table"]])
    return {kind: lambda n, total, f=program[kind]: f(store, n, total) for kind in KINDS}


def nanoseconds(run: Run, n: int) -> float:
    """CPU time of one of ``n`` tail calls."""
    start = time.thread_time_ns()
    total = run(n, 0)
    spent = time.thread_time_ns() - start
    assert total == n * (n + 1) // 2, total
    return spent / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--opt", type=int, nargs="*", default=[2], help="our -O levels (2)")
    args = parser.parse_args()
    rivals = {f"wasm2so {cc} -O{opt}": ours(cc, opt) for cc in ("gcc", "clang") if shutil.which(cc) for opt in args.opt}
    rivals["wasmtime-py"] = theirs()
    times: dict[tuple[str, str], list[float]] = {(rival, kind): [] for rival in rivals for kind in KINDS}
    for _ in range(args.rounds):
        for rival, runs in rivals.items():
            for kind in KINDS:
                times[rival, kind].append(nanoseconds(runs[kind], args.calls))
    print(f"{'ns of CPU time a call':24}" + "".join(f"{kind:>18}" for kind in KINDS))
    for rival in rivals:
        print(f"{rival:24}" + "".join(f"{statistics.median(times[rival, kind]):18.2f}" for kind in KINDS))


if __name__ == "__main__":
    main()
