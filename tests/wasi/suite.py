"""The public wasi-testsuite: finding its compiled programs and running them as their specifications say."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aot
from aot.wasi import CAPTURE

VERSION = "wasm32-wasip1"
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Case:
    """One program; ``spec`` is its JSON file, empty if it has none."""

    group: str
    path: Path
    spec: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.group}/{self.path.stem}"


def find_cases(folder: Path) -> list[Case]:
    """All preview 1 programs below ``folder``. Raises FileNotFoundError if there are none."""
    cases = [case for path in sorted(folder.rglob(_MANIFEST)) for case in _cases_of(path)]
    if not cases:
        raise FileNotFoundError(f"{folder}: no {_MANIFEST} of {VERSION} with compiled programs beside it")
    return cases


def _cases_of(manifest: Path) -> Iterator[Case]:
    known = json.loads(manifest.read_text())
    if known.get("version", VERSION) != VERSION:
        return
    for program in sorted(manifest.parent.glob("*.wasm")):
        spec = program.with_suffix(".json")
        yield Case(_group(known["name"]), program, json.loads(spec.read_text()) if spec.exists() else {})


def _group(name: str) -> str:
    """The language, which is the only word that differs between manifests.

    >>> _group("WASI Rust tests [wasm32-wasip1]")
    'Rust'
    """
    words = [word for word in name.split() if word not in ("WASI", "tests") and not word.startswith("[")]
    return " ".join(words) or name


def run_case(case: Case, *, walk_paths: bool = False) -> list[str]:
    """Run one program on a copy of its files. Returns what differs from its specification."""
    spec = case.spec
    with tempfile.TemporaryDirectory(prefix="wasm2so-wasi-") as name:
        dirs = {}
        if spec.get("root") is not None:
            root = Path(name, "root")
            shutil.copytree(case.path.parent / spec["root"], root)
            dirs["/"] = root
        world = aot.Wasi(
            args=[case.path.name, *spec.get("args", ())],
            env=spec.get("env"),
            dirs=dirs,
            stdout=CAPTURE,
            stderr=CAPTURE,
            walk_paths=walk_paths,
        )
        try:
            done = aot.wasi.run(aot.load(case.path, aot.Config(opt_level=0)), world)
        except aot.WasmError as err:
            return [f"{type(err).__name__}: {err}"]
    wrong = []
    if done.exit_status != spec.get("exit_code", 0):
        wrong.append(f"exit status {done.exit_status}, expected {spec.get('exit_code', 0)}")
        wrong.append(f"stderr: {done.stderr.decode('utf-8', 'replace').strip()}")
    for stream, found in (("stdout", done.stdout), ("stderr", done.stderr)):
        if stream in spec and found.decode("utf-8", "replace") != spec[stream]:
            wrong.append(f"{stream} {found!r}, expected {spec[stream]!r}")
    return wrong
