"""Objects of C files kept in the cache, by the content that decides them: a build that was stopped goes on where it
was, and after a change only the files that changed are compiled.

An entry is an object, compressed, and what was said of its making, sealed as a whole (`aot.build.sealed`). Entries
appear whole or not at all, whichever process makes them. Those used least recently go when there are too many bytes.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import struct
import time
import zlib
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from aot.build.folders import new_file, private_folder
from aot.build.sealed import sealed, unsealed
from aot.errors import UsageError

DEFAULT_BYTES = 2 << 30
_VARIABLE = "WASM2SO_OBJECTS_BYTES"
_LENGTH = struct.Struct("<Q")
_COMPRESSION = 1
_LEFTOVER_SECONDS = 3600
_ROOM = 8
"""One part in so many of the limit is freed beyond what must be, and may be added before it is looked at again."""


@dataclass(frozen=True, slots=True)
class KeptObject:
    """What is known of an object: the level that it was compiled at, why that is no higher (empty if nothing went
    wrong), whether its tail calls are jumps, the compiler's CPU seconds and its bytes of memory.
    """

    opt: int
    stepped_down: str
    jumps: bool
    cpu_seconds: float
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class ObjectCache:
    """Kept objects in ``folder``, of ``max_bytes`` together. It has no state of its own, so that processes share it."""

    folder: Path
    max_bytes: int = DEFAULT_BYTES

    @staticmethod
    def under(root: Path) -> ObjectCache:
        """Those of the cache in ``root``.

        Raises ResourceError if the folder is not private, UsageError for a bad WASM2SO_OBJECTS_BYTES.
        """
        text = os.environ.get(_VARIABLE) or str(DEFAULT_BYTES)
        if not text.isascii() or not text.isdigit():
            raise UsageError(f"{_VARIABLE} is {text!r}; must be a number of bytes")
        return ObjectCache(private_folder(private_folder(root) / "objects"), int(text))

    def fetch(self, key: str, out: Path) -> KeptObject | None:
        """Put the object for ``key`` at ``out``, if there is a sound one; a damaged one is removed."""
        entry = self._entry(key)
        try:
            data = entry.read_bytes()
        except OSError:
            return None
        try:
            known, made = _read(data)
        except (ValueError, TypeError, struct.error, zlib.error):  # damaged, or another release's
            entry.unlink(missing_ok=True)
            return None
        out.write_bytes(made)
        with suppress(OSError):  # another process may have removed it
            os.utime(entry)
        return known

    def store(self, key: str, made: Path, known: KeptObject) -> int:
        """Keep the object ``made``; returns the entry's size. A full disk is no error: then it is not kept."""
        words = json.dumps({name: getattr(known, name) for name in KeptObject.__slots__}).encode("ascii")
        data = sealed(_LENGTH.pack(len(words)) + words + zlib.compress(made.read_bytes(), _COMPRESSION))
        if len(data) > self.max_bytes:
            return 0
        try:
            with new_file(self._entry(key), 0o600) as temporary:
                temporary.write_bytes(data)
        except OSError:
            return 0
        return len(data)

    def trim(self) -> None:
        """Remove the entries used least recently until the rest is small enough, and what killed processes left."""
        entries: list[tuple[float, int, str]] = []
        with suppress(FileNotFoundError), os.scandir(self.folder) as items:
            for item in items:
                with suppress(FileNotFoundError):
                    info = item.stat(follow_symlinks=False)
                    if not item.name.endswith(".tmp"):
                        entries.append((info.st_mtime, info.st_size, item.path))
                    elif info.st_mtime < time.time() - _LEFTOVER_SECONDS:
                        Path(item.path).unlink(missing_ok=True)
        total = sum(size for _, size, _ in entries)
        if total <= self.max_bytes:
            return
        for _, size, path in sorted(entries):
            Path(path).unlink(missing_ok=True)
            total -= size
            if total <= self.max_bytes - self.max_bytes // _ROOM:
                return

    def _entry(self, key: str) -> Path:
        return self.folder / f"{key}.o"


def _read(data: bytes) -> tuple[KeptObject, bytes]:
    """An entry's parts. Raises ValueError, TypeError, struct.error or zlib.error for what is no entry."""
    content = unsealed(data)
    if content is None:
        raise ValueError("damaged")
    (n,) = _LENGTH.unpack_from(content)
    words = content[_LENGTH.size : _LENGTH.size + n]
    return KeptObject(**json.loads(words)), zlib.decompress(memoryview(content)[_LENGTH.size + n :])


class Keeper:
    """Keeps a cache within its limit while a build adds to it."""

    def __init__(self, cache: ObjectCache | None) -> None:
        self._cache = cache
        self._added = 0
        if cache is not None:
            cache.trim()

    def added(self, n_bytes: int) -> None:
        """An entry of so many bytes was stored."""
        self._added += n_bytes
        if self._cache is not None and self._added > self._cache.max_bytes // _ROOM:
            self._cache.trim()
            self._added = 0


def object_key(text: bytes, include: Path, parts: Iterable[str]) -> str:
    """A name for all that an object depends on: its C file, the headers in ``include``, and ``parts``, which say what
    compiles it and how.
    """
    digest = hashlib.sha256()
    for part in (hashlib.sha256(text).digest(), _headers_digest(str(include)), *(part.encode() for part in parts)):
        digest.update(_LENGTH.pack(len(part)) + part)
    return digest.hexdigest()


@functools.cache
def _headers_digest(include: str) -> bytes:
    """Of all headers that generated code can include. They are read once a process, as imports are."""
    digest = hashlib.sha256()
    for path in sorted(Path(include, "wasm2so").glob("*.h")):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode() + content)
    return digest.digest()
