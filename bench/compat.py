"""The same program on `aot.compat.wasmtime` and on wasmtime-py, in nanoseconds of CPU time, in one run.

Rounds of all candidates are interleaved; the median of the rounds is printed.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import ModuleType

import wasmtime

import aot.compat.wasmtime

WAT = """(module
  (import "env" "host" (func $host (param i32 i32) (result i32)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "pair") (param i32) (result i32 i32) (local.get 0) (local.get 0))
  (func (export "via_host") (param i32 i32) (result i32) (call $host (local.get 0) (local.get 1)))
  (memory (export "memory") 1) (global (export "global") (mut i32) (i32.const 1)))"""
ROUNDS, CALLS = 15, 500


def python_add(a: int, b: int) -> int:
    return a + b


def candidates(w: ModuleType) -> dict[str, Callable[[], object]]:
    """What is called, by the package ``w``."""
    store = w.Store()
    i32 = w.ValType.i32()
    host = w.Func(store, w.FuncType([i32, i32], [i32]), python_add)
    module = w.Module(store.engine, WAT)
    exports = w.Instance(store, module, [host]).exports(store)
    add, pair, via_host = exports["add"], exports["pair"], exports["via_host"]
    memory, global_ = exports["memory"], exports["global"]
    empty = w.Module(store.engine, "(module)")
    own = w.Store(store.engine)
    own.set_limits(instances=1_000_000)
    return {
        "add(store, 2, 3)": lambda: add(store, 2, 3),
        "pair(store, 2)": lambda: pair(store, 2),
        "through a Python host function": lambda: via_host(store, 2, 3),
        "memory.read(store, 8, 16)": lambda: memory.read(store, 8, 16),
        'memory.write(store, b"12345678", 8)': lambda: memory.write(store, b"12345678", 8),
        "global.value(store)": lambda: global_.value(store),
        "Instance(store, module, [])": lambda: w.Instance(own, empty, []),
        'exports(store)["add"]': lambda: exports["add"],
    }


def nanoseconds(call: Callable[[], object]) -> float:
    repeat = range(CALLS)
    start = time.thread_time_ns()
    for _ in repeat:
        call()
    return (time.thread_time_ns() - start) / CALLS


def main() -> None:
    ours, theirs = candidates(aot.compat.wasmtime), candidates(wasmtime)
    found: dict[tuple[str, bool], list[float]] = {}
    for _ in range(ROUNDS):
        for name in ours:
            for mine, calls in ((True, ours), (False, theirs)):
                found.setdefault((name, mine), []).append(nanoseconds(calls[name]))
    print(f"{'':38} {'aot.compat':>10} {'wasmtime':>10}  ratio")
    for name in ours:
        here, there = (statistics.median(found[name, mine]) for mine in (True, False))
        print(f"{name:38} {here:10.0f} {there:10.0f}  {there / here:5.1f}")


if __name__ == "__main__":
    main()
