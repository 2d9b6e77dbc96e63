"""The content-addressed cache: each module is compiled once for a compiler, a release and a set of options.

An entry is the ``.so`` with a trailer (`aot.build.sealed`). An entry that does not match its trailer is thrown away and
made again. Entries are only ever replaced as a whole, never written to, since running instances have them mapped.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import struct
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from aot.abi import abi_digest, include_dir
from aot.build.folders import cache_root, new_file, private_folder
from aot.build.options import BuildOptions
from aot.build.progress import Progress
from aot.build.sealed import TRAILER_BYTES, append_trailer, is_sound
from aot.build.stamp import translator_stamp
from aot.build.tcc import Tcc, find_tcc
from aot.build.toolchain import CANDIDATES, QUICKEST, Kind, Toolchain, file_stamp, find_command, probe
from aot.build.version import VERSION
from aot.errors import ResourceError, UsageError

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache in ``root``, a folder that only its owner can open."""

    root: Path

    @staticmethod
    def default() -> Cache:
        """The user's cache: WASM2SO_CACHE_DIR or the usual place. The folder is made and checked when it is used."""
        return Cache(cache_root())

    def entry(self, key: str) -> Path:
        """Where the file for ``key`` is, or would be."""
        return self.root / "so" / f"{key}.so"

    def lookup(self, key: str) -> Path | None:
        """The entry for ``key`` if it is there and sound; a damaged one is removed.

        Raises ResourceError if the folder is not private.
        """
        entry = private_folder(private_folder(self.root) / "so") / f"{key}.so"
        try:
            sound = is_sound(entry)
        except FileNotFoundError:
            return None
        except OSError as err:
            raise ResourceError(f"cache entry {entry}: {err.strerror}") from None
        if not sound:
            entry.unlink(missing_ok=True)
            return None
        return entry

    def toolchain(self, cc: str | None, *, fast: bool = False) -> Toolchain:
        """`find_toolchain`, remembering what a compiler answered until its file changes."""
        command = find_command(cc, QUICKEST if fast else CANDIDATES)
        memo = self._memo(command, file_stamp(command[0]))
        try:
            toolchain = _toolchain_from(json.loads(memo.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            # Not there, or not what this release writes.
            toolchain = probe(command)
            _write_memo(memo, asdict(toolchain))
        return replace(toolchain, tcc=self._tcc(toolchain.machine)) if fast else toolchain

    def _tcc(self, machine: str) -> Tcc | None:
        """`find_tcc`, remembering how its trial went until its file or our headers change."""
        path = shutil.which("tcc")
        if path is None:
            return None
        memo = self._memo((path, machine), (*file_stamp(path), _stamp(str(include_dir())).hex()))
        try:
            answer = json.loads(memo.read_text(encoding="utf-8"))
            return Tcc(tuple(answer["command"]), answer["banner"]) if answer else None
        except (OSError, ValueError, KeyError, TypeError):
            tcc = find_tcc(machine, include_dir())
            _write_memo(memo, asdict(tcc) if tcc else {})
            return tcc

    def _memo(self, command: tuple[str, ...], stamp: tuple[int | str, ...]) -> Path:
        """The file for what was learnt of a compiler in this state."""
        name = hashlib.sha256(json.dumps([command, stamp, VERSION]).encode()).hexdigest()
        return private_folder(private_folder(self.root) / "cc") / f"{name}.json"


def _write_memo(memo: Path, answer: dict[str, object]) -> None:
    with new_file(memo, 0o600) as temporary:
        temporary.write_text(json.dumps(answer), encoding="utf-8")


@functools.cache
def _stamp(include: str) -> bytes:
    """Looked at once a process, as imports are."""
    return translator_stamp(include)


def cache_key(data: bytes, options: BuildOptions, toolchain: Toolchain) -> str:
    """A name for all that the compiled file depends on: 64 hexadecimal digits."""
    digest = hashlib.sha256()
    parts = (
        hashlib.sha256(data).digest(),
        abi_digest(),
        _stamp(str(include_dir())),
        VERSION.encode(),
        toolchain.identity.encode(),
        options.code_key(toolchain).encode(),
    )
    for part in parts:
        digest.update(struct.pack("<Q", len(part)) + part)
    return digest.hexdigest()


def compile_cached(
    data: bytes, options: BuildOptions | None = None, cache: Cache | None = None, progress: Progress | None = None
) -> Path:
    """The compiled module as a file in the cache, compiled now if it is not there.

    Of several processes that want the same module at the same time, one compiles and the others wait. Raises
    ModuleError, BuildError, and ResourceError if the cache folder cannot be used.
    """
    options = BuildOptions() if options is None else options
    if options.counters is not None:
        raise UsageError("code with counters is not kept in the cache: each build begins a profile")
    cache = Cache.default() if cache is None else cache
    toolchain = cache.toolchain(options.cc, fast=options.fast)
    key = cache_key(data, options, toolchain)
    if (entry := cache.lookup(key)) is not None:
        return entry
    from filelock import FileLock

    from aot.build.pipeline import compile_to_file

    lock = private_folder(cache.root / "locks") / f"{key[:3]}.lock"
    with FileLock(lock, mode=0o600):
        if (entry := cache.lookup(key)) is not None:
            return entry
        entry = cache.entry(key)
        for leftover in entry.parent.glob(f".{key}*"):  # of a process that was killed; the lock makes it ours
            leftover.unlink(missing_ok=True)
        with new_file(entry, 0o600, durable=True) as temporary:
            compile_to_file(data, temporary, options, progress=progress, toolchain=toolchain, cache_folder=cache.root)
            append_trailer(temporary)
        return entry


def copy_entry(entry: Path, out: Path) -> None:
    """Copy a cached ``.so`` out of the cache, without its trailer."""
    with entry.open("rb") as source, new_file(out.resolve(), 0o777) as temporary, temporary.open("wb") as sink:
        left = os.fstat(source.fileno()).st_size - TRAILER_BYTES
        while left > 0 and (block := source.read(min(_BLOCK, left))):
            sink.write(block)
            left -= len(block)


def _toolchain_from(answer: dict[str, object]) -> Toolchain:
    """What `Cache.toolchain` stored. Raises KeyError or TypeError for anything else."""
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in answer.items()}
    return Toolchain(**(fields | {"kind": Kind(str(fields["kind"]))}))  # type: ignore[arg-type]
