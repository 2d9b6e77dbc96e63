"""Reading and writing a file and making many small calls, through WASI here and in wasmtime-py, and natively.

The file lies in a folder in memory where the system has one (/dev/shm), so that the disk is not what is measured. Times
are the program's own; rounds of all candidates are interleaved, and the median is printed.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import wasmtime

import aot
from aot.wasi import CAPTURE

SOURCE = Path(__file__).with_name("wasi") / "io.c"
WASM = SOURCE.with_suffix(".wasm")
CALLS = ("clock_gettime", "fstat", "pread", "stat")

Runner = Callable[[Path, list[str]], int]
"""Runs the program on files in a folder, which it knows as /d, and returns the nanoseconds that it printed."""


def native(binary: Path) -> Runner:
    def run(folder: Path, args: list[str]) -> int:
        there = [arg.replace("/d/", f"{folder}/") for arg in args]
        return int(subprocess.run([binary, *there], check=True, capture_output=True).stdout)

    return run


def ours() -> Runner:
    module = aot.load(WASM)

    def run(folder: Path, args: list[str]) -> int:
        done = aot.wasi.run(module, aot.Wasi(["io", *args], dirs={"/d": folder}, stdout=CAPTURE, stderr=CAPTURE))
        assert done.exit_status == 0, done.stderr
        return int(done.stdout)

    return run


def theirs() -> Runner:
    engine = wasmtime.Engine()
    module = wasmtime.Module.from_file(engine, str(WASM))
    linker = wasmtime.Linker(engine)
    linker.define_wasi()

    def run(folder: Path, args: list[str]) -> int:
        with tempfile.NamedTemporaryFile() as out:
            config = wasmtime.WasiConfig()
            config.argv = ["io", *args]
            config.preopen_dir(str(folder), "/d")
            config.stdout_file = out.name
            store = wasmtime.Store(engine)
            store.set_wasi(config)
            start = linker.instantiate(store, module).exports(store)["_start"]
            assert isinstance(start, wasmtime.Func)
            try:
                start(store)
            except wasmtime.ExitTrap as trap:
                assert trap.code == 0
            return int(out.read())

    return run


def measure(runners: dict[str, Runner], folder: Path, args: list[str], rounds: int) -> dict[str, float]:
    """Seconds of the median round."""
    times: dict[str, list[int]] = {name: [] for name in runners}
    for _ in range(rounds):
        for name, run in runners.items():
            times[name].append(run(folder, args))
    return {name: statistics.median(values) / 1e9 for name, values in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    parser.add_argument("--calls", type=int, default=1_000_000)
    args = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name)
        binary = folder / "io"
        compiler = shutil.which("cc")
        assert compiler is not None, "the native program needs a C compiler"
        subprocess.run([compiler, "-O2", SOURCE, "-o", binary], check=True)
        runners = {"native": native(binary), "wasm2so": ours(), "wasmtime-py": theirs()}
        print(f"{'':32}" + "".join(f"{name:>14}" for name in runners))
        for block in (4096, 65536, 1 << 20):
            for what in (["write", "/d/file", str(args.mib)], ["read", "/d/file"]):
                times = measure(runners, folder, [*what, str(block)], args.rounds)
                rates = "".join(f"{args.mib / 1024 / value:9.2f} GiB/s" for value in times.values())
                print(f"{f'{what[0]} {args.mib} MiB by {block}':32}{rates}")
        for call in CALLS:
            times = measure(runners, folder, ["calls", call, str(args.calls), "/d/file"], args.rounds)
            each = "".join(f"{value / args.calls * 1e9:11.0f} ns" for value in times.values())
            print(f"{f'{args.calls} x {call}':32}{each}")


if __name__ == "__main__":
    main()
