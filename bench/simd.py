"""Vector kernels: ours next to native clang -O2 and wasmtime-py, in CPU time of one run.

All run the same C source, bench/simd/kernels.c: we and wasmtime as wasm with vector instructions (kernels.wasm; --build
compiles it anew, which needs the ziglang package). Rounds of all candidates are interleaved; printed are medians of
the rounds, and ratios to native code. Every candidate must give the same checksum.
"""

from __future__ import annotations

import argparse
import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import wasmtime

import aot

FOLDER = Path(__file__).parent / "simd"
KERNELS = {"matmul": 20, "stencil": 40, "sha256": 20_000, "nbody": 200, "differences": 200}
"""Kernel -> rounds inside one call, some milliseconds each."""

Kernel = Callable[[int], int]


def build_wasm() -> None:
    flags = ("-target", "wasm32-freestanding", "-nostdlib", "-O3", "-mcpu=generic+simd128", "-Wl,--no-entry")
    source, out = FOLDER / "kernels.c", FOLDER / "kernels.wasm"
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *flags, "-Wl,--strip-all", source, "-o", out], check=True)


def native(folder: Path, cpu_level: int) -> dict[str, Kernel] | None:
    """The kernels compiled by clang, None where there is no clang."""
    clang = shutil.which("clang")
    if clang is None:
        return None
    out = folder / "kernels.so"
    flags = ("-O2", f"-march=x86-64-v{cpu_level}", "-ffp-contract=off", "-shared", "-fPIC", "-fvisibility=hidden")
    subprocess.run([clang, *flags, FOLDER / "kernels.c", "-o", out], check=True)
    library = ctypes.CDLL(str(out))
    kernels = {name: getattr(library, name) for name in KERNELS}
    for kernel in kernels.values():
        kernel.restype = ctypes.c_int32
    return kernels


def ours(data: bytes, **options: object) -> dict[str, Kernel]:
    engine = aot.Engine(aot.Config(**options))
    store = aot.Store(engine)
    exports = aot.Instance(store, aot.Module(engine, data), []).exports
    return {name: exports[name] for name in KERNELS}


def theirs(data: bytes) -> dict[str, Kernel]:
    store = wasmtime.Store()
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, data), []).exports(store)
    return {name: lambda rounds, f=exports[name]: f(store, rounds) for name in KERNELS}


def milliseconds(kernel: Kernel, rounds: int) -> tuple[float, int]:
    """CPU time of one call, and the checksum."""
    start = time.thread_time_ns()
    result = kernel(rounds)
    return (time.thread_time_ns() - start) / 1e6, result


def candidates(data: bytes, folder: Path, cpu_level: int) -> dict[str, dict[str, Kernel]]:
    found: dict[str, dict[str, Kernel]] = {}
    if (compiled := native(folder, cpu_level)) is not None:
        found["native clang -O2"] = compiled
    for cc in ("gcc", "clang"):
        if shutil.which(cc):
            found[f"wasm2so {cc} -O2"] = ours(data, cc=cc, cpu_level=cpu_level)
    found["wasm2so, checked memory"] = ours(data, memory="checked", cpu_level=cpu_level)
    found["wasmtime-py"] = theirs(data)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu", dest="cpu_level", type=int, default=2, help="x86-64-vN for ours and native (2)")
    parser.add_argument("--build", action="store_true", help="compile kernels.wasm anew")
    args = parser.parse_args()
    if args.build:
        build_wasm()
    with tempfile.TemporaryDirectory() as folder:
        rivals = candidates((FOLDER / "kernels.wasm").read_bytes(), Path(folder), args.cpu_level)
        print(f"{'ms of CPU time (ratio)':28}" + "".join(f"{kernel:>20}" for kernel in KERNELS))
        times: dict[tuple[str, str], list[float]] = {(rival, kernel): [] for rival in rivals for kernel in KERNELS}
        for kernel, n in KERNELS.items():
            checksums = {rival: milliseconds(kernels[kernel], n)[1] for rival, kernels in rivals.items()}
            assert len(set(checksums.values())) == 1, f"{kernel}: {checksums}"
            for _ in range(args.rounds):
                for rival, kernels in rivals.items():
                    times[rival, kernel].append(milliseconds(kernels[kernel], n)[0])
        medians = {key: statistics.median(values) for key, values in times.items()}
        base = next(iter(rivals))
        for rival in rivals:
            cells = (f"{medians[rival, k]:10.2f} ({medians[rival, k] / medians[base, k]:5.2f})" for k in KERNELS)
            print(f"{rival:28}" + "".join(f"{cell:>20}" for cell in cells))


if __name__ == "__main__":
    main()
