"""Profile-guided optimisation: builds that count what their code does, and what they counted.

A build with counters names a folder. Whoever runs its result leaves the counts there, when the process ends; the
manifest that the build writes says which C files they belong to. A later build takes the counts for each C file that
has not changed since. The formats are the compilers': .gcda files of gcc, .profraw of clang.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aot.build.run import Outcome, RunLimits, compiler_environment, run_compiler
from aot.build.toolchain import Kind, Toolchain
from aot.build.version import VERSION
from aot.errors import BuildError, UsageError

MANIFEST = "wasm2so-profile.json"
TRAINING = "WASM2SO_TRAINING"
"""The environment variable without which the runtime refuses code with counters."""

_DATA = {Kind.GCC: "*.gcda", Kind.CLANG: "*.profraw"}
_MERGED = "merged.profdata"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a training left in ``folder``: ``kind`` and ``version`` are the compiler's, ``files`` maps the name of each
    C file to its digest; ``digest`` is that of everything in the folder.
    """

    folder: Path
    kind: Kind
    version: str
    files: Mapping[str, str]
    digest: str

    def covers(self, name: str, text: bytes) -> bool:
        """Was a C file of this name and content among those that were trained?"""
        return self.files.get(name) == text_digest(text)


def text_digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def counting_flags(toolchain: Toolchain, folder: Path, *, threads: bool) -> tuple[str, ...]:
    """For compiling and linking code that counts; ``threads``: several run the same code at a time.

    Raises BuildError for compilers that cannot.
    """
    if toolchain.kind not in _DATA:
        raise BuildError(f"{toolchain.version} has no profiles that can be used here; gcc and clang have")
    update = ("-fprofile-update=atomic",) if threads else ()
    return (f"-fprofile-generate={folder}", *update)


def using_flags(toolchain: Toolchain) -> tuple[str, ...]:
    """For compiling with counts that `prepare` has put into the working folder."""
    if toolchain.kind is Kind.GCC:
        # Code that the training did not come to is optimised as without a profile, not for size.
        return (
            "-fprofile-use",
            "-fprofile-correction",
            "-fprofile-partial-training",
            "-Wno-missing-profile",
            "-Wno-coverage-mismatch",
        )
    return (f"-fprofile-use={_MERGED}",)


def begin(folder: Path) -> None:
    """Make the folder of a build with counters, without what earlier ones left. Raises UsageError, OSError."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: exists and is not a folder, which is what profiles are kept in")
    folder.mkdir(parents=True, exist_ok=True)
    foreign = [path.name for path in folder.iterdir() if not _is_ours(path)]
    if foreign:
        raise UsageError(
            f"{folder}: the folder holds other files ({', '.join(sorted(foreign)[:3])}); name an empty one"
        )
    for path in folder.iterdir():
        path.unlink()


def _is_ours(path: Path) -> bool:
    return path.is_file() and (path.name == MANIFEST or path.suffix in {".gcda", ".profraw"})


def write_manifest(folder: Path, toolchain: Toolchain, files: Mapping[str, str]) -> None:
    """Say what the counts will belong to: ``files`` are the names of C files and their digests."""
    content = {"release": VERSION, "compiler": toolchain.version, "kind": toolchain.kind, "files": dict(files)}
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_profile(folder: Path) -> Profile:
    """What a training left in ``folder``. Raises UsageError if there is none, or only its beginning."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        kind, version, files = Kind(content["kind"]), str(content["compiler"]), dict(content["files"])
    except OSError as err:
        raise UsageError(f"{folder}: no profile: {MANIFEST}: {err.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{folder}: the profile's {MANIFEST} is damaged") from None
    found = _data(folder, kind)
    if not found:
        raise UsageError(
            f"{folder}: the profile is empty: run the code that was compiled with counters, with {TRAINING}=1 set, to "
            "its end; counts are written when the process exits"
        )
    digest = hashlib.sha256()
    for path in (folder / MANIFEST, *found):
        data = path.read_bytes()
        digest.update(f"{path.name} {len(data)}\n".encode() + data)
    return Profile(folder, kind, version, files, digest.hexdigest())


def _data(folder: Path, kind: Kind) -> list[Path]:
    return sorted(folder.glob(_DATA.get(kind, "*.none")))


def prepare(profile: Profile, toolchain: Toolchain, tmp: Path, limits: RunLimits) -> None:
    """Put the counts where compilers that run in ``tmp`` look for them. Raises BuildError."""
    if (toolchain.kind, toolchain.version) != (profile.kind, profile.version):
        raise BuildError(
            f"the profile in {profile.folder} is of {profile.version}, the compiler is {toolchain.version}"
        )
    if profile.kind is Kind.GCC:
        for path in _data(profile.folder, Kind.GCC):
            name = path.name.rpartition("#")[2]  # the name holds the path of the object, with # for /
            if re.fullmatch(r"\w+\.gcda", name):
                shutil.copyfile(path, tmp / name)
        return
    command = (*_merger(toolchain, tmp), "merge", "-o", _MERGED, *map(str, _data(profile.folder, profile.kind)))
    try:
        result = run_compiler(command, tmp, limits, compiler_environment(tmp))
    except OSError as err:
        raise BuildError(f"{command[0]}: {err.strerror}; it belongs to clang and merges profiles", command) from None
    if result.outcome is not Outcome.OK:
        raise BuildError(f"{command[0]} cannot merge the profile in {profile.folder}", command, result.log)


def _merger(toolchain: Toolchain, tmp: Path) -> tuple[str, ...]:
    """llvm-profdata of the same release as clang."""
    asked = (*toolchain.command, "-print-prog-name=llvm-profdata")
    result = run_compiler(asked, tmp, RunLimits(30, 20), compiler_environment(tmp))
    named = result.log.strip() if result.outcome is Outcome.OK else ""
    major = toolchain.version.split()[-1].partition(".")[0]
    for candidate in (named, f"llvm-profdata-{major}", "llvm-profdata"):
        if candidate and (path := shutil.which(candidate)):
            return (path,)
    raise BuildError(f"llvm-profdata, which merges the profiles of {toolchain.version}, is not installed")
