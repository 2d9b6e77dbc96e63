"""What WASI programs see of the world."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from aot.compat.wasmtime._config import Setting
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._managed import Managed
from aot.errors import UsageError
from aot.wasi import DirPerms, FilePerms
from aot.wasi import WasiConfig as Inner

__all__ = ["DirPerms", "FilePerms", "WasiConfig"]

CustomOutput = Callable[[bytes], int | None]


def _setting(name: str, doc: str) -> Setting[Any]:
    def apply(config: Any, value: Any) -> None:
        try:
            setattr(config, name, value)
        except (OSError, UsageError) as err:
            raise WasmtimeError(f"failed to set {name}: {err}") from None

    return Setting(apply, doc)


class WasiConfig(Managed[Inner]):
    """A description that `Store.set_wasi` takes over. Everything is off until it is set."""

    def __init__(self) -> None:
        self._set_ptr(Inner())

    argv: Setting[list[str]] = _setting("argv", "The arguments, the program's name first.")
    env: Setting[Iterable[Iterable[Any]]] = _setting("env", "The variables, as pairs of name and value.")
    stdin_file: Setting[str | bytes | os.PathLike[str]] = _setting("stdin_file", "The path of a file to read.")
    stdout_file: Setting[str | bytes | os.PathLike[str]] = _setting("stdout_file", "The path of a file to write.")
    stderr_file: Setting[str | bytes | os.PathLike[str]] = _setting("stderr_file", "The path of a file to write.")
    stdout_custom: Setting[CustomOutput] = _setting(
        "stdout_custom", "What is called with bytes and returns how many it took, None for all, or a negative errno."
    )
    stderr_custom: Setting[CustomOutput] = _setting("stderr_custom", "The same for stderr.")

    def inherit_argv(self) -> None:
        """Use the process's own arguments."""
        self.ptr().inherit_argv()

    def inherit_env(self) -> None:
        """Use the process's own variables."""
        self.ptr().inherit_env()

    def inherit_stdin(self) -> None:
        """Use the process's own stdin."""
        self.ptr().inherit_stdin()

    def inherit_stdout(self) -> None:
        """Use the process's own stdout."""
        self.ptr().inherit_stdout()

    def inherit_stderr(self) -> None:
        """Use the process's own stderr."""
        self.ptr().inherit_stderr()

    def preopen_dir(
        self,
        path: str,
        guest_path: str,
        fs_mutable: bool | DirPerms = True,
        file_perms: FilePerms = FilePerms.READ_WRITE,
    ) -> None:
        """Let the program use the directory ``path`` as ``guest_path``. In place of ``fs_mutable`` the permissions of
        earlier releases are understood. Raises WasmtimeError if there is no such directory.
        """
        try:
            self.ptr().preopen_dir(path, guest_path, fs_mutable, file_perms)
        except OSError as err:
            raise WasmtimeError(f"failed to add preopen dir: {err}") from None
