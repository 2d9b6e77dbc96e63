"""Where the runtime's headers are, and the digest that names the binary interface they define."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

ABI_HEADERS = ("abi.h", "libcalls.h")


def include_dir() -> Path:
    """The folder to pass to compilers with -I: it holds ``wasm2so/*.h``. Raises FileNotFoundError."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_include", package.parent / "runtime_c" / "include"):
        if (folder / "wasm2so" / "abi.h").is_file():
            return folder
    raise FileNotFoundError("the wasm2so headers are not installed beside the package")


def header_text(name: str) -> str:
    """The text of one of the runtime's headers."""
    return (include_dir() / "wasm2so" / name).read_text(encoding="ascii")


@functools.cache
def abi_digest() -> bytes:
    """SHA-256 over abi.h and libcalls.h: 32 bytes that name this binary interface."""
    digest = hashlib.sha256()
    for name in ABI_HEADERS:
        digest.update((include_dir() / "wasm2so" / name).read_bytes())
    return digest.digest()
