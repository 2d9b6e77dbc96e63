"""`WasiConfig`: the same description, put together step by step as in wasmtime-py."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aot.embed.wasi import WasiContext, WasiSetup
from aot.wasi.config import Wasi
from aot.wasi.streams import INHERIT, NULL

if TYPE_CHECKING:
    from aot.embed.store import Store

PathLike = str | bytes | os.PathLike[str]


class DirPerms(Enum):
    """What the guest may do with the directories below a preopened one."""

    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_WRITE = 3


class FilePerms(Enum):
    """What the guest may do with the files below a preopened directory."""

    READ_ONLY = 1
    WRITE_ONLY = 2
    READ_WRITE = 3


class _File:
    """A stream's file, set by its path: opened there and then, so that what is wrong with it shows, and at each use."""

    def __init__(self, stream: str, mode: str) -> None:
        self._stream = stream
        self._mode = mode

    def __set__(self, config: WasiConfig, path: PathLike) -> None:
        name = Path(os.fsdecode(path))
        name.open(self._mode).close()
        config._streams[self._stream] = name


class _Custom:
    """A stream served by a callable."""

    def __init__(self, stream: str) -> None:
        self._stream = stream

    def __set__(self, config: WasiConfig, call: Callable[[bytes], int | None]) -> None:
        if not callable(call):
            raise TypeError(f"{self._stream} must be a callable, not {type(call).__name__}")
        config._streams[self._stream] = call


class WasiConfig(WasiSetup):
    """The world of a WASI program, for ``store.set_wasi(config)``. Everything is off until it is set.

    ``stdin_file``, ``stdout_file`` and ``stderr_file`` are set to paths, ``stdout_custom`` and ``stderr_custom`` to
    callables that take bytes and return how many they took, or None for all.
    """

    stdin_file = _File("stdin", "rb")
    stdout_file = _File("stdout", "wb")
    stderr_file = _File("stderr", "wb")
    stdout_custom = _Custom("stdout")
    stderr_custom = _Custom("stderr")

    def __init__(self) -> None:
        self._argv: list[str] = []
        self._env: dict[str, str] = {}
        self._dirs: dict[str, Any] = {}
        self._streams: dict[str, Any] = {"stdin": NULL, "stdout": NULL, "stderr": NULL}

    @property
    def argv(self) -> list[str]:
        """The arguments, the program's name first."""
        return list(self._argv)

    @argv.setter
    def argv(self, argv: Iterable[str]) -> None:
        self._argv = list(argv)

    def inherit_argv(self) -> None:
        """Use the process's own arguments."""
        self._argv = list(sys.argv)

    @property
    def env(self) -> list[tuple[str, str]]:
        """The variables as pairs of name and value."""
        return list(self._env.items())

    @env.setter
    def env(self, pairs: Iterable[Iterable[str]]) -> None:
        self._env = {name: value for name, value in pairs}

    def inherit_env(self) -> None:
        """Use the process's own variables."""
        self._env = dict(os.environ)

    def inherit_stdin(self) -> None:
        """Use the process's own stdin."""
        self._streams["stdin"] = INHERIT

    def inherit_stdout(self) -> None:
        """Use the process's own stdout."""
        self._streams["stdout"] = INHERIT

    def inherit_stderr(self) -> None:
        """Use the process's own stderr."""
        self._streams["stderr"] = INHERIT

    def preopen_dir(
        self,
        path: str | os.PathLike[str],
        guest_path: str,
        dir_perms: DirPerms | bool = DirPerms.READ_WRITE,
        file_perms: FilePerms = FilePerms.READ_WRITE,
        *,
        fs_mutable: bool = True,
    ) -> None:
        """Let the guest use the directory ``path`` under the name ``guest_path``. It can be changed only if neither
        permission is READ_ONLY and ``fs_mutable`` (which may stand in the place of ``dir_perms``) is true.

        Raises NotADirectoryError if there is no such directory.
        """
        mutable = fs_mutable and dir_perms not in (False, DirPerms.READ_ONLY) and file_perms is not FilePerms.READ_ONLY
        if not Path(path).is_dir():
            raise NotADirectoryError(f"{os.fspath(path)} is not a directory")
        self._dirs[guest_path] = (path, "rw" if mutable else "ro")

    def _open(self, store: Store) -> WasiContext:
        return Wasi(args=self._argv, env=self._env, dirs=self._dirs, **self._streams)._open(store)
