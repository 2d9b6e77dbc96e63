"""What an instance costs from Python, in microseconds of CPU time: ours and wasmtime-py's, interleaved in one run.

"into a store" is one more instance in a store that is there; "from nothing" includes the store, and freeing both.
Pooled ones are had, used and given back. Then: an interpreter cold and warm, and pools in four threads.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import chart
import figures
import wasmtime

import aot

FORTH = Path(__file__).parents[1] / "samples" / "warm_start" / "forth.wasm"
EMPTY = "(module)"
LARGE = f"""(module (memory (export "memory") 1024) (data (i32.const 0) "{"x" * (1 << 20)}")
  (func (export "touch") (param i32) (i32.store8 (local.get 0) (i32.const 1))))"""
BUSY = """(module (memory (export "memory") 16) (func (export "work") (param $n i32) (result i32) (local $x i32)
  (loop $again
    (i32.store (i32.and (local.get $n) (i32.const 0xffff)) (local.get $x))
    (local.set $x (i32.mul (i32.add (local.get $x) (local.get $n)) (i32.const 1664525)))
    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (local.get $x)))"""
Round = Callable[[int], float]
THEIRS = "wasmtime-py"
TITLE = "Instances"


def each(make: Callable[[], Callable[[], object]]) -> Round:
    """CPU nanoseconds of one call, of those that come after what ``make`` does; what it made is dropped untimed."""

    def run(n: int) -> float:
        call = make()
        start = time.thread_time_ns()
        for _ in range(n):
            call()
        return (time.thread_time_ns() - start) / n

    return run


def ours_into_a_store(module: aot.Module) -> Round:
    def make() -> Callable[[], object]:
        store = aot.Store(module.engine)
        pre = aot.InstancePre(module, store=store)
        return lambda: pre.instantiate(store)

    return each(make)


def theirs_into_a_store(engine: wasmtime.Engine, module: wasmtime.Module) -> Round:
    def make() -> Callable[[], object]:
        store = wasmtime.Store(engine)
        pre = wasmtime.Linker(engine).instantiate_pre(module)
        return lambda: pre.instantiate(store)

    return each(make)


def ours_from_nothing(module: aot.Module, touch: int = 0) -> Round:
    pre = aot.InstancePre(module)

    def life() -> None:
        store = aot.Store(module.engine)
        instance = pre.instantiate(store)
        if touch:
            instance.touch(touch)

    return each(lambda: life)


def theirs_from_nothing(engine: wasmtime.Engine, module: wasmtime.Module, touch: int = 0) -> Round:
    pre = wasmtime.Linker(engine).instantiate_pre(module)

    def life() -> None:
        store = wasmtime.Store(engine)
        instance = pre.instantiate(store)
        if touch:
            instance.exports(store)["touch"](store, touch)  # type: ignore[operator]

    return each(lambda: life)


def pooled(module: aot.Module, use: Callable[[aot.Instance], object] | None) -> Round:
    pool = module.pool()

    def life() -> None:
        with pool.instance() as instance:
            if use is not None:
                use(instance)

    life()
    return each(lambda: life)


def write(instance: aot.Instance) -> None:
    instance.memory[8192] = 1


def candidates(n: int) -> dict[str, tuple[Round, int]]:
    engine, theirs = aot.Engine(), wasmtime.Engine()
    empty, large = aot.Module(engine, EMPTY), aot.Module(engine, LARGE)
    their_empty, their_large = (wasmtime.Module(theirs, text) for text in (EMPTY, LARGE))
    few = max(1, n // 10)
    return {
        "empty module, into a store": (ours_into_a_store(empty), n),
        "  wasmtime-py": (theirs_into_a_store(theirs, their_empty), n),
        "empty module, from nothing": (ours_from_nothing(empty), n),
        "  wasmtime-py ": (theirs_from_nothing(theirs, their_empty), n),
        "empty module, pooled": (pooled(empty, None), n),
        "1 MiB image, 64 MiB memory, into a store": (ours_into_a_store(large), few),
        "  wasmtime-py  ": (theirs_into_a_store(theirs, their_large), few),
        "the same, from nothing, one page touched": (ours_from_nothing(large, 8192), few),
        "  wasmtime-py   ": (theirs_from_nothing(theirs, their_large, 8192), few),
        "the same, pooled": (pooled(large, None), n),
        "the same, pooled, one page written from Python": (pooled(large, write), n),
        "the same, pooled, one page touched by a call": (pooled(large, lambda i: i.touch(8192)), n),
    }


def show_instances(rounds: int, n: int) -> dict[str, list[float]]:
    """Name -> nanoseconds of each round."""
    found = candidates(n)
    times: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(rounds):
        for name, (run, count) in found.items():
            times[name].append(run(count))
    print("microseconds of CPU time, median and least of the rounds")
    for name, values in times.items():
        print(f"{name:50} {statistics.median(values) / 1000:8.2f} {min(values) / 1000:8.2f}")
    return times


def evaluate(forth: aot.Instance, text: bytes) -> int:
    at = forth.line()
    forth.memory[at : at + len(text)] = text
    return int(forth.run(len(text)))


def show_interpreter(rounds: int) -> dict[str, list[float]]:
    cold = aot.load(FORTH)
    first = cold()
    first.boot()
    warm = cold.with_image(first.snapshot())
    pool = warm.pool()

    def boot() -> None:
        forth = cold()
        forth.boot()
        evaluate(forth, b"100 count")

    def use_pool() -> None:
        with pool.instance() as forth:
            evaluate(forth, b"100 count")

    runs: dict[str, Callable[[], object]] = {
        "cold": boot,
        "warm": lambda: evaluate(warm(), b"100 count"),
        "warm, pooled": use_pool,
    }
    print("\ninterpreter of samples/warm_start, from nothing to the first result, microseconds of CPU time")
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(each(lambda run=run: run)(5))  # type: ignore[misc]
    for name, values in times.items():
        print(f"{name:50} {statistics.median(values) / 1000:8.1f} {min(values) / 1000:8.1f}")
    return {f"interpreter, {name}": values for name, values in times.items()}


def show_threads(rounds: int) -> None:
    """Four threads, each with a store of its own at a time, beside one thread that does all of it."""
    module = aot.Module(aot.Engine(), BUSY)

    def work(n: int) -> None:
        for _ in range(n):
            with pool.instance() as instance:
                instance.work(500_000)

    with module.pool() as pool:
        best = {1: 1e9, 4: 1e9}
        for _ in range(rounds):
            for n_threads in best:
                threads = [threading.Thread(target=work, args=(40 // n_threads,)) for _ in range(n_threads)]
                start = time.perf_counter()
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                best[n_threads] = min(best[n_threads], time.perf_counter() - start)
    print(f"\n40 pooled uses of about {25 * best[1]:.1f} ms each: speed-up by 4 threads {best[1] / best[4]:.2f}")


def paired(times: dict[str, list[float]]) -> dict[str, list[list[float] | None]]:
    """Name -> ours and theirs, which follow each other, in microseconds."""
    rows: dict[str, list[list[float] | None]] = {}
    for name, values in times.items():
        micro = sorted(value / 1000 for value in values)
        if name.strip() == THEIRS:
            rows[next(reversed(rows))][1] = micro
        else:
            rows[name] = [micro, None]
    return rows


def plot(rows: dict[str, list[list[float] | None]]) -> str:
    drawn = []
    for name, pair in rows.items():
        bars = (v and chart.Bar(statistics.median(v), v[len(v) // 4], v[-1 - len(v) // 4]) for v in pair)
        drawn.append(chart.Row(name, tuple(bar or None for bar in bars)))
    return chart.bars(TITLE, "microseconds of CPU time", ["wasm2so", THEIRS], drawn)


def table(rows: dict[str, list[list[float] | None]]) -> Iterator[str]:
    yield f"| | wasm2so | {THEIRS} |"
    yield "|---|---|---|"
    for name, pair in rows.items():
        texts = (f"{statistics.median(v):,.2f} ({v[0]:,.2f})" if v else "" for v in pair)
        yield f"| {name} | {' | '.join(texts)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("-n", type=int, default=1000, help="instances a round")
    parser.add_argument("--write", action="store_true", help="leave table and chart in docs/figures")
    options = parser.parse_args()
    times = show_instances(options.rounds, options.n)
    times |= show_interpreter(options.rounds)
    show_threads(3)
    if options.write:
        rows = paired(times)
        note = f"Microseconds of CPU time: median of {options.rounds} rounds, and the least."
        figures.publish("start", TITLE, [note, "", *table(rows)], plot(rows))


if __name__ == "__main__":
    main()
