"""The cache's place on disk, folders that only we can write to, and files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aot.errors import ResourceError


def cache_root() -> Path:
    """WASM2SO_CACHE_DIR, or the user's cache folder for this program. Not made, not checked."""
    if named := os.environ.get("WASM2SO_CACHE_DIR"):
        return Path(named).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("wasm2so", appauthor=False))


def private_folder(path: Path) -> Path:
    """Make ``path`` with mode 0700 if need be and return it.

    Raises ResourceError if it cannot be made, or is a symbolic link, another user's or open to others: what lies in
    the cache is loaded as code.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        info = path.lstat()
    except OSError as err:
        raise ResourceError(f"cache folder {path}: {err.strerror}") from None
    if not stat.S_ISDIR(info.st_mode):
        raise ResourceError(f"cache folder {path}: not a folder")
    if info.st_uid != os.geteuid():
        raise ResourceError(f"cache folder {path}: belongs to user {info.st_uid}, not to this process's {os.geteuid()}")
    if info.st_mode & 0o077:
        raise ResourceError(f"cache folder {path}: open to other users; `chmod 700` it or set WASM2SO_CACHE_DIR")
    return path


@contextmanager
def new_file(path: Path, mode: int = 0o666, *, durable: bool = False) -> Iterator[Path]:
    """A temporary file beside ``path``, for the block to fill: renamed to ``path`` at its end, removed on any error.

    ``mode`` is subject to the umask. ``durable``: the bytes reach the disk before the name does.
    """
    temporary = path.with_name(f".{path.name[:64]}.{secrets.token_hex(8)}.tmp")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, mode))
    except OSError as err:
        raise OSError(err.errno, err.strerror, str(path)) from None
    try:
        yield temporary
        if durable:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
