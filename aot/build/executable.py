"""The runtime as an object file, to link executables with, standalone ones or programs in C: compiled once for each
compiler and kept in the cache beside compiled modules.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from aot.abi import abi_digest, include_dir
from aot.build.describe import quoted
from aot.build.elf import ObjectKind
from aot.build.folders import cache_root, new_file, private_folder
from aot.build.options import BuildOptions
from aot.build.run import Outcome
from aot.build.toolchain import RUNTIME, find_toolchain
from aot.build.unit import Workplace, check_output, failure, run
from aot.build.version import VERSION
from aot.errors import UnsupportedError
from aot.wasm.module import ExternKind, Module

WASI_MODULES = ("wasi_snapshot_preview1", "wasi_unstable")
RUNTIME_OBJECT = "runtime.o"


def runtime_dir() -> Path:
    """The folder of the runtime's ``include``, ``src`` and ``exe``. Raises FileNotFoundError."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_runtime_c", package.parent / "runtime_c"):
        if (folder / "exe" / "main.c").is_file():
            return folder
    raise FileNotFoundError("the sources of wasm2so's runtime are not installed beside the package")


def check_imports(module: Module) -> None:
    """Raises UnsupportedError if the module needs what no executable has: they come with WASI alone."""
    for item in module.imports:
        if item.kind is not ExternKind.FUNC or item.module not in WASI_MODULES:
            raise UnsupportedError(f"import {quoted(item.module)} {quoted(item.name)}: an executable has only WASI")


def link_executable(place: Workplace, objects: list[str], profile: tuple[str, ...] = ()) -> None:
    """Link a module's objects, named relative to ``place.tmp``, with the runtime to the executable ``out`` there.
    ``profile`` are flags for objects that count.

    Raises BuildError.
    """
    (place.tmp / RUNTIME_OBJECT).symlink_to(_runtime_object(place))
    command = place.toolchain.executable_command([*objects, RUNTIME_OBJECT], "out", profile)
    result = run(place, command)
    if result.outcome is not Outcome.OK:
        raise failure(command, result)
    check_output(place, command, "out", ObjectKind.SHARED)


def install_runtime(folder: Path, cc: str | None = None) -> None:
    """What C programs that load compiled modules are built with: ``folder / "include"`` holds the headers,
    ``folder / "lib" / "wasm2so.o"`` the runtime.

    Raises BuildError, OSError.
    """
    with TemporaryDirectory(prefix="wasm2so-", ignore_cleanup_errors=True) as name:
        place = Workplace(Path(name), include_dir(), find_toolchain(cc), BuildOptions())
        made = _runtime_object(place, with_main=False)
    headers = folder / "include" / "wasm2so"
    headers.mkdir(parents=True, exist_ok=True)
    (folder / "lib").mkdir(exist_ok=True)
    for source in sorted((include_dir() / "wasm2so").glob("*.h")):
        with new_file(headers / source.name) as temporary:
            temporary.write_bytes(source.read_bytes())
    with new_file(folder / "lib" / "wasm2so.o") as temporary:
        temporary.write_bytes(made.read_bytes())


def _runtime_object(place: Workplace, *, with_main: bool = True) -> Path:
    """The runtime, and the main function, as one relocatable object, compiled if it is not in the cache."""
    folder = private_folder(private_folder(cache_root()) / "runtime")
    sources = _sources(with_main=with_main)
    entry = folder / f"{_key(place, sources)}.o"
    if not entry.exists():
        from filelock import FileLock

        with FileLock(folder / "lock", mode=0o600):
            if not entry.exists():
                with TemporaryDirectory(prefix="wasm2so-", ignore_cleanup_errors=True) as name:
                    here = Workplace(Path(name), place.include, place.toolchain, place.options)
                    made = _compile_runtime(here, sources)
                    with new_file(entry, 0o600) as temporary:
                        temporary.write_bytes(made.read_bytes())
    return entry


def _sources(*, with_main: bool) -> list[Path]:
    root = runtime_dir()
    return [*([root / "exe" / "main.c"] if with_main else []), *sorted((root / "src").glob("*.c"))]


def _key(place: Workplace, sources: list[Path]) -> str:
    digest = hashlib.sha256(f"{VERSION}\n{place.toolchain.identity}\n{RUNTIME}\n".encode())
    root = runtime_dir()
    for path in (*sources, *sorted((root / "src").glob("*.h")), *sorted((root / "include").rglob("*.h"))):
        digest.update(f"{path.relative_to(root)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _compile_runtime(place: Workplace, sources: list[Path]) -> Path:
    names = [f"r{n}.o" for n in range(len(sources))]
    with _threads(place) as pool:
        list(pool.map(partial(_compile_one, place), sources, names))
    command = place.toolchain.combine_command(names, "all.o")
    result = run(place, command)
    if result.outcome is not Outcome.OK:
        raise failure(command, result)
    check_output(place, command, "all.o", ObjectKind.RELOCATABLE)
    return place.tmp / "all.o"


@contextlib.contextmanager
def _threads(place: Workplace) -> Iterator[ThreadPoolExecutor]:
    """They only wait for compilers."""
    pool = ThreadPoolExecutor(place.options.n_jobs)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _compile_one(place: Workplace, source: Path, out: str) -> None:
    digest = f'W2S_ABI_DIGEST_HEX="{abi_digest().hex()}"'
    command = place.toolchain.runtime_command(source, out, defines=(digest, "_GNU_SOURCE=1"), folder=runtime_dir())
    result = run(place, command)
    if result.outcome is not Outcome.OK:
        raise failure(command, result)
    check_output(place, command, out, ObjectKind.RELOCATABLE)
