"""The list of what is out of scope: strict, so that it only shrinks.

A line is ``group/script[:line] feature reason``. It excuses those failed commands of the script (or the one command
at that line) that fail because a module was refused as not supported. Nothing else is excused, and an entry that
excuses nothing is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.spec.outcome import Cause, Result, ScriptResult, Status

LIST = Path(__file__).with_name("out_of_scope.txt")
FEATURES = frozenset(
    ("simd", "gc", "function-references", "exceptions", "memory64", "threads", "tail-call", "custom-sections")
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the list; ``line`` 0 stands for the whole script."""

    script: str
    line: int
    feature: str
    reason: str

    def covers(self, result: Result) -> bool:
        unsupported = result.status is Status.FAILED and result.cause is Cause.UNSUPPORTED
        return unsupported and self.line in (0, result.line)

    def __str__(self) -> str:
        place = f"{self.script}:{self.line}" if self.line else self.script
        return f"{place} {self.feature} {self.reason}"


def parse_list(lines: Iterable[str]) -> list[Entry]:
    """Read the list. Raises ValueError for a line that is not of its form, a duplicate, or an unknown feature."""
    entries: list[Entry] = []
    for number, text in enumerate(lines, 1):
        if not text.strip() or text.startswith("#"):
            continue
        words = text.split(maxsplit=2)
        if len(words) < 3 or words[1] not in FEATURES:
            raise ValueError(f"line {number}: expected `group/script[:line] feature reason`: {text.strip()}")
        script, _, line = words[0].partition(":")
        entry = Entry(script, int(line) if line else 0, words[1], words[2].strip())
        if any((entry.script, entry.line) == (other.script, other.line) for other in entries):
            raise ValueError(f"line {number}: listed twice: {words[0]}")
        entries.append(entry)
    return entries


def load_list(path: Path = LIST) -> list[Entry]:
    return parse_list(path.read_text().splitlines())


def apply(entries: list[Entry], result: ScriptResult) -> ScriptResult:
    """Mark what the list excuses, and name the entries of this script that excuse nothing."""
    if result.crash:
        return result
    mine = [entry for entry in entries if entry.script == f"{result.group}/{result.name}"]
    used: set[Entry] = set()
    judged = []
    for one in result.results:
        covering = [entry for entry in mine if entry.covers(one)]
        used.update(covering)
        judged.append(one.out_of_scope() if covering else one)
    stale = tuple(f"excuses nothing: {entry}" for entry in mine if entry not in used)
    return replace(result, results=tuple(judged), stale=stale)


def excuse_unsupported(result: ScriptResult) -> ScriptResult:
    """Without a list: everything that fails because the engine says it does not support a module is out of scope."""
    failed = [one.status is Status.FAILED and one.cause is Cause.UNSUPPORTED for one in result.results]
    judged = [one.out_of_scope() if out else one for one, out in zip(result.results, failed, strict=True)]
    return replace(result, results=tuple(judged))


def unknown_scripts(entries: list[Entry], scripts: Iterable[str]) -> list[str]:
    """Entries whose script is not in the suite."""
    known = set(scripts)
    return [f"no such script: {entry}" for entry in entries if entry.script not in known]
