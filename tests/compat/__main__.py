"""``python -m tests.compat FOLDER``: wasmtime-py's own tests and examples, out of a clone of it, run on this engine.

What is out of scope is listed, the rest counted by file; the command fails if any test or example does.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

REPOSITORY = Path(__file__).parents[2]
RUNNER = Path(__file__).with_name("under_alias.py")
COMPONENTS = "component"
"""The folder of tests that need the component model."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test: passed, failed or skipped, and why."""

    test: str
    result: str
    reason: str

    @property
    def file(self) -> str:
        return self.test.split("::")[0]


def under_alias(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `under_alias` in ``folder``, which is not on the import path."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, str(RUNNER), *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def run_tests(folder: Path) -> list[Outcome]:
    """The outcome of each test in scope. Raises RuntimeError if pytest itself failed."""
    files = sorted(str(path.relative_to(folder)) for path in (folder / "tests").glob("test_*.py"))
    options = [
        "-o",
        "addopts=",
        "-q",
        "-p",
        "no:cacheprovider",
        "--import-mode=importlib",
        "--continue-on-collection-errors",
    ]
    with TemporaryDirectory() as temporary:
        report = Path(temporary, "report.json")
        done = under_alias(folder, "pytest", str(report), *options, *files)
        if not report.exists():
            raise RuntimeError(f"pytest failed:\n{done.stdout}{done.stderr}")
        return [Outcome(test, *found) for test, found in json.loads(report.read_text()).items()]


def run_example(folder: Path, example: Path) -> str | None:
    """Why an example failed, or None."""
    done = under_alias(folder, "run", str(example.relative_to(folder)))
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no output"])[-1]


def out_of_scope(folder: Path) -> list[str]:
    """Test files that are not run."""
    return sorted(str(path.relative_to(folder)) for path in (folder / "tests" / COMPONENTS).glob("test_*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compat", description=__doc__)
    parser.add_argument("folder", type=Path, help="a clone of wasmtime-py")
    folder = parser.parse_args().folder.resolve()
    outcomes = run_tests(folder)
    passed = Counter(o.file for o in outcomes if o.result == "passed")
    for file, n in sorted(Counter(o.file for o in outcomes).items()):
        print(f"{passed[file]:4} of {n:3}  {file}")
    bad = [f"{o.test}: {o.result}: {o.reason}" for o in outcomes if o.result != "passed"]
    print(f"{sum(passed.values())} of {len(outcomes)} tests passed")
    for example in sorted((folder / "examples").glob("*.py")):
        reason = run_example(folder, example)
        print(f"{'ran' if reason is None else 'failed':8} {example.relative_to(folder)}")
        if reason is not None:
            bad.append(f"{example.relative_to(folder)}: {reason}")
    for file in out_of_scope(folder):
        print(f"not run  {file}: components")
    print(*bad, sep="\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
