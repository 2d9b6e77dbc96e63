"""Runs scripts in worker processes, so that a crash costs one script and is reported as its result."""

from __future__ import annotations

import contextlib
import multiprocessing as mp
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from queue import SimpleQueue

from tests.spec.adapter import Engine, Settings
from tests.spec.interpreter import run_script
from tests.spec.outcome import ScriptResult
from tests.spec.suite import ScriptRef

SECONDS_PER_SCRIPT = 600


def run_ref(engine: Engine, ref: ScriptRef) -> ScriptResult:
    """Load and run one script in this process."""
    return run_script(engine, ref.load(), ref.group, ref.version)


def _work(pipe: Connection, settings: Settings) -> None:
    engine = Engine(settings)
    with contextlib.suppress(EOFError):  # the other end was closed: no more scripts
        while True:
            pipe.send(run_ref(engine, pipe.recv()))


class Worker:
    """One child process, started again after a crash. It runs ``work``, which answers each script with its result."""

    def __init__(self, settings: Settings, work: Callable[[Connection, Settings], None] = _work) -> None:
        self.settings = settings
        self.work = work
        self.process: SpawnProcess | None = None
        self.pipe: Connection | None = None

    def start(self) -> Connection:
        context = mp.get_context("spawn")
        self.pipe, child = context.Pipe()
        self.process = context.Process(target=self.work, args=(child, self.settings), daemon=True)
        self.process.start()
        child.close()
        return self.pipe

    def run(self, ref: ScriptRef) -> ScriptResult:
        pipe = self.pipe or self.start()
        try:
            pipe.send(ref)
            if pipe.poll(SECONDS_PER_SCRIPT):
                result = pipe.recv()
                assert isinstance(result, ScriptResult)
                return result
            crash = f"no end after {SECONDS_PER_SCRIPT} s"
        except (EOFError, OSError):
            crash = "the process died"
        return ScriptResult(ref.group, ref.name, crash=f"{crash} ({self.stop()})")

    def stop(self) -> str:
        """End the process; returns how it ended."""
        if self.process is None or self.pipe is None:
            return "not started"
        self.pipe.close()
        self.process.join(1)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        code = self.process.exitcode
        self.process = self.pipe = None
        return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def run_all(
    settings: Settings, refs: Iterable[ScriptRef], workers: int, done: Callable[[ScriptResult], None] | None = None
) -> Iterator[ScriptResult]:
    """Run scripts on ``workers`` processes; results come in the order of ``refs``."""
    idle: SimpleQueue[Worker] = SimpleQueue()
    everyone = [Worker(settings) for _ in range(workers)]
    for worker in everyone:
        idle.put(worker)

    def job(ref: ScriptRef) -> ScriptResult:
        worker = idle.get()
        try:
            result = worker.run(ref)
        finally:
            idle.put(worker)
        if done:
            done(result)
        return result

    try:
        with ThreadPoolExecutor(workers) as threads:
            yield from threads.map(job, refs)
    finally:
        for worker in everyone:
            worker.stop()
