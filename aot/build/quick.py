"""Compiled programs found by what the file system says of their source, without reading it: for `wasm2so run`, which
should start a program as quickly as a shell starts a native one. Imports next to nothing, no pathlib either.

An entry is a symbolic link in the cache to the ``.so``. Its name is a digest of everything the compiled file depends
on, with the source's identity, size and times in the place of its content.
"""

import hashlib
import os
import resource
import stat
import sys
import time

from aot.build.stamp import PACKAGE, translator_stamp
from aot.build.version import VERSION

_FOLDER = "run"
_COMPILER_VARIABLES = ("WASM2SO_CC", "CC", "PATH")
_RACY_NS = 3_000_000_000


def root() -> str:
    """The cache's folder; the same as `aot.build.folders.cache_root`."""
    if named := os.environ.get("WASM2SO_CACHE_DIR"):
        return os.path.abspath(named)
    if sys.platform == "linux":
        folder = os.environ.get("XDG_CACHE_HOME", "")
        return f"{folder if folder.strip() else os.path.expanduser('~/.cache')}/wasm2so"
    import platformdirs

    return platformdirs.user_cache_dir("wasm2so", appauthor=False)


def name_of(source: os.stat_result, options: str) -> str:
    """The name for a source file and the options it is compiled with."""
    parts = (
        (source.st_dev, source.st_ino, source.st_size, source.st_mtime_ns, source.st_ctime_ns),
        [os.environ.get(name) for name in _COMPILER_VARIABLES],
        resource.getrlimit(resource.RLIMIT_AS),  # says whether memories can be reserved
        os.uname().release,  # may say whether segments can be set
        translator_stamp(_include()).hex(),
        VERSION,
        options,
    )
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()


def find(name: str) -> str | None:
    """The compiled file, or None. What lies in a folder that others can write to is not used."""
    folder = root()
    entry = f"{folder}/{_FOLDER}/{name}"
    try:
        trusted = _is_private(folder) and _is_private(f"{folder}/so")
        return entry if trusted and stat.S_ISREG(os.stat(entry).st_mode) else None
    except OSError:
        return None


def remember(name: str, source: os.stat_result, compiled: str) -> None:
    """Note that ``compiled``, an entry of the cache, is what ``source`` compiles to.

    A file changed a moment ago might be changed again within the grain of its times; it is not noted.
    """
    if time.time_ns() - max(source.st_mtime_ns, source.st_ctime_ns) < _RACY_NS:
        return
    folder = f"{root()}/{_FOLDER}"
    try:
        if not os.path.isdir(folder):
            os.mkdir(folder, 0o700)
        if _is_private(folder):
            temporary = f"{folder}/.{name}.{os.getpid()}"
            os.symlink(compiled, temporary)
            os.replace(temporary, f"{folder}/{name}")
    except OSError:
        return  # the next run is slower, that is all


def _is_private(folder: str) -> bool:
    info = os.lstat(folder)
    return stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and not info.st_mode & 0o077


def _include() -> str:
    """The folder of the headers, as `aot.abi.include_dir` finds it."""
    installed = f"{PACKAGE}/_include"
    return installed if os.path.isdir(installed) else f"{os.path.dirname(PACKAGE)}/runtime_c/include"
