"""What runs the programs: native code, ours in several builds, and other engines, each as a process of its own.

An engine prepares a program once (compiling, as far as it can be done ahead) and is then a command; the command's CPU
time is what counts. Engines that compile or load much at start report the CPU time of the program's ``_start``
themselves, as the last line of standard error.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import wasmtime
from corpus import Program, build_native, build_wasm

from aot.build import BuildOptions, compile_to_file
from aot.build.training import trained

PEERS = Path(__file__).parent / "peers"
Command = list[str]


@dataclass(frozen=True, slots=True)
class Engine:
    """``prepare`` gives the command; ``reports``: it prints its own CPU seconds."""

    name: str
    prepare: Callable[[Program, Path], Command]
    reports: bool = False


_ATTEMPTS = 4
"""V8's optimising compiler breaks down now and then (SIGTRAP), and takes the same module the next time."""


def measure(command: Command, *, reports: bool) -> tuple[float, str]:
    """CPU seconds and standard output; what a signal ends is tried again. Raises CalledProcessError."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return _measure(command, reports=reports)
        except subprocess.CalledProcessError as err:
            if err.returncode >= 0:
                raise
            print(f"again, because of signal {-err.returncode}: {' '.join(map(str, command))}")
    return _measure(command, reports=reports)


def _measure(command: Command, *, reports: bool) -> tuple[float, str]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if reports:
        return float(done.stderr.splitlines()[-1]), done.stdout
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def native(compiler: str, opt: str) -> Engine:
    return Engine(f"{compiler} {opt}", lambda program, folder: [str(build_native(program, folder, compiler, opt))])


def ours(name: str, *, simd: bool = False, **options: object) -> Engine:
    def prepare(program: Program, folder: Path) -> Command:
        wasm = build_wasm(program, folder, simd=simd)
        out = folder / f"{wasm.stem}.{name.replace(' ', '_')}.exe"
        if not out.exists():
            compile_to_file(wasm.read_bytes(), out, BuildOptions(**options), emit="exe")  # type: ignore[arg-type]
        return [str(out)]

    return Engine(name, prepare)


def ours_trained(name: str, *, simd: bool = False, **options: object) -> Engine:
    """With a profile of the very run that is measured, since the programs have no other input: the most it can give."""

    def prepare(program: Program, folder: Path) -> Command:
        wasm = build_wasm(program, folder, simd=simd)
        out = folder / f"{wasm.stem}.{name.replace(' ', '_')}.exe"
        if not out.exists():
            data, chosen = wasm.read_bytes(), BuildOptions(**options)  # type: ignore[arg-type]
            with trained(data, chosen, ["{}"], emit="exe") as profile:
                compile_to_file(data, out, replace(chosen, profile=profile), emit="exe")
        return [str(out)]

    return Engine(name, prepare)


def wasm2c(*, simd: bool = False) -> Engine:
    """Debian's wasm2c, or the one in the environment's WASM2C; the C file and its host compiled with gcc -O2."""

    def prepare(program: Program, folder: Path) -> Command:
        wasm = build_wasm(program, folder, simd=simd)
        out = folder / f"{wasm.stem}.wasm2c"
        if not out.exists():
            source = folder / f"{wasm.stem}.w2c.c"
            tool = os.environ.get("WASM2C", "wasm2c")
            subprocess.run([tool, "--module-name=guest", wasm, "-o", source], check=True)
            command = ["gcc", "-O2", "-w", f'-DHEADER="{source.with_suffix(".h").name}"', f"-I{folder}"]
            subprocess.run([*command, source, PEERS / "wasm2c_host.c", "-o", out, "-lwasm-rt-impl", "-lm"], check=True)
        return [str(out)]

    return Engine("wasm2c gcc -O2", prepare)


def in_wasmtime(*, simd: bool = False) -> Engine:
    def prepare(program: Program, folder: Path) -> Command:
        wasm = build_wasm(program, folder, simd=simd)
        out = folder / f"{wasm.stem}.cwasm"
        if not out.exists():
            out.write_bytes(wasmtime.Module(wasmtime.Engine(), wasm.read_bytes()).serialize())
        return [sys.executable, str(PEERS / "run_wasmtime.py"), str(out)]

    return Engine("wasmtime", prepare, reports=True)


def in_node(*, simd: bool = False) -> Engine:
    """V8's optimising compiler for all of the module, ahead of the run."""
    flags = ("--no-warnings", "--no-liftoff", "--no-wasm-lazy-compilation", "--no-wasm-tier-up")

    def prepare(program: Program, folder: Path) -> Command:
        return ["node", *flags, str(PEERS / "run_node.mjs"), str(build_wasm(program, folder, simd=simd))]

    return Engine("V8 (node)", prepare, reports=True)


def peers(*, simd: bool) -> tuple[list[Engine], list[str]]:
    """Engines that this machine has, and what it lacks."""
    found, missing = [in_wasmtime(simd=simd)], []
    translator = os.environ.get("WASM2C", "" if simd else "wasm2c")  # 1.0.32 aborts on vectors
    for tool, engine in (("node", in_node(simd=simd)), (translator or "wasm2c for vectors", wasm2c(simd=simd))):
        if shutil.which(tool):
            found.append(engine)
        else:
            missing.append(tool)
    return found, missing
