"""What can come of a command: the engine's ways to fail, in the runner's own words, and the record of a result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class RefusedError(Exception):
    """The engine refused a module. ``unsupported``: not because it is wrong, but as something not yet compiled."""

    def __init__(self, message: str, unsupported: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.unsupported = unsupported


class NotLinkedError(Exception):
    """An import is missing or does not fit."""


class TrappedError(Exception):
    """Wasm code trapped; the argument is the trap's text without position or backtrace."""


class ThrownError(Exception):
    """An exception of the guest was not caught."""


class MissingError(Exception):
    """The command needs an instance that could not be made; the argument says why."""


class MisfitError(Exception):
    """The engine's answer is not what the script expects; the argument says how."""


class Status(Enum):
    PASSED = "passed"
    FAILED = "failed"
    OUT_OF_SCOPE = "out of scope"


class Cause(Enum):
    """Why a command failed, as far as the list of what is out of scope must know."""

    WRONG = "wrong"
    """A fault of the engine."""
    UNSUPPORTED = "unsupported"
    """A module was refused as not supported: this one, or the one that the command needs an instance of."""


@dataclass(frozen=True, slots=True)
class Result:
    """One command's result. ``text_agrees`` tells, where a module had to be refused, whether the error's message
    begins with the script's words; None where there is nothing to compare.
    """

    line: int
    kind: str
    status: Status = Status.PASSED
    detail: str = ""
    cause: Cause = Cause.WRONG
    text_agrees: bool | None = None

    def out_of_scope(self) -> Result:
        return replace(self, status=Status.OUT_OF_SCOPE)

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}: {self.detail}"


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """All results of one script, in order. ``crash`` tells how the process running it died, if it did.

    ``stale`` are entries of the out-of-scope list that this run showed to be wrong.
    """

    group: str
    name: str
    results: tuple[Result, ...] = ()
    stale: tuple[str, ...] = ()
    crash: str = ""
    seconds: float = 0.0

    def count(self, status: Status) -> int:
        return sum(1 for result in self.results if result.status is status)

    @property
    def texts(self) -> tuple[int, int]:
        """Of the refusals with a text to compare: how many agree, and how many there are."""
        compared = [result.text_agrees for result in self.results if result.text_agrees is not None]
        return sum(compared), len(compared)

    @property
    def failures(self) -> list[str]:
        """Everything that makes the run fail, a line each."""
        lines = [f"{self.group}/{self.name}:{r}" for r in self.results if r.status is Status.FAILED]
        lines += [f"out_of_scope.txt: {entry}" for entry in self.stale]
        return [*lines, f"{self.group}/{self.name}: {self.crash}"] if self.crash else lines
