"""An interpreter whose library is compiled ahead of time, too: instances begin with it, instead of making it.

`boot` of the Forth in forth.c compiles a library of words and fills a table, which takes some milliseconds. It runs
once, while the module is compiled (`wasm2so compile --preinit boot` does the same), or in one instance whose state
becomes an image. Every further instance starts warm: the pages are mapped, and copied only where it writes.
"""

import tempfile
import time
from pathlib import Path

import aot

wasm = Path(__file__).parent / "forth.wasm"


def evaluate(forth: aot.Instance, text: bytes) -> int:
    at = forth.line()
    forth.memory[at : at + len(text)] = text
    return int(forth.run(len(text)))


def milliseconds(start: aot.Module, *, boots: bool) -> float:
    """The shortest time from nothing to the first result."""
    times = []
    for _ in range(20):
        began = time.perf_counter()
        forth = start()
        if boots:
            forth.boot()
        evaluate(forth, b"100 count")
        times.append(1000 * (time.perf_counter() - began))
    return min(times)


cold = aot.load(wasm)
first = cold()
first.boot()
print("primes below 20000:", evaluate(first, b"20000 count"))
warm = cold.with_image(first.snapshot())
print("in a warm instance:", evaluate(warm(), b"20000 count"))

with tempfile.TemporaryDirectory() as folder:
    aot.compile(wasm, Path(folder, "forth.so"), preinit="boot")
    baked = aot.load(Path(folder, "forth.so"))
    print("out of a file:", evaluate(baked(), b"1071 462 gcd"))
    with baked.pool() as pool:
        for text in (b": six 6 ; six six *", b"6 square"):
            with pool.instance() as forth:
                print(text.decode(), "->", evaluate(forth, text))
    times = [milliseconds(cold, boots=True), milliseconds(warm, boots=False), milliseconds(baked, boots=False)]
print("warm is at least 10 times as fast:", times[0] > 10 * times[1] and times[0] > 10 * times[2])
