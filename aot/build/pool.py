"""Compiles the chunks of one module in parallel, in worker processes of this build's own."""

from __future__ import annotations

import contextlib
import os
import pickle
import selectors
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from aot.build.options import Unit
from aot.build.run import interrupts_held
from aot.build.worker import MODULE_TASK, Job
from aot.errors import BuildError

_END_SECONDS = 10
_LOG_BYTES = 4000


@dataclass(slots=True)
class Worker:
    """A running helper. ``task`` is the chunk it was given last, or MODULE_TASK."""

    process: subprocess.Popen[bytes]
    log: Path
    task: int = MODULE_TASK

    @property
    def requests(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def answers(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def give(self, task: int) -> None:
        self.task = task
        self.send(task)

    def send(self, message: object) -> None:
        with contextlib.suppress(BrokenPipeError):  # its death is noticed where its answer is read
            pickle.dump(message, self.requests)
            self.requests.flush()

    def receive(self) -> Unit:
        """Its next answer. Raises the error that it met, and BuildError if it died."""
        try:
            answer: Unit | Exception = pickle.load(self.answers)
        except (EOFError, pickle.UnpicklingError):
            status = self.process.wait(_END_SECONDS)
            log = self.log.read_text(encoding="utf-8", errors="replace")[-_LOG_BYTES:]
            raise BuildError(f"a worker process died (status {status})", (sys.executable,), log) from None
        if isinstance(answer, Exception):
            raise answer
        return answer


def run_pool(job: Job, n_chunks: int, n_workers: int, done: Callable[[Unit, int | None], None]) -> tuple[Unit, ...]:
    """Render and compile every chunk and module.c. Units come back with module.c first, then the chunks in order.

    ``done`` is told of each, with its chunk or None for module.c. The first error to happen ends the build and is
    raised; no process and no compiler is left running.
    """
    tasks = (MODULE_TASK, *range(n_chunks))
    waiting = iter(tasks)
    units: dict[int, Unit] = {}
    workers: list[Worker] = []
    with selectors.DefaultSelector() as selector:
        try:
            for number, task in zip(range(n_workers), waiting, strict=False):
                with interrupts_held():
                    worker = _start(job, number)
                    workers.append(worker)
                worker.send(job)
                worker.give(task)
                selector.register(worker.answers, selectors.EVENT_READ, worker)
            while len(units) < len(tasks):
                for key, _ in selector.select():
                    worker = key.data
                    unit = worker.receive()
                    units[worker.task] = unit
                    done(unit, None if worker.task == MODULE_TASK else worker.task)
                    if (following := next(waiting, None)) is not None:
                        worker.give(following)
        finally:
            with interrupts_held():
                _end(workers)
    return tuple(units[task] for task in tasks)


def _start(job: Job, number: int) -> Worker:
    log = job.place.tmp / f"worker{number}.log"
    # This very package and the same libraries as here; -P keeps the current folder from adding others.
    path = [str(Path(__file__).resolve().parents[2]), *filter(None, sys.path)]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "aot.build.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=env,
            start_new_session=True,
        )
    return Worker(process, log)


def _end(workers: Iterable[Worker]) -> None:
    """Ask the workers to stop, which ends their compilers too; insist if they do not."""
    for worker in workers:
        worker.process.terminate()
    for worker in workers:
        try:
            worker.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()
        with contextlib.suppress(BrokenPipeError):
            worker.requests.close()
        worker.answers.close()
