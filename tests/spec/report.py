"""Counts of a run as a table, a row a group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.spec.outcome import ScriptResult, Status


@dataclass(slots=True)
class Tally:
    """Running counts of one group."""

    scripts: int = 0
    passed: int = 0
    failed: int = 0
    out_of_scope: int = 0
    texts: int = 0
    texts_compared: int = 0
    seconds: float = 0.0
    crashed: int = 0

    def add(self, result: ScriptResult) -> None:
        self.scripts += 1
        self.passed += result.count(Status.PASSED)
        self.failed += result.count(Status.FAILED)
        self.out_of_scope += result.count(Status.OUT_OF_SCOPE)
        agreeing, compared = result.texts
        self.texts += agreeing
        self.texts_compared += compared
        self.seconds += result.seconds
        self.crashed += bool(result.crash)

    def row(self, name: str) -> str:
        in_scope = self.passed + self.failed
        text = (
            f"{name:22} {self.scripts:4} scripts  {self.passed:6} passed / {in_scope:6} in scope / "
            f"{in_scope + self.out_of_scope:6} total  texts {self.texts:5}/{self.texts_compared:5}  "
            f"{self.seconds:7.1f} s"
        )
        return f"{text}  {self.crashed} CRASHED" if self.crashed else text


def tallies(results: Iterable[ScriptResult]) -> dict[str, Tally]:
    """Counts by group, in the order of appearance, and of all together under ``total``."""
    rows: dict[str, Tally] = {}
    total = Tally()
    for result in results:
        rows.setdefault(result.group, Tally()).add(result)
        total.add(result)
    return {**rows, "total": total}


def table(results: Iterable[ScriptResult]) -> list[str]:
    """The table's lines. ``texts`` counts refusals whose message begins with the script's words."""
    return [tally.row(name) for name, tally in tallies(results).items()]
