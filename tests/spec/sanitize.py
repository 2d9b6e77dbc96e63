"""Runs the suite with the runtime, the binding and the generated code under the address and undefined-behaviour
sanitizers of gcc.

A run consists of two: the first builds the extension with sanitizers in a temporary folder and starts the second, in a
Python that has the sanitizers' libraries loaded first. There `use_runtime` puts that extension in the place of the
usual one. What a sanitizer finds ends the process, which the report shows as a failure of the script.

Generated code keeps to what the compilers' flags define, so some checks are none: additions wrap (``-fwrapv``, which
turns that check off by itself) and floats are divided by zero as IEEE 754 says (not part of ``undefined``).
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).parents[2]
BUILDER = REPOSITORY / "runtime_c" / "python" / "build_ffi.py"

VARIABLE = "WASM2SO_SANITIZED_RUNTIME"
"""Names the sanitized extension to the second run."""

FLAGS = (
    "-fsanitize=address,undefined",
    "-fsanitize=float-cast-overflow",  # the conversions that trap and saturate test their ranges before
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
)
COMPILER = " ".join(("gcc", *FLAGS))
"""The compiler of generated code, as `aot.Config` takes it."""

_ENVIRONMENT = {
    # Guarded memories trap by SIGSEGV, whose handler is the runtime's. Python never frees all that it has.
    "ASAN_OPTIONS": "handle_segv=0:handle_sigbus=0:allow_user_segv_handler=1:use_sigaltstack=0:detect_leaks=0"
    ":detect_odr_violation=0:abort_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:abort_on_error=1",
    "PYTHONMALLOC": "malloc",
}


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def use_runtime() -> None:
    """In the second run: load the extension that `VARIABLE` names. To be called before `aot` is imported."""
    if path := os.environ.get(VARIABLE):
        _load("aot._runtime", Path(path))


def run_again(arguments: list[str]) -> int:
    """The first run: start the second with ``arguments``; returns its exit status."""
    with tempfile.TemporaryDirectory(prefix="wasm2so-sanitized-") as folder:
        runtime = _load("build_ffi", BUILDER).build(Path(folder), FLAGS)
        command = [sys.executable, "-m", "tests.spec", *arguments]
        environment = {**environment_of_run(), VARIABLE: str(runtime)}
        return subprocess.run(command, env=environment, cwd=REPOSITORY, check=False).returncode


def environment_of_run() -> dict[str, str]:
    """What a Python needs in which sanitized code is loaded. Raises SystemExit if the libraries are missing."""
    libraries = " ".join(_library(name) for name in ("libasan.so", "libubsan.so"))
    return {**os.environ, **_ENVIRONMENT, "LD_PRELOAD": libraries}


def _library(name: str) -> str:
    asked = ["gcc", f"-print-file-name={name}"]
    found = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    if not found.is_absolute():
        raise SystemExit(f"gcc has no {name}: install its sanitizer libraries")
    return str(found.resolve())
