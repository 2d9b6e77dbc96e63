"""From a module's file to its first result: a large module, nothing compiled before.

Each round starts a fresh Python process with an empty cache for each candidate, which compiles brotli-wasm (1.06 MB,
Rust; npm fetches it) and compresses a text with it. Ours --fast, the same without tcc, -O0, -O1; wasmtime-py;
interleaved in one run.

python bench/fast.py [brotli_wasm_bg.wasm] [--rounds N] [--write]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import chart
import figures
from large_module import fetch

TEXT = "b'from a file to its first result ' * 100"
OURS = """
import sys, aot, large_module
from pathlib import Path
print(large_module.ours(Path(sys.argv[1]), {text}, aot.Config(**{options!r})).hex())
"""
THEIRS = """
import sys, large_module
from pathlib import Path
print(large_module.theirs(Path(sys.argv[1]).read_bytes(), {text}).hex())
"""
TITLE = "From a 1 MB module to its first result"
Program = tuple[str, dict[str, str]]
KINDS = ("wall time", "CPU time, all processes")
Times = dict[str, dict[str, list[float]]]
"""Candidate -> kind of time -> seconds of each round."""


def programs(folder: Path) -> dict[str, Program]:
    """Name -> Python text and environment. One has a PATH without tcc."""
    found: dict[str, Program] = {}
    if shutil.which("tcc"):
        found["wasm2so --fast (tcc)"] = OURS.format(options={"fast": True}, text=TEXT), {}
    bare = folder / "bin"
    bare.mkdir()
    for tool in ("gcc", "clang", "ld", "as"):
        if path := shutil.which(tool):
            (bare / tool).symlink_to(path)
    found["wasm2so --fast, no tcc"] = OURS.format(options={"fast": True}, text=TEXT), {"PATH": str(bare)}
    for opt in (0, 1):
        found[f"wasm2so -O{opt}"] = OURS.format(options={"opt_level": opt}, text=TEXT), {}
    found["wasmtime-py"] = THEIRS.format(text=TEXT), {}
    return found


def seconds(program: Program, wasm: Path) -> tuple[float, float, str]:
    """Wall time of a fresh process, CPU time of it and its children, what it prints. Raises CalledProcessError."""
    text, more = program
    path = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    with tempfile.TemporaryDirectory(prefix="wasm2so-bench-") as cache:
        environment = os.environ | {"PYTHONPATH": path, "WASM2SO_CACHE_DIR": cache} | more
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", text, str(wasm)], env=environment, capture_output=True, text=True, check=True
        )
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def measure(wasm: Path, rounds: int) -> Times:
    """Raises ValueError where results differ."""
    times: Times = {}
    with tempfile.TemporaryDirectory(prefix="wasm2so-bench-") as name:
        candidates = programs(Path(name))
        for _ in range(rounds):
            printed = set()
            for candidate, program in candidates.items():
                *spent, output = seconds(program, wasm)
                printed.add(output)
                for kind, value in zip(KINDS, spent, strict=True):
                    times.setdefault(candidate, {}).setdefault(kind, []).append(float(value))
            if len(printed) != 1:
                raise ValueError("the results differ")
    return times


def table(times: Times) -> Iterator[str]:
    yield f"| | {' | '.join(KINDS)} |"
    yield "|---|---|---|"
    for name, kinds in times.items():
        texts = (f"{statistics.median(v):.2f} ({min(v):.2f}-{max(v):.2f})" for v in kinds.values())
        yield f"| {name} | {' | '.join(texts)} |"


def plot(times: Times) -> str:
    rows = [
        chart.Row(name, tuple(chart.Bar(statistics.median(v), min(v), max(v)) for v in kinds.values()))
        for name, kinds in times.items()
    ]
    return chart.bars(TITLE, "seconds, process start included", KINDS, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wasm", nargs="?", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="leave table and chart in docs/figures")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        wasm = args.wasm or fetch(Path(temporary))
        times = measure(wasm.resolve(), args.rounds)
        size = wasm.stat().st_size
    print(*table(times), sep="\n")
    if args.write:
        note = (
            f"brotli-wasm, {size:,} bytes: seconds, median and range of {args.rounds} rounds, process start included."
        )
        figures.publish("fast", TITLE, [note, "", *table(times)], plot(times))


if __name__ == "__main__":
    main()
