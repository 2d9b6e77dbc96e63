"""Speed of translation: MB of wasm code a CPU second, decoding and validation included, and its share of a compile.

python bench/emit.py MODULE.wasm ...      --share also compiles each module with -O1 and prints emission's share
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from aot.build import BuildOptions, compile_to_file
from aot.emit import EmitOptions, plan_module, render_chunk, render_module
from aot.wasm.decode import decode_module
from aot.wasm.validate import validate_module


def translate(data: bytes) -> tuple[int, int]:
    """Translate a module and forget the text: (bytes of wasm code, bytes of C)."""
    module = decode_module(data)
    validate_module(module)
    plan = plan_module(module, EmitOptions())
    c_bytes = sum(len(render_chunk(module, plan, k).text) for k in range(len(plan.chunks)))
    c_bytes += len(render_module(module, plan, "")["module.c"])
    return sum(body.end - body.start for body in module.bodies), c_bytes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="+", type=Path)
    parser.add_argument("--share", action="store_true", help="also compile, and print emission's share of CPU time")
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    for path in args.modules:
        data = path.read_bytes()
        times = []
        for _ in range(args.runs):
            start = time.process_time()
            code, c_bytes = translate(data)
            times.append(time.process_time() - start)
        seconds = statistics.median(times)
        print(
            f"{path.name}: {code / 1e6:.2f} MB of code, {c_bytes / 1e6:.2f} MB of C, {seconds:.2f} s CPU "
            f"(median of {args.runs}): {code / 1e6 / seconds:.2f} MB/s"
        )
        if args.share:
            with tempfile.TemporaryDirectory() as folder:
                report = compile_to_file(data, Path(folder) / "m.so", BuildOptions(opt_level=1))
            compile_seconds = report.seconds["compile"]
            print(f"  -O1: C compiler {compile_seconds:.1f} s, emission {seconds / (seconds + compile_seconds):.1%}")


if __name__ == "__main__":
    main()
