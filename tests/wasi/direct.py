"""WASI's functions called one by one from Python: a module that exports every one of them, and a memory."""

from __future__ import annotations

import functools
import struct
from pathlib import Path
from typing import Any

import wasmtime

import aot

FUNCTIONS = {
    "args_get": "ii",
    "args_sizes_get": "ii",
    "clock_res_get": "ii",
    "clock_time_get": "ili",
    "environ_get": "ii",
    "environ_sizes_get": "ii",
    "fd_advise": "illi",
    "fd_allocate": "ill",
    "fd_close": "i",
    "fd_datasync": "i",
    "fd_fdstat_get": "ii",
    "fd_fdstat_set_flags": "ii",
    "fd_fdstat_set_rights": "ill",
    "fd_filestat_get": "ii",
    "fd_filestat_set_size": "il",
    "fd_filestat_set_times": "illi",
    "fd_pread": "iiili",
    "fd_prestat_dir_name": "iii",
    "fd_prestat_get": "ii",
    "fd_pwrite": "iiili",
    "fd_read": "iiii",
    "fd_readdir": "iiili",
    "fd_renumber": "ii",
    "fd_seek": "ilii",
    "fd_sync": "i",
    "fd_tell": "ii",
    "fd_write": "iiii",
    "path_create_directory": "iii",
    "path_filestat_get": "iiiii",
    "path_filestat_set_times": "iiiilli",
    "path_link": "iiiiiii",
    "path_open": "iiiiillii",
    "path_readlink": "iiiiii",
    "path_remove_directory": "iii",
    "path_rename": "iiiiii",
    "path_symlink": "iiiii",
    "path_unlink_file": "iii",
    "poll_oneoff": "iiii",
    "proc_raise": "i",
    "random_get": "ii",
    "sched_yield": "",
    "sock_accept": "iii",
    "sock_recv": "iiiiii",
    "sock_send": "iiiii",
    "sock_shutdown": "ii",
}
"""Parameters of every function that returns an errno: i for i32, l for i64. proc_exit is the only other one."""

OK, ACCES, BADF, EXIST, FBIG, INVAL, IO, ISDIR, LOOP = 0, 2, 8, 20, 22, 28, 29, 31, 32
MFILE, NAMETOOLONG, NOENT, NOSPC, NOTDIR, NOTEMPTY, PERM, PIPE = 33, 37, 44, 51, 54, 55, 63, 64
NOTCAPABLE = 76

CREAT, DIRECTORY, EXCL, TRUNC = 1, 2, 4, 8
FOLLOW = 1
RIGHT_READ, RIGHT_WRITE, RIGHT_READDIR, RIGHT_STAT = 1 << 1, 1 << 6, 1 << 14, 1 << 21
ALL_RIGHTS = (1 << 29) - 1

_PATHS, _OUT, _DATA = 0, 32768, 65536
"""Where arguments, results and buffers lie in the guest's memory."""


def _wat() -> str:
    types = {"i": "i32", "l": "i64"}
    imports, exports = [], []
    for name, code in FUNCTIONS.items():
        params = " ".join(types[letter] for letter in code)
        given = " ".join(f"local.get {n}" for n in range(len(code)))
        param = f"(param {params})" if params else ""
        imports.append(f'(import "wasi_snapshot_preview1" "{name}" (func $i_{name} {param} (result i32)))')
        exports.append(f'(func (export "{name}") {param} (result i32) {given} call $i_{name})')
    imports.append('(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))')
    exports.append('(func (export "proc_exit") (param i32) local.get 0 call $exit)')
    return "\n".join(["(module", *imports, '(memory (export "memory") 64)', *exports, ")"])


@functools.cache
def module() -> aot.Module:
    return aot.load(bytes(wasmtime.wat2wasm(_wat())), aot.Config(opt_level=0))


class Guest:
    """An instance of the module. Methods give a function's errno, or a pair of errno and result."""

    def __init__(self, wasi: aot.wasi.WasiSetup) -> None:
        self.instance = module()(wasi=wasi)
        self.memory = memoryview(self.instance.memory)
        self.call = {name: self.instance.exports[name] for name in FUNCTIONS}

    def close(self) -> None:
        self.memory.release()
        assert self.instance.wasi is not None
        self.instance.wasi.close()

    def _put(self, *paths: bytes) -> list[int]:
        """Write paths; returns their addresses and lengths in turn."""
        at, out = _PATHS, []
        for path in paths:
            self.memory[at : at + len(path)] = path
            out += [at, len(path)]
            at += len(path)
        assert at <= _OUT
        return out

    def _u32(self) -> int:
        return int(struct.unpack_from("<I", self.memory, _OUT)[0])

    def open(
        self,
        path: bytes,
        *,
        dir: int = 3,
        lookup: int = FOLLOW,
        oflags: int = 0,
        rights: int = RIGHT_READ,
        inheriting: int = ALL_RIGHTS,
        fdflags: int = 0,
    ) -> tuple[int, int]:
        """With the right to ask what was opened, in addition to ``rights``."""
        at, n = self._put(path)
        errno = self.call["path_open"](dir, lookup, at, n, oflags, rights | RIGHT_STAT, inheriting, fdflags, _OUT)
        return errno, self._u32()

    def close_fd(self, fd: int) -> int:
        return int(self.call["fd_close"](fd))

    def read(self, fd: int, n: int) -> tuple[int, bytes]:
        struct.pack_into("<II", self.memory, _OUT + 8, _DATA, n)
        errno = self.call["fd_read"](fd, _OUT + 8, 1, _OUT)
        return errno, bytes(self.memory[_DATA : _DATA + self._u32()]) if errno == OK else b""

    def write(self, fd: int, data: bytes) -> tuple[int, int]:
        self.memory[_DATA : _DATA + len(data)] = data
        struct.pack_into("<II", self.memory, _OUT + 8, _DATA, len(data))
        errno = self.call["fd_write"](fd, _OUT + 8, 1, _OUT)
        return errno, self._u32()

    def stat_fd(self, fd: int) -> tuple[int, tuple[int, int, int]]:
        """Device, inode and size."""
        errno = self.call["fd_filestat_get"](fd, _OUT)
        return errno, self._filestat(errno)

    def stat(self, path: bytes, *, dir: int = 3, lookup: int = FOLLOW) -> tuple[int, tuple[int, int, int]]:
        errno = self.call["path_filestat_get"](dir, lookup, *self._put(path), _OUT)
        return errno, self._filestat(errno)

    def _filestat(self, errno: int) -> tuple[int, int, int]:
        if errno != OK:
            return 0, 0, 0
        dev, ino, _, _, size = struct.unpack_from("<QQQQQ", self.memory, _OUT)
        return dev, ino, size

    def mkdir(self, path: bytes, *, dir: int = 3) -> int:
        return int(self.call["path_create_directory"](dir, *self._put(path)))

    def rmdir(self, path: bytes, *, dir: int = 3) -> int:
        return int(self.call["path_remove_directory"](dir, *self._put(path)))

    def unlink(self, path: bytes, *, dir: int = 3) -> int:
        return int(self.call["path_unlink_file"](dir, *self._put(path)))

    def rename(self, old: bytes, new: bytes, *, dir: int = 3, to: int = 3) -> int:
        a, n, b, m = self._put(old, new)
        return int(self.call["path_rename"](dir, a, n, to, b, m))

    def link(self, old: bytes, new: bytes, *, dir: int = 3, to: int = 3, lookup: int = 0) -> int:
        a, n, b, m = self._put(old, new)
        return int(self.call["path_link"](dir, lookup, a, n, to, b, m))

    def symlink(self, target: bytes, path: bytes, *, dir: int = 3) -> int:
        a, n, b, m = self._put(target, path)
        return int(self.call["path_symlink"](a, n, dir, b, m))

    def readlink(self, path: bytes, *, dir: int = 3) -> tuple[int, bytes]:
        errno = self.call["path_readlink"](dir, *self._put(path), _DATA, 4096, _OUT)
        return errno, bytes(self.memory[_DATA : _DATA + self._u32()]) if errno == OK else b""

    def set_times(self, path: bytes, *, dir: int = 3, lookup: int = FOLLOW) -> int:
        return int(self.call["path_filestat_set_times"](dir, lookup, *self._put(path), 1000, 1000, 1 | 4))

    def names(self, fd: int) -> tuple[int, list[bytes]]:
        """The entries of a directory, which must fit into 64 KiB."""
        errno = self.call["fd_readdir"](fd, _DATA, 65536, 0, _OUT)
        found, at = [], _DATA
        end = _DATA + (self._u32() if errno == OK else 0)
        while at + 24 <= end:
            length = struct.unpack_from("<QQII", self.memory, at)[2]
            found.append(bytes(self.memory[at + 24 : at + 24 + length]))
            at += 24 + length
        return errno, found


def guest(host: Path, *more: Path, **options: Any) -> Guest:
    """A guest whose descriptors from 3 on are these directories."""
    dirs = {f"/{n}" if n else "/": path for n, path in enumerate((host, *more))}
    return Guest(aot.Wasi(dirs=dirs, **options))
