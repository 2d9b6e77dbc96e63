"""Python threads in wasm over one shared memory: how much sooner work is done by several than by one.

Each of N threads has a store and an instance of its own, all over the same memory, and adds up its part of it many
times; a cell that all change atomically counts the parts. The time that passes is compared with one thread that does
all of it, in interleaved rounds; so is processor time, which says what sharing the memory costs. On a busy machine only
the best rounds say much.
"""

from __future__ import annotations

import argparse
import os
import threading
import time

import wasmtime

import aot

WAT = """(module (import "env" "memory" (memory 17 17 shared))
  ;; the sum of the i64 in [$from, $to), $times over
  (func (export "sum") (param $from i32) (param $to i32) (param $times i32) (result i64) (local $at i32) (local $s i64)
    (loop $again
      (local.set $at (local.get $from))
      (loop $next
        (local.set $s (i64.add (local.get $s) (i64.load (local.get $at))))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $to))))
      (drop (i32.atomic.rmw.add (i32.const 0x100000) (i32.const 1)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $s)))"""
BYTES = 0x100000


def run(memory: aot.SharedMemory, module: aot.Module, n: int, times: int) -> tuple[float, float]:
    """Seconds that passed and seconds of processor time, with ``n`` threads, instances being made before."""
    sums = [0] * n
    stores = [aot.Store(module.engine) for _ in range(n)]
    instances = [aot.Instance(store, module, [memory]) for store in stores]

    def work(k: int) -> None:
        part = BYTES // n
        sums[k] = instances[k].sum(k * part, (k + 1) * part, times)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(n)]
    wall, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - wall, time.process_time() - cpu
    assert sum(sums) == times * sum(range(BYTES // 8)), sums
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--times", type=int, default=400)
    args = parser.parse_args()
    engine = aot.Engine()
    memory = aot.SharedMemory(engine, aot.MemoryType(aot.Limits(17, 17), is_shared=True))
    module = aot.Module(engine, bytes(wasmtime.wat2wasm(WAT)))
    with memory.buffer as view:
        view[:BYTES] = b"".join(k.to_bytes(8, "little") for k in range(BYTES // 8))
        one, many = [], []
        for _ in range(args.rounds):
            one.append(run(memory, module, 1, args.times))
            many.append(run(memory, module, args.threads, args.times))
        counted = int.from_bytes(view[BYTES : BYTES + 4], "little")
    assert counted == args.rounds * (1 + args.threads) * args.times, counted
    (wall_1, cpu_1), (wall_n, cpu_n) = map(min, zip(*one, strict=True)), map(min, zip(*many, strict=True))
    print(f"1 thread: {wall_1 * 1e3:.0f} ms, of processor time {cpu_1 * 1e3:.0f} ms")
    print(f"{args.threads} threads: {wall_n * 1e3:.0f} ms, of processor time {cpu_n * 1e3:.0f} ms")
    print(f"{wall_1 / wall_n:.2f} times as fast, for {cpu_n / cpu_1:.2f} times the processor time")


if __name__ == "__main__":
    main()
