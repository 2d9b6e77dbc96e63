"""What it takes to start a small WASI program that is compiled already: a whole process, as seen by a shell.

Each line is the median, and the least, of wall and of processor time; candidates take turns. `wasm2so run` finds what
the module compiles to in the cache, by the file's identity, size and times.

python bench/command.py [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import wasmtime

PROGRAM = Path(__file__).parents[1] / "samples" / "wasi_tree" / "tree.wasm"
THEIRS = """
import sys, wasmtime
engine = wasmtime.Engine()
module = wasmtime.Module.deserialize_file(engine, sys.argv[1])
linker = wasmtime.Linker(engine)
linker.define_wasi()
config = wasmtime.WasiConfig()
config.argv = sys.argv[1:]
config.inherit_stdout()
store = wasmtime.Store(engine)
store.set_wasi(config)
try:
    linker.instantiate(store, module).exports(store)["_start"](store)
except wasmtime.ExitTrap as trap:
    sys.exit(trap.code)
"""
RACY_SECONDS = 3.1
"""A file that changed a moment ago is not noted in the cache."""


def once(command: list[str | Path], env: dict[str, str]) -> tuple[float, float]:
    """Seconds that passed, and seconds of processor time."""
    start = time.perf_counter()
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    passed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 2), process.returncode  # 2: the program has no directory to show
    return passed, usage.ru_utime + usage.ru_stime


def prepare(folder: Path, env: dict[str, str]) -> dict[str, list[str | Path]]:
    """The command lines; everything is compiled when they run."""
    program, code, executable, theirs = (folder / f"tree{suffix}" for suffix in (".wasm", ".so", "", ".cwasm"))
    shutil.copy(PROGRAM, program)
    wasm2so = [sys.executable, "-m", "aot"]
    for out in (code, executable):
        kind = "so" if out.suffix else "exe"
        subprocess.run([*wasm2so, program, "-o", out, "--emit", kind], check=True, env=env)
    theirs.write_bytes(wasmtime.Module.from_file(wasmtime.Engine(), str(program)).serialize())
    time.sleep(RACY_SECONDS)
    subprocess.run([*wasm2so, "run", program], check=False, env=env, capture_output=True)
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "wasm2so run tree.wasm, cached": [*wasm2so, "run", program],
        "wasm2so run tree.so": [*wasm2so, "run", code],
        "./tree (--emit exe)": [executable],
        "wasmtime-py, deserialized": [sys.executable, "-c", THEIRS, theirs],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        env = {**os.environ, "WASM2SO_CACHE_DIR": f"{name}/cache"}
        commands = prepare(Path(name), env)
        times: dict[str, list[tuple[float, float]]] = {what: [] for what in commands}
        for _ in range(args.rounds):
            for what, command in commands.items():
                times[what].append(once(command, env))
    print(f"{'milliseconds':34}{'wall':>8}{'least':>8}{'CPU':>8}{'least':>8}")
    for what, pairs in times.items():
        wall, cpu = zip(*pairs, strict=True)
        columns = (statistics.median(wall), min(wall), statistics.median(cpu), min(cpu))
        print(f"{what:34}" + "".join(f"{seconds * 1e3:8.1f}" for seconds in columns))


if __name__ == "__main__":
    main()
