"""The description of a program's world."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aot.embed._native import lib
from aot.embed.wasi import Symlink, WasiContext, WasiLimits, WasiSetup
from aot.errors import UsageError
from aot.wasi.streams import INHERIT, check_stream, connect

if TYPE_CHECKING:
    from aot.embed.store import Store

_MODES = {"ro": lib.W2S_WASI_READ_ONLY, "rw": 0}
_MOST_NS = (1 << 64) - 1


class Wasi(WasiSetup):
    """What a WASI program gets to see. What is not given, it does not have: no arguments, no variables, no
    directories, and streams that are at their end or swallow everything.

    ``args`` begins with the program's name. ``env`` is a mapping, or `INHERIT` for the process's own variables.

    ``dirs`` maps the names that the guest uses to directories: a path on the host; ``(path, "ro")`` for reading only;
    or a mapping, for a directory in memory: names to ``bytes`` or ``str`` for files, to mappings for directories, to
    `Symlink` for symbolic links, which the guest changes without changing the mapping (`WasiContext.read_dir` shows
    what became of it).

    ``stdin``, ``stdout`` and ``stderr`` are None or `NULL`; `INHERIT`; a path; a file object, binary or text (a
    file's descriptor is used if it has one, else its methods); a callable: ``call(n)`` returns at most n bytes, empty
    at the end, and ``call(data)`` takes bytes. stdin may be bytes; stdout and stderr may be `CAPTURE`, stderr
    also `STDOUT`. An OSError of a file object becomes the guest's errno; whatever a callable raises unwinds it.

    ``seed`` makes random numbers, and ``realtime`` and ``monotonic``, as (start, step) in nanoseconds, make clocks
    reproducible. ``limits`` changes some of `WasiLimits` by name. ``walk_paths`` resolves host paths component by
    component even where the system can do it (``openat2``).

    A description is used any number of times; each instance gets its own context.
    """

    def __init__(
        self,
        args: Iterable[str | bytes] = (),
        env: Mapping[str, str] | Any = None,
        dirs: Mapping[str, Any] | None = None,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        *,
        seed: int | None = None,
        realtime: tuple[int, int] | None = None,
        monotonic: tuple[int, int] | None = None,
        limits: Mapping[str, int] | None = None,
        walk_paths: bool = False,
    ) -> None:
        if isinstance(args, (str, bytes)):
            raise TypeError("args must be a sequence of strings, not one string")
        self._args = [_encode(arg, "an argument") for arg in args]
        self._env = _pairs(env)
        self._dirs = [(guest, *_directory(place)) for guest, place in ({} if dirs is None else dirs).items()]
        self._streams = [check_stream(n, value) for n, value in enumerate((stdin, stdout, stderr))]
        self._seed = seed
        self._clocks = {lib.W2S_WASI_REALTIME: _clock(realtime), lib.W2S_WASI_MONOTONIC: _clock(monotonic)}
        self._limits = {} if limits is None else dict(limits)
        self._options = lib.W2S_WASI_WALK_PATHS if walk_paths else 0
        if unknown := self._limits.keys() - set(WasiLimits.__slots__):
            raise TypeError(f"unknown limit {min(unknown)!r}")
        if seed is not None and not 0 <= seed <= _MOST_NS:
            raise UsageError(f"seed {seed} is out of range")

    def _open(self, store: Store) -> WasiContext:
        context = WasiContext(store)
        try:
            self._fill(context)
        except BaseException:
            context.close()
            raise
        return context

    def _fill(self, context: WasiContext) -> None:
        context._set_options(self._options)
        if self._limits:
            now = context._limits
            wanted = {name: self._limits.get(name, getattr(now, name)) for name in WasiLimits.__slots__}
            context._set_limits(WasiLimits(**wanted))
        for arg in self._args:
            context._add_arg(arg)
        for pair in self._env:
            context._add_env(pair)
        connect(context, self._streams)
        for guest, place, flags in self._dirs:
            if isinstance(place, Mapping):
                _add_tree(context, context._add_tree(guest, flags), place)
            else:
                context._add_dir(place, guest, flags)
        if self._seed is not None:
            context._set_seed(self._seed)
        for clock, setting in self._clocks.items():
            if setting is not None:
                context._set_clock(clock, *setting)

    def __repr__(self) -> str:
        return f"<Wasi {len(self._args)} arguments, {len(self._dirs)} directories>"


def _encode(text: str | bytes, what: str) -> bytes:
    if isinstance(text, str):
        text = os.fsencode(text)
    elif not isinstance(text, bytes):
        raise TypeError(f"{what} must be a string, not {type(text).__name__}")
    if b"\0" in text:
        raise UsageError(f"{what} has a zero byte in it")
    return text


def _pairs(env: Any) -> list[bytes]:
    """NAME=value for each variable."""
    if env is None:
        return []
    if env is INHERIT:
        env = os.environ
    if not isinstance(env, Mapping):
        raise TypeError(f"env must be a mapping, not {type(env).__name__}")
    pairs = [(_encode(name, "a variable's name"), _encode(value, "a variable's value")) for name, value in env.items()]
    for name, _ in pairs:
        if not name or b"=" in name:
            raise UsageError(f"{os.fsdecode(name)!r} cannot be the name of a variable")
    return [name + b"=" + value for name, value in pairs]


def _directory(place: Any) -> tuple[Any, int]:
    """The place, and flags."""
    flags = 0
    if isinstance(place, tuple):
        if len(place) != 2 or place[1] not in _MODES:
            raise UsageError(f'a directory is a path, or a path with "ro" or "rw", not {place!r}')
        place, flags = place[0], _MODES[place[1]]
    if not isinstance(place, (str, os.PathLike, Mapping)):
        raise TypeError(f"a directory must be a path or a mapping, not {type(place).__name__}")
    return place, flags


def _clock(setting: tuple[int, int] | None) -> tuple[int, int] | None:
    if setting is None:
        return None
    start, step = setting
    if not 0 <= start <= _MOST_NS or not 0 <= step <= _MOST_NS:
        raise UsageError(f"clock {setting} is out of range")
    return start, step


def _add_tree(context: WasiContext, root: Any, tree: Mapping[str, Any]) -> None:
    todo = [(root, tree)]
    while todo:
        directory, entries = todo.pop()
        for name, value in entries.items():
            if isinstance(value, Mapping):
                todo.append((context._add_node(directory, name, lib.W2S_WASI_NODE_DIR), value))
            elif isinstance(value, Symlink):
                context._add_node(directory, name, lib.W2S_WASI_NODE_SYMLINK, os.fsencode(value.target))
            elif isinstance(value, (bytes, bytearray, memoryview, str)):
                content = value.encode("utf-8") if isinstance(value, str) else bytes(value)
                context._add_node(directory, name, lib.W2S_WASI_NODE_FILE, content)
            else:
                raise TypeError(f"{name!r} must be bytes, str, Symlink or a mapping, not {type(value).__name__}")
