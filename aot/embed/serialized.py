"""Compiled modules as bytes: read back from where they were loaded, and loaded without a file of their own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aot.embed._native import lib

_BLOCK = 1 << 24


def code_of(module: Any) -> bytes:
    """The ``.so`` behind a ``struct w2s_module``, which may have been removed or replaced on disk."""
    from aot.build.sealed import without_trailer

    fd = int(lib.w2s_module_fd(module))
    blocks, at = [], 0
    while block := os.pread(fd, _BLOCK, at):
        blocks.append(block)
        at += len(block)
    return without_trailer(b"".join(blocks))


@contextmanager
def nameless_file(data: bytes) -> Iterator[int]:
    """A file that no path leads to and that holds ``data``, as a descriptor for the time of the block.

    It lies in memory, or in the folder for temporary files where the system forbids to run code from memory.
    """
    fd = _new_file()
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        yield fd
    finally:
        os.close(fd)


def _new_file() -> int:
    try:
        return os.memfd_create("wasm2so", os.MFD_CLOEXEC)
    except OSError:
        fd, path = tempfile.mkstemp(prefix="wasm2so-", suffix=".so")
        Path(path).unlink()
        return fd
