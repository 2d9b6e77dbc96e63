"""How long Ctrl-C takes to reach Python while a program waits; ``python -m tests.wasi.interrupting`` prints it.

Each attempt signals a process of its own, in which the main thread or another one is inside wasm.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.wasi import tool

PREPARE = """
import os, signal, threading, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have it ignored in what they run in the background
from aot import Limits, MemoryType, SharedMemory
reader, writer = os.pipe()
stdin = open(reader, "rb", buffering=0)

def wait():
    engine = aot.Engine(aot.Config(opt_level=0))
    memory = SharedMemory(engine, MemoryType(Limits(1, 1), is_shared=True))
    module = aot.Module(engine, '''(module (import "env" "memory" (memory 1 1 shared))
      (func (export "wait") (drop (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1)))))''')
    instance = module(env=dict(memory=memory))
    print("ready", flush=True)
    instance.wait()

def write():
    print("ready", flush=True)
    tool.run("cat", stdin="/dev/zero", stdout=open(writer, "wb", buffering=0))
"""
IN_MAIN = (
    PREPARE
    + """
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
"""
)
IN_THREAD = (
    PREPARE
    + """
thread = threading.Thread(target=lambda: {call}, daemon=True)
thread.start()
try:
    thread.join()
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
"""
)
THREADS = {"main thread": IN_MAIN, "other thread": IN_THREAD}
WAYS = {
    "loop of small calls": "tool.run('spin', stdout=INHERIT)",
    "sleep": "tool.run('sleep', stdout=INHERIT)",
    "fd_read": "tool.run('read', stdin=stdin, stdout=INHERIT)",
    "fd_write": "write()",
    "poll_oneoff": "tool.run('wait', stdin=stdin, stdout=INHERIT)",
    "poll_oneoff with a clock": "tool.run('wait', '100000', stdin=stdin, stdout=INHERIT)",
    "memory.atomic.wait": "wait()",
}
"""What the program does when the signal comes."""


@contextmanager
def started(text: str) -> Iterator[subprocess.Popen[str]]:
    """The process, once its program is running."""
    process = subprocess.Popen(tool.script(text), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.05, 0.15))  # in no step with those who look at the clock
        yield process
    finally:
        process.kill()
        process.communicate()


def delay(way: str, thread: str) -> float:
    """Seconds from the signal to the moment that the main thread has its KeyboardInterrupt."""
    with started(THREADS[thread].format(call=WAYS[way])) as process:
        before = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 10)[0], "the program runs on"
        words = process.stdout.readline().split()
    assert words[:1] == ["interrupted"]
    return float(words[1]) - before


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.wasi.interrupting", description=__doc__)
    parser.add_argument("--attempts", type=int, default=20, help="signals for each line")
    args = parser.parse_args()
    print(f"{'milliseconds from the signal to KeyboardInterrupt':56}{'median':>8}{'worst':>8}")
    for way in WAYS:
        for thread in THREADS:
            delays = [delay(way, thread) * 1e3 for _ in range(args.attempts)]
            print(f"{f'{way}, {thread}':56}{statistics.median(delays):8.1f}{max(delays):8.1f}", flush=True)


if __name__ == "__main__":
    main()
