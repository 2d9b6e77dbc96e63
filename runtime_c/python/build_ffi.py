"""Builds ``aot._runtime``: the C runtime, the CPython binding and cffi's access to both, as one extension module.

The declarations that cffi reads are the project's own headers, stripped of comments and preprocessor lines; nothing
is typed twice. setuptools runs this file through ``cffi_modules``; ``python runtime_c/python/build_ffi.py`` builds in
place. Paths are relative to the current folder, as setuptools wants them for source distributions.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from cffi import FFI

HERE = Path(__file__).resolve().parent
RUNTIME = HERE.parent
INCLUDE = RUNTIME / "include"
HEADERS = ("abi.h", "libcalls.h", "runtime.h", "wasi.h", "program.h")
DIGESTED = ("abi.h", "libcalls.h")

CFLAGS = ("-std=gnu11", "-O2", "-fvisibility=hidden", "-Wall", "-Wextra")
BINDING = "int32_t w2s_py_init(void *module);"

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#[^\n]*\n", re.MULTILINE)


def declarations(header: str) -> str:
    """The header's text as pycparser and cffi read it: no comments, no preprocessor lines."""
    text = (INCLUDE / "wasm2so" / header).read_text(encoding="utf-8")
    return _DIRECTIVE.sub("", _COMMENT.sub(" ", text))


def abi_digest() -> str:
    """SHA-256 over the bytes of abi.h and libcalls.h, in hexadecimal; equals ``aot.abi.abi_digest()``."""
    return hashlib.sha256(b"".join((INCLUDE / "wasm2so" / name).read_bytes() for name in DIGESTED)).hexdigest()


def relative(path: Path) -> str:
    return Path(os.path.relpath(path)).as_posix()


def make_ffi(place: Callable[[Path], str], extra_flags: Sequence[str] = ()) -> FFI:
    """Everything cffi and the C compiler need; ``place`` spells the paths for them, ``extra_flags`` are for compiling
    and linking.
    """
    ffi = FFI()
    ffi.cdef("\n".join([*map(declarations, HEADERS), BINDING]))
    folders = (INCLUDE / "wasm2so", RUNTIME / "src", HERE)
    ffi.set_source(
        "aot._runtime",
        f"#include <wasm2so/program.h>\n{BINDING}\n",
        sources=[place(path) for folder in folders for path in sorted(folder.glob("*.c"))],
        depends=[place(path) for folder in folders for path in sorted(folder.glob("*.h"))],
        include_dirs=[place(INCLUDE), place(RUNTIME / "src"), place(HERE)],
        define_macros=[("_GNU_SOURCE", "1"), ("W2S_ABI_DIGEST_HEX", f'"{abi_digest()}"')],
        extra_compile_args=[*CFLAGS, *extra_flags],
        extra_link_args=list(extra_flags),
        libraries=["dl", "pthread", "m"],
        py_limited_api=False,
    )
    return ffi


ffibuilder = make_ffi(relative)


def build(folder: Path, extra_flags: Sequence[str] = ()) -> Path:
    """Compile in a folder. Returns the module's path, which is below it."""
    return Path(make_ffi(str, extra_flags).compile(tmpdir=str(folder)))


def build_in_place() -> Path:
    """Compile in a temporary folder and move the module next to the package's sources. Returns its path."""
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder))
        target = RUNTIME.parent / "aot" / built.name
        staged = target.with_suffix(".new")
        shutil.copy(built, staged)
        staged.replace(target)
    return target


if __name__ == "__main__":
    print(build_in_place())
