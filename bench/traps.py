"""Traps under stress: every kind, through nested Python and wasm frames, in several threads, with faulthandler.

Each thread has a store of its own and calls wasm -> Python -> wasm ... down to a random depth, where a trap of a random
kind is set off and must arrive as itself. faulthandler is enabled before anything is loaded and again half way.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import resource
import threading
import time
from pathlib import Path

import wasmtime

import aot

WAT = """(module
  (import "env" "deeper" (func $deeper (param i32 i32)))
  (memory 1)
  (table 4 funcref)
  (type $none (func))
  (type $other (func (param i64)))
  (func $odd (type $other))
  (elem (i32.const 1) $odd)
  (func $recurse (param i32) (result i32) (i32.add (i32.const 1) (call $recurse (local.get 0))))
  (func (export "down") (param $kind i32) (param $depth i32)
    (if (local.get $depth)
      (then (call $deeper (local.get $kind) (i32.sub (local.get $depth) (i32.const 1))) (return)))
    (block $b8 (block $b7 (block $b6 (block $b5 (block $b4 (block $b3 (block $b2 (block $b1 (block $b0
      (br_table $b0 $b1 $b2 $b3 $b4 $b5 $b6 $b7 $b8 (local.get $kind)))
      unreachable)
      (drop (i32.load (i32.const 65536))) (return))
      (i64.store (i32.const -8) (i64.const 1)) (return))
      (drop (i32.div_s (local.get $depth) (local.get $depth))) (return))
      (drop (i32.div_s (i32.const 0x80000000) (i32.sub (local.get $depth) (i32.const 1)))) (return))
      (drop (i32.trunc_f32_s (f32.const nan))) (return))
      (call_indirect (type $none) (i32.const 0)) (return))
      (call_indirect (type $none) (i32.const 1)) (return))
    (drop (call $recurse (i32.const 0)))))"""

EXPECTED = (
    aot.TrapCode.UNREACHABLE,
    aot.TrapCode.MEMORY_OUT_OF_BOUNDS,
    aot.TrapCode.MEMORY_OUT_OF_BOUNDS,
    aot.TrapCode.INTEGER_DIVISION_BY_ZERO,
    aot.TrapCode.INTEGER_OVERFLOW,
    aot.TrapCode.BAD_CONVERSION_TO_INTEGER,
    aot.TrapCode.INDIRECT_CALL_TO_NULL,
    aot.TrapCode.BAD_SIGNATURE,
    aot.TrapCode.STACK_OVERFLOW,
)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def worker(module: aot.Module, n: int, seed: int, failures: list[str]) -> None:
    """Set off ``n`` traps and note every one that did not arrive as expected."""
    chance = random.Random(seed)
    instance: aot.Instance = module(env={"deeper": lambda kind, depth: instance.down(kind, depth)})
    for _ in range(n):
        kind, depth = chance.randrange(len(EXPECTED)), chance.randrange(6)
        try:
            instance.down(kind, depth)
        except aot.Trap as trap:
            if trap.trap_code is not EXPECTED[kind]:
                failures.append(f"kind {kind} at depth {depth}: {trap}")
        else:
            failures.append(f"kind {kind} at depth {depth}: no trap")


def run(module: aot.Module, threads: int, n: int, seed: int) -> list[str]:
    failures: list[str] = []
    pool = [threading.Thread(target=worker, args=(module, n // threads, seed + k, failures)) for k in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
    return failures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traps", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=4)
    args = parser.parse_args()
    faulthandler.enable()
    module = aot.load(bytes(wasmtime.wat2wasm(WAT)))
    failures = run(module, args.threads, args.traps // 4, 1)
    before, start = resident_bytes(), time.perf_counter()
    faulthandler.disable()
    faulthandler.enable()  # takes the signal over
    failures += run(module, args.threads, args.traps - args.traps // 4, 2)
    seconds, after = time.perf_counter() - start, resident_bytes()
    print(f"{args.traps} traps of {len(EXPECTED)} kinds in {args.threads} threads: {len(failures)} wrong")
    print(f"{seconds / (args.traps * 3 / 4) * 1e6:.1f} us a trap; resident memory grew by {(after - before) >> 10} KiB")
    for failure in failures[:10]:
        print(" ", failure)
    raise SystemExit(bool(failures))


if __name__ == "__main__":
    main()
