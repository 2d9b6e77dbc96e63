"""Prints the suite's counts at the end of a test run, also one spread over processes."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from typing import Any

import pytest

from tests.spec.outcome import Cause, Result, ScriptResult, Status
from tests.spec.report import table

PROPERTY = "wasm_spec_result"


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: value.value if isinstance(value, Enum) else value for key, value in pairs}


def record(properties: list[tuple[str, object]], result: ScriptResult) -> None:
    """Attach a script's result to its test item, in a form that travels between processes."""
    properties.append((PROPERTY, asdict(result, dict_factory=_plain)))


def recorded(report: pytest.TestReport) -> ScriptResult | None:
    for name, value in report.user_properties:
        if name == PROPERTY:
            assert isinstance(value, dict)
            return _rebuild(value)
    return None


def _rebuild(doc: dict[str, Any]) -> ScriptResult:
    results = tuple(
        Result(**{**one, "status": Status(one["status"]), "cause": Cause(one["cause"])}) for one in doc["results"]
    )
    return ScriptResult(**{**doc, "results": results, "stale": tuple(doc["stale"])})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, ()) if r.when == "call"]
    results = [result for report in reports if (result := recorded(report))]
    if results:
        terminalreporter.section("WebAssembly test suite")
        for line in table(sorted(results, key=lambda result: (result.group, result.name))):
            terminalreporter.write_line(line)
