"""A Python process in which ``import wasmtime`` gives `aot.compat.wasmtime`.

    python under_alias.py pytest REPORT ARGUMENT...     pytest, with the outcome of each test as JSON in REPORT
    python under_alias.py run PROGRAM                   a program

Run as a file of its own: the tests that it runs are a package `tests` as well.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import aot.compat.wasmtime
import aot.embed.wat


def install() -> ModuleType:
    """Give the name away. The real package stays in use as the parser of text, and looks for its parts by name."""
    parser = aot.embed.wat._parser()
    alias = aot.compat.wasmtime
    alias.__dict__["_ffi"] = parser._ffi
    sys.modules["wasmtime"] = alias
    return alias


class Outcomes:
    """A pytest plugin: what became of each test, with the last line of what failed."""

    def __init__(self, report: Path) -> None:
        self._report = report
        self._found: dict[str, tuple[str, str]] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            crash = getattr(report.longrepr, "reprcrash", None)
            reason = crash.message.splitlines()[0] if crash is not None else str(report.longrepr or "")
            self._found[report.nodeid] = (report.outcome, reason)

    def pytest_collectreport(self, report: Any) -> None:
        if report.outcome == "failed":
            self._found[report.nodeid] = ("failed", str(report.longrepr).splitlines()[-1])

    def pytest_sessionfinish(self) -> None:
        self._report.write_text(json.dumps(self._found))


def main() -> int:
    command, *arguments = sys.argv[1:]
    install()
    if command == "run":
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
        return 0
    import pytest

    return int(pytest.main(arguments[1:], plugins=[Outcomes(Path(arguments[0]))]))


if __name__ == "__main__":
    sys.exit(main())
