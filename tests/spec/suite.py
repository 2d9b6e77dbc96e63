"""Where the suite's scripts are: converted ones in zips (folder WASM_SPEC_TESTS), or `.wast` files."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from tests.wast import Script, load_script, read_file

REPOSITORY = Path(__file__).parents[2]

GROUPS = (
    "1.0",
    "asof-1.0",
    "2.0-bulk-memory",
    "2.0-multi-value",
    "2.0-reference-types",
    "2.0-simd",
    "asof-2.0",
    "3.0-extended-const",
    "3.0-multi-memory",
    "3.0-function-references",
    "3.0-memory64",
    "3.0-exceptions",
    "legacy-exceptions",
    "3.0-tail-call",
    "3.0-mixed",
    "3.0-custom",
    "3.0-relaxed-simd",
    "proposal-threads",
    "proposal-threads-run",
    "proposal-custom-page-sizes",
    "proposal-wide-arithmetic",
)
"""The groups that are run. `asof-1.0` and `asof-2.0` hold the scripts of those versions that later ones changed."""


def suite_folder() -> Path:
    """The folder of zips: WASM_SPEC_TESTS, or `shared/spec` beside the repository."""
    return Path(os.environ.get("WASM_SPEC_TESTS") or REPOSITORY.parent / "shared" / "spec")


_OLD_VERSIONS = {
    "asof-1.0": "1.0",
    "asof-2.0": "2.0",
    "proposal-threads": "threads",
    "proposal-threads-run": "threads",
}


@dataclass(frozen=True, slots=True, order=True)
class ScriptRef:
    """Names one script; `load` reads it. ``path`` is a zip of converted scripts or a `.wast` file."""

    group: str
    name: str
    path: Path

    def __str__(self) -> str:
        return f"{self.group}/{self.name}"

    @property
    def version(self) -> str:
        """The version of the specification whose rules say which modules of the script are refused."""
        return _OLD_VERSIONS.get(self.group, "3.0")

    def load(self) -> Script:
        if self.path.suffix == ".wast":
            return read_file(self.path)
        with ZipFile(self.path) as archive:
            return load_script(archive.read(f"{self.name}.json"), self.name)


def scripts_of(group: str, folder: Path) -> list[ScriptRef]:
    """All scripts of a group, by name. Raises FileNotFoundError if the group's zip is missing."""
    path = folder / f"{group}.zip"
    with ZipFile(path) as archive:
        names = [Path(name).stem for name in archive.namelist() if name.endswith(".json")]
    return [ScriptRef(group, name, path) for name in sorted(names) if name != "index"]


def all_scripts(folder: Path, groups: tuple[str, ...] = GROUPS) -> list[ScriptRef]:
    return [ref for group in groups for ref in scripts_of(group, folder)]


def wast_scripts(paths: list[Path]) -> list[ScriptRef]:
    """The `.wast` files named, and those below the folders named; a file's group is its folder."""
    files: list[Path] = []
    for path in paths:
        files += sorted(path.rglob("*.wast")) if path.is_dir() else [path]
    return [ScriptRef(file.parent.name, file.stem, file) for file in files]
