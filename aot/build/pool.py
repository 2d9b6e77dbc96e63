"""Compiles the chunks of one module in parallel, in worker processes of this build's own."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aot.build.options import Unit
from aot.build.progress import Progress
from aot.build.worker import Job
from aot.errors import BuildError

_END_SECONDS = 10
_LOG_BYTES = 4000


@dataclass(slots=True)
class Worker:
    """A running helper. ``task`` is the chunk it was given, None for module.c; meaningless while idle."""

    process: subprocess.Popen[bytes]
    log: Path
    task: int | None = None

    @property
    def requests(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def answers(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def give(self, task: int | None) -> None:
        self.task = task
        self.send(task)

    def send(self, message: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # its death is noticed where its answer is read
            pickle.dump(message, self.requests)
            self.requests.flush()

    def receive(self) -> object:
        """Its next answer. Raises BuildError if it died."""
        try:
            return pickle.load(self.answers)
        except (EOFError, pickle.UnpicklingError):
            status = self.process.wait(_END_SECONDS)
            log = self.log.read_text(encoding="utf-8", errors="replace")[-_LOG_BYTES:]
            raise BuildError(f"a worker process died (status {status})", (sys.executable,), log) from None


def run_pool(job: Job, n_chunks: int, n_workers: int, progress: Progress) -> tuple[Unit, ...]:
    """Render and compile every chunk and module.c. Units come back with module.c first, then the chunks in order.

    The first error to happen ends the build and is raised; no process and no compiler is left running.
    """
    tasks: Iterator[int | None] = iter([None, *range(n_chunks)])
    units: dict[int | None, Unit] = {}
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for number in range(min(n_workers, n_chunks + 1)):
            worker = stack.enter_context(_started(job, number))
            worker.give(next(tasks))
            selector.register(worker.answers, selectors.EVENT_READ, worker)
        while len(units) <= n_chunks:
            for worker in _ready(selector):
                match worker.receive():
                    case Unit() as unit:
                        units[worker.task] = unit
                        progress.done(unit, worker.task)
                        for task in _take(tasks):
                            worker.give(task)
                    case Exception() as err:
                        raise err
    return tuple(units[task] for task in (None, *range(n_chunks)))


def _take(tasks: Iterator[int | None]) -> Iterable[int | None]:
    """The next task, if there is one."""
    for task in tasks:
        return (task,)
    return ()


def _ready(selector: selectors.BaseSelector) -> list[Worker]:
    return [key.data for key, _ in selector.select()]


@contextlib.contextmanager
def _started(job: Job, number: int) -> Iterator[Worker]:
    """A worker with its job, ended when the block is left."""
    log = job.place.tmp / f"worker{number}.log"
    # The same modules as here, however they were found; -P keeps the current folder from adding others.
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "aot.build.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=env,
            start_new_session=True,
        )
    worker = Worker(process, log)
    try:
        worker.send(job)
        yield worker
    finally:
        _end(worker)


def _end(worker: Worker) -> None:
    """Ask the worker to stop, which ends its compiler too; insist if it does not."""
    with contextlib.suppress(BrokenPipeError):
        worker.requests.close()
    worker.process.terminate()
    try:
        worker.process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait()
    worker.answers.close()
