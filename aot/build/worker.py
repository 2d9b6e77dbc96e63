"""A build's helper process: ``python -m aot.build.worker``. Writes C for a chunk of functions and compiles it.

It is not a multiprocessing worker, because those run the user's main script again when they start. Messages are
pickles on standard input and output: first a `Job`, then a chunk's number or MODULE_TASK, each answered by one `Unit`
or by the error. End of input ends the process.
"""

from __future__ import annotations

import os
import pickle
import resource
import signal
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from aot.build.options import Unit
from aot.build.unit import Workplace, compile_functions, compile_unit
from aot.emit import ChunkText, EmitOptions, ModuleContext, Plan, plan_module, render_chunk
from aot.wasm.decode import decode_module
from aot.wasm.module import Module

MODULE_UNIT = "module"
BLOBS_UNIT = "blobs"
MODULE_TASK = -1
"""Stands for module.c where others are a chunk's number."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs before its first task; ``wasm`` is the file that holds the validated module."""

    wasm: Path
    emit: EmitOptions
    place: Workplace
    module_opt: int


class ChunkSource:
    """A module and the plan for its C, and what all chunks have in common."""

    def __init__(self, module: Module, plan: Plan) -> None:
        self.module, self.plan = module, plan
        self._cx: ModuleContext | None = None

    def name(self, chunk: int) -> str:
        return self.plan.chunks[chunk].name

    def render(self, chunk: int) -> ChunkText:
        """The C of a chunk. Raises ModuleError."""
        if self._cx is None:
            self._cx = ModuleContext(self.module, self.plan)
        return render_chunk(self.module, self.plan, chunk, self._cx)

    def write(self, chunk: int, tmp: Path) -> WrittenChunk:
        """Render a chunk into ``tmp``. Raises ModuleError.

        There is a file only if the chunk's bodies are valid.
        """
        start = time.process_time()
        text = self.render(chunk)
        # Generated C is ASCII whatever the module holds: no byte of the guest's gets into it.
        written = text.text.encode("ascii")
        (tmp / f"{self.name(chunk)}.c").write_bytes(written)
        return WrittenChunk(written, text.max_opt, text.jumps, time.process_time() - start)


@dataclass(frozen=True, slots=True)
class WrittenChunk:
    """A C file that was written: its content, the highest optimisation level for it, whether it may have tail calls as
    jumps, and how many seconds of CPU time it took to write.
    """

    text: bytes
    max_opt: int
    jumps: bool
    seconds: float


def main() -> int:
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not disturb the messages
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))  # held while this process was started
    job: Job = pickle.load(requests)
    module = decode_module(job.wasm.read_bytes(), job.emit.features)
    source = ChunkSource(module, plan_module(module, job.emit))
    while True:
        try:
            task: int = pickle.load(requests)
        except EOFError:
            return 0
        try:
            answer: Unit | Exception = _work(job, source, task)
        except Exception as err:
            err.add_note(f"while compiling {'module.c' if task == MODULE_TASK else f'chunk {task}'}")
            answer = err
        pickle.dump(answer, answers)
        answers.flush()


def _work(job: Job, source: ChunkSource, task: int) -> Unit:
    if task == MODULE_TASK:
        return compile_unit(job.place, MODULE_UNIT, job.module_opt)
    return compile_chunk(job.place, source, task)


def compile_chunk(place: Workplace, source: ChunkSource, chunk: int) -> Unit:
    """Write a chunk's C file and compile it, unless its object has been kept. Raises ModuleError, BuildError."""
    written = source.write(chunk, place.tmp)
    unit = compile_functions(place, source.name(chunk), written.text, written.max_opt, jumps=written.jumps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return replace(unit, render_seconds=written.seconds, worker_bytes=peak)


def _leave(signum: int, frame: object) -> NoReturn:
    """Unwind on SIGTERM, so that a running compiler is ended too."""
    raise SystemExit(128 + signum)


if __name__ == "__main__":
    raise SystemExit(main())
