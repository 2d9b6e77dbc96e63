"""Calls that wait: what fibers cost in C and from Python, beside plain coroutines and a thread for each call.

A thousand calls are under way at a time; each awaits ten times, in one store and in a store for each. The same is done
by coroutines without wasm, and by plain calls in a thread each, whose host function has the event loop run the
coroutine. CPU time of the process, in microseconds for each await; rounds are interleaved, and medians printed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import aot

ROOT = Path(__file__).parents[1]
WAT = """(module
  (import "env" "get" (func $get (param i32) (result i32)))
  (func (export "sum") (param $n i32) (result i32) (local $s i32)
    (loop $again
      (local.set $s (i32.add (local.get $s) (call $get (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s)))"""
N_CALLS = 1000
N_AWAITS = 10


def in_c(n: int) -> None:
    """Build and run bench/fibers/switch.c with the runtime's sources."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        print("no C compiler: figures in C left out")
        return
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "switch")
        sources = [ROOT / "bench" / "fibers" / "switch.c", *sorted((ROOT / "runtime_c" / "src").glob("*.c"))]
        command = [compiler, "-O2", "-std=gnu11", f"-I{ROOT / 'runtime_c' / 'include'}"]
        command += ["-D_GNU_SOURCE", f'-DW2S_ABI_DIGEST_HEX="{"0" * 64}"', *map(str, sources), "-o", str(program)]
        subprocess.run([*command, "-ldl", "-lm", "-pthread"], check=True)
        found = subprocess.run([program, str(n)], check=True, capture_output=True, text=True).stdout
    print("in C")
    for name, value in (line.split("\t") for line in found.splitlines()):
        print(f"  {name:44} {float(value):9.0f} ns")


async def ready(n: int) -> int:
    return n


async def later(n: int) -> int:
    await asyncio.sleep(0)
    return n


async def plain_sum(get: Callable[[int], Awaitable[int]], n: int) -> int:
    total = 0
    for k in range(n, 0, -1):
        total += await get(k)
    return total


def run_alone(coroutine: Any) -> None:
    """A coroutine that waits for nothing, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise RuntimeError("it waits")


def nanoseconds(run: Callable[[], object], n: int) -> float:
    start = time.thread_time_ns()
    run()
    return (time.thread_time_ns() - start) / n


def one_at_a_time(module: aot.Module, rounds: int, n: int) -> None:
    """No event loop: the cost of a host function that is awaited, and of a call."""
    through, plain = module(env={"get": ready}).sum, module(env={"get": lambda k: k}).sum
    candidates: dict[str, tuple[Callable[[], object], int]] = {
        "await of async def, through wasm": (lambda: run_alone(through.call_async(n)), n),
        "await of async def, in Python": (lambda: run_alone(plain_sum(ready, n)), n),
        "host function, in call_async": (lambda: run_alone(plain.call_async(n)), n),
        "host function, in a plain call": (lambda: plain(n), n),
        "whole call_async of one await": (lambda: [run_alone(through.call_async(1)) for _ in range(n // 10)], n // 10),
        "whole coroutine of one await": (lambda: [run_alone(plain_sum(ready, 1)) for _ in range(n // 10)], n // 10),
    }
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, (run, count) in candidates.items():
            times[name].append(nanoseconds(run, count))
    print("from Python, one at a time")
    for name, values in times.items():
        print(f"  {name:44} {statistics.median(values):9.0f} ns")


def memory() -> tuple[int, int]:
    """Address space and resident memory of the process, in KiB."""
    status = Path("/proc/self/status").read_text()
    found = [re.search(rf"{name}:\s+(\d+)", status) for name in ("VmSize", "VmRSS")]
    return tuple(int(match[1]) for match in found if match)  # type: ignore[return-value]


async def gather(calls: list[Awaitable[int]]) -> None:
    assert await asyncio.gather(*calls) == [sum(range(N_AWAITS + 1))] * N_CALLS


def in_threads(
    instances: list[aot.Instance], loop_of: list[asyncio.AbstractEventLoop], pool: ThreadPoolExecutor
) -> Any:
    async def main() -> None:
        loop_of[:] = [asyncio.get_running_loop()]
        await gather([loop_of[0].run_in_executor(pool, instance.sum, N_AWAITS) for instance in instances])

    return main


def many_at_a_time(module: aot.Module, rounds: int) -> None:
    one = module(env={"get": later})
    many = [module(env={"get": later}) for _ in range(N_CALLS)]
    loop_of: list[asyncio.AbstractEventLoop] = []

    def wait_for(n: int) -> int:
        return asyncio.run_coroutine_threadsafe(later(n), loop_of[0]).result()

    threaded = [module(env={"get": wait_for}) for _ in range(N_CALLS)]
    pool = ThreadPoolExecutor(N_CALLS)
    candidates: dict[str, Callable[[], Any]] = {
        "call_async, one store": lambda: gather([one.sum.call_async(N_AWAITS) for _ in range(N_CALLS)]),
        "call_async, a store for each": lambda: gather([instance.sum.call_async(N_AWAITS) for instance in many]),
        "coroutines without wasm": lambda: gather([plain_sum(later, N_AWAITS) for _ in range(N_CALLS)]),
        "a thread and a store for each": in_threads(threaded, loop_of, pool),
    }
    cpu: dict[str, list[float]] = {name: [] for name in candidates}
    wall: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            cpu_start, wall_start = time.process_time(), time.perf_counter()
            asyncio.run(run())
            cpu[name].append((time.process_time() - cpu_start) * 1e6 / N_CALLS / N_AWAITS)
            wall[name].append((time.perf_counter() - wall_start) * 1e6 / N_CALLS / N_AWAITS)
    pool.shutdown()
    print(f"{N_CALLS:,} at a time, {N_AWAITS} times asyncio.sleep(0) each: CPU and wall-clock time for each await")
    base = statistics.median(cpu["coroutines without wasm"])
    for name, values in cpu.items():
        median = statistics.median(values)
        print(
            f"  {name:36} {median:7.2f} us {statistics.median(wall[name]):7.2f} us   {median / base:5.1f} x coroutines"
        )


def stacks(module: aot.Module) -> None:
    """What calls that wait occupy."""
    event: list[asyncio.Event] = []

    async def wait(n: int) -> int:
        await event[0].wait()
        return n

    instance = module(env={"get": wait})

    async def main() -> None:
        event[:] = [asyncio.Event()]
        before = memory()
        tasks = [asyncio.create_task(instance.sum.call_async(1)) for _ in range(N_CALLS)]
        await asyncio.sleep(0)
        after = memory()
        plain = [asyncio.create_task(plain_sum(wait, 1)) for _ in range(N_CALLS)]
        await asyncio.sleep(0)
        coroutines = memory()
        event[0].set()
        await asyncio.gather(*tasks, *plain)
        print("memory of each call that waits (address space, resident)")
        for name, a, b in (("call_async", before, after), ("coroutine without wasm", after, coroutines)):
            print(f"  {name:36} {(b[0] - a[0]) / N_CALLS:9.1f} KiB {(b[1] - a[1]) / N_CALLS:7.1f} KiB")

    asyncio.run(main())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    module = aot.Module(aot.Engine(), WAT)
    stacks(module)
    in_c(1_000_000)
    one_at_a_time(module, rounds, 20_000)
    many_at_a_time(module, rounds)


if __name__ == "__main__":
    main()
