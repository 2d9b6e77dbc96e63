"""``python -m tests.fuzz.worker SOURCE [fast] [optimised]``: reads module numbers, a line each, and answers each with
a report as JSON.

A process of its own, because generated code that is wrong may take the process down.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from tests.fuzz.dense import DenseGenerator
from tests.fuzz.generate import Maker, generator
from tests.fuzz.judge import Judge, Report, Verdict

SECONDS = 300
"""A module that takes longer has hung."""


DENSE = "dense"
"""The source that stands for our own generator; any other is the path of wasm-opt."""


@contextmanager
def maker(source: str, *, plain: bool = False) -> Iterator[Maker]:
    if source == DENSE:
        yield DenseGenerator(plain=plain)
        return
    with generator(source, plain=plain) as made:
        yield made


def main(source: str, *, fast: bool, optimised: bool) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not disturb the answers
    judge = Judge(fast=fast, optimised=optimised)
    with maker(source, plain=fast) as made:
        for line in sys.stdin:
            signal.alarm(SECONDS)
            seed = int(line)
            try:
                report = judge.judge(seed, made)
            except Exception:
                report = Report(seed, Verdict.CRASHED, detail=traceback.format_exc())
            answers.write(json.dumps(asdict(report)) + "\n")
            answers.flush()


class Worker:
    """A worker process as its parent sees it; started anew after it died."""

    def __init__(self, source: str, *, fast: bool = False, optimised: bool = False) -> None:
        self._arguments = [source, *(["fast"] if fast else []), *(["optimised"] if optimised else [])]
        self._process: subprocess.Popen[str] | None = None

    def judge(self, seed: int) -> Report:
        process = self._process or self._begin()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{seed}\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # what it left tells why
        answer = process.stdout.readline()
        if answer:
            found = json.loads(answer)
            return Report(**{**found, "verdict": Verdict(found["verdict"])})
        self._process = None
        process.communicate()
        code = process.returncode
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"
        return Report(seed, Verdict.CRASHED, detail=f"the process died ({how})")

    def _begin(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.fuzz.worker", *self._arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self._process

    def close(self) -> None:
        if self._process is not None:
            self._process.communicate()
            self._process = None


if __name__ == "__main__":
    main(sys.argv[1], fast="fast" in sys.argv[2:], optimised="optimised" in sys.argv[2:])
