"""Translates or compiles one of the extreme modules and reports; run in a process of its own, which has the limits.

``python -m tests.hostile.measure NAME [--compile]`` prints a JSON object: ``outcome`` is ``done`` or the error's class,
``message`` its text, ``seconds`` and ``megabytes`` (peak) what this process took, ``compiler_megabytes`` the largest
of the compilers.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from aot.build import BuildOptions, compile_to_file
from aot.errors import WasmError
from tests.hostile.modules import BOMBS
from tests.translation import generated_files


def translate(data: bytes) -> int:
    """Bytes to C, one file at a time; returns the length of it all."""
    return sum(len(content) for _, content in generated_files(data))


def compile_whole(data: bytes) -> int:
    """Bytes to a shared object at -O0; returns its length."""
    with tempfile.TemporaryDirectory() as folder:
        return compile_to_file(data, Path(folder, "bomb.so"), BuildOptions(opt_level=0)).out_bytes


def main() -> None:
    data = BOMBS[sys.argv[1]]()
    start, outcome, message, written = time.process_time(), "done", "", 0
    try:
        written = compile_whole(data) if sys.argv[2:] == ["--compile"] else translate(data)
    except WasmError as error:
        outcome, message = type(error).__name__, str(error)
    own, compilers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    report = {
        "outcome": outcome,
        "message": message,
        "bytes": len(data),
        "written": written,
        "seconds": round(time.process_time() - start, 2),
        "megabytes": own.ru_maxrss // 1024,
        "compiler_megabytes": compilers.ru_maxrss // 1024,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
