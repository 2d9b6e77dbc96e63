"""What a call costs from Python, in nanoseconds of CPU time: ours, a Python function's, wasmtime-py's, in one run.

Rounds of all candidates are interleaved; the median of the rounds is printed, and the ratio to a Python function.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator

import chart
import figures
import numpy
import wasmtime

import aot

WAT = """(module
  (import "env" "host" (func $host (param i32 i32) (result i32)))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "via_host") (param i32 i32) (result i32) (call $host (local.get 0) (local.get 1)))
  (func $twice (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1)))
  (func (export "call") (param i32 i32) (result i32) (i32.add (call $twice (local.get 0)) (local.get 1)))
  (func (export "id") (param externref) (result externref) (local.get 0))
  (memory (export "memory") 2)
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"""


def python_add(a: int, b: int) -> int:
    return a + b


def nanoseconds(call: Callable[[], object], n: int) -> float:
    """CPU time of one call, the loop included."""
    repeat = range(n)
    start = time.thread_time_ns()
    for _ in repeat:
        call()
    return (time.thread_time_ns() - start) / n


def candidates() -> dict[str, tuple[Callable[[], object], int]]:
    """Name -> (a call, how many calls make a round)."""
    wasm = bytes(wasmtime.wat2wasm(WAT))
    ours = aot.load(wasm)(env={"host": python_add})
    add, via_host, load, call, same, memory = ours.add, ours.via_host, ours.load, ours.call, ours.id, ours.memory
    thing, block = object(), bytes(65536)
    store = wasmtime.Store()
    i32 = wasmtime.ValType.i32()
    host = wasmtime.Func(store, wasmtime.FuncType([i32, i32], [i32]), python_add)
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), [host]).exports(store)
    their_add, their_via_host, their_memory = exports["add"], exports["via_host"], exports["memory"]
    assert isinstance(their_add, wasmtime.Func)
    assert isinstance(their_via_host, wasmtime.Func)
    assert isinstance(their_memory, wasmtime.Memory)
    return {
        "Python function add(a, b)": (lambda: python_add(2, 3), 100_000),
        "wasm2so add(i32, i32)": (lambda: add(2, 3), 100_000),
        "wasm2so load(i32), guarded memory": (lambda: load(8), 100_000),
        "wasm2so function that calls another": (lambda: call(2, 3), 100_000),
        "wasm2so id(externref)": (lambda: same(thing), 100_000),
        "wasm2so add through a Python host function": (lambda: via_host(2, 3), 50_000),
        "wasmtime-py add(i32, i32)": (lambda: their_add(store, 2, 3), 1_000),
        "wasmtime-py add through a Python host function": (lambda: their_via_host(store, 2, 3), 1_000),
        "wasm2so memory.read, 8 bytes": (lambda: memory.read(8, 16), 100_000),
        "wasm2so memory[8:16]": (lambda: memory[8:16], 100_000),
        "wasmtime-py memory.read, 8 bytes": (lambda: their_memory.read(store, 8, 16), 2_000),
        "wasm2so memory.write, 8 bytes": (lambda: memory.write(b"12345678", 8), 100_000),
        "wasmtime-py memory.write, 8 bytes": (lambda: their_memory.write(store, b"12345678", 8), 2_000),
        "wasm2so memory.read, 64 KiB": (lambda: memory.read(0, 65536), 5_000),
        "wasmtime-py memory.read, 64 KiB": (lambda: their_memory.read(store, 0, 65536), 1_000),
        "wasm2so memory.write, 64 KiB": (lambda: memory.write(block, 0), 5_000),
        "wasmtime-py memory.write, 64 KiB": (lambda: their_memory.write(store, block, 0), 1_000),
        "wasm2so numpy.frombuffer(memory)": (lambda: numpy.frombuffer(memory, numpy.int32), 20_000),
        "wasmtime-py numpy.frombuffer(get_buffer_ptr)": (
            lambda: numpy.frombuffer(their_memory.get_buffer_ptr(store), numpy.int32),
            1_000,
        ),
        "empty lambda": (lambda: None, 100_000),
    }


def plot(times: dict[str, list[float]], loop: float) -> str:
    rows = []
    for name, values in times.items():
        ordered = sorted(max(1.0, value - loop) for value in values)
        quarter = len(ordered) // 4
        bar = chart.Bar(statistics.median(ordered), ordered[quarter], ordered[-1 - quarter])
        mine = not name.startswith("wasmtime-py")
        rows.append(chart.Row(name.removeprefix("wasmtime-py "), (bar, None) if mine else (None, bar)))
    return chart.bars("Calls from Python", "nanoseconds of CPU time", ["wasm2so and Python", "wasmtime-py"], rows)


def table(medians: dict[str, float], loop: float, python: float) -> Iterator[str]:
    yield "| | ns | Python calls |"
    yield "|---|---|---|"
    for name, value in medians.items():
        yield f"| {name} | {value - loop:,.0f} | {(value - loop) / python:.2f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true", help="leave table and chart in docs/figures")
    args = parser.parse_args()
    calls = candidates()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(args.rounds):
        for name, (call, n) in calls.items():
            times[name].append(nanoseconds(call, n))
    loop = statistics.median(times.pop("empty lambda"))
    medians = {name: statistics.median(values) for name, values in times.items()}
    python = medians["Python function add(a, b)"] - loop
    print(f"loop and lambda, taken off every figure: {loop:.0f} ns")
    for name, value in medians.items():
        print(f"{name:48} {value - loop:9.0f} ns   {(value - loop) / python:7.2f} x a Python call")
    if args.write:
        note = f"Medians of {args.rounds} rounds; loop and lambda, {loop:.0f} ns, are taken off every figure."
        page = [note, "", *table(medians, loop, python)]
        figures.publish("calls", "Calls from Python", page, plot(times, loop))


if __name__ == "__main__":
    main()
