"""``python -m tests.fuzz --count N --seed S``: compare N random modules with wasmtime, and print totals.

Module number S is the same for the same release of wasm-opt. What differs is printed with the number, and the module is
kept in the folder given by --keep; ``--show`` writes module S and prints how it was made. ``--dense`` takes modules of
our own generator instead of Binaryen's; ``--fast`` has them compiled by tcc and leaves out what it lacks;
``--optimised`` by gcc at its higher levels, where memories are in segment registers.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from tests.fuzz.generate import NoGeneratorError, find_wasm_opt, version_of
from tests.fuzz.judge import COMPARED, Report, Verdict
from tests.fuzz.worker import DENSE, Worker, maker

BAD = (Verdict.DIFFERS, Verdict.CRASHED)
_SHOWN = 2000
_STEP = 200


def reports(source: str, seeds: Iterator[int], n_workers: int, *, fast: bool, optimised: bool) -> Iterator[Report]:
    """Judge modules on ``n_workers`` processes, until ``seeds`` ends."""
    idle: SimpleQueue[Worker] = SimpleQueue()
    everyone = [Worker(source, fast=fast, optimised=optimised) for _ in range(n_workers)]
    for worker in everyone:
        idle.put(worker)

    def job(seed: int) -> Report:
        worker = idle.get()
        try:
            return worker.judge(seed)
        finally:
            idle.put(worker)

    try:
        with ThreadPoolExecutor(n_workers) as threads:
            while batch := [seed for _, seed in zip(range(8 * n_workers), seeds, strict=False)]:
                yield from threads.map(job, batch)
    finally:
        for worker in everyone:
            worker.close()


class Totals:
    """Counts of what came of modules and calls."""

    def __init__(self) -> None:
        self.verdicts: Counter[Verdict] = Counter()
        self.outcomes: Counter[str] = Counter()
        self.skipped = 0

    def add(self, report: Report) -> None:
        self.verdicts[report.verdict] += 1
        self.outcomes.update(report.outcomes)
        self.skipped += report.skipped

    @property
    def compared(self) -> int:
        return sum(self.verdicts[verdict] for verdict in COMPARED)

    def lines(self) -> Iterator[str]:
        yield f"{self.compared} modules compared, {sum(self.outcomes.values())} calls"
        for verdict in Verdict:
            yield f"  {self.verdicts[verdict]:8} {verdict}"
        yield "calls ended with"
        for outcome, count in self.outcomes.most_common():
            yield f"  {count:8} {outcome}"
        yield f"  {self.skipped:8} exported functions not called, for want of a reference to give"


def main() -> int:
    options = argparse.ArgumentParser(description="Compares random modules with wasmtime.")
    options.add_argument(
        "--count", type=int, default=100, help="modules to compare; those refused or not made are extra"
    )
    options.add_argument("--seed", type=int, default=0, help="number of the first module")
    options.add_argument("--wasm-opt", help="Binaryen's wasm-opt; default: WASM_OPT, or the one on the PATH")
    options.add_argument("--dense", action="store_true", help="modules of our own generator")
    options.add_argument(
        "--optimised", action="store_true", help="compile all by gcc at -O1 to -O3, with guarded memories"
    )
    options.add_argument(
        "--fast", action="store_true", help="compile by tcc what it can, and make modules of that kind"
    )
    options.add_argument("--keep", type=Path, help="folder for modules that differ")
    options.add_argument("--show", action="store_true", help="write module --seed to --keep, and how it was made")
    options.add_argument("-j", dest="workers", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    arguments = options.parse_args()
    try:
        named = arguments.wasm_opt or os.environ.get("WASM_OPT")
        source = DENSE if arguments.dense else find_wasm_opt(named)
        if arguments.show:
            print(show(source, arguments.seed, arguments.keep or Path(), plain=arguments.fast))
            return 0
        return campaign(source, arguments)
    except NoGeneratorError as error:
        print(error, file=sys.stderr)
        return 2


def show(source: str, seed: int, folder: Path, *, plain: bool = False) -> str:
    """Write a module; returns a line about it."""
    with maker(source, plain=plain) as making:
        made = making.make(seed)
    if made is None:
        return f"module {seed}: wasm-opt fails"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{seed}.wasm").write_bytes(made.data)
    if made.reference != made.data:
        (folder / f"{seed}.reference.wasm").write_bytes(made.reference)
    return f"module {seed}: {' '.join(made.arguments)}"


def campaign(source: str, arguments: argparse.Namespace) -> int:
    totals, start = Totals(), time.monotonic()
    print(
        version_of(source) if source != DENSE else "our own generator,",
        f"modules from number {arguments.seed}",
        flush=True,
    )
    seed = arguments.seed
    stop = False

    def seeds() -> Iterator[int]:
        nonlocal seed
        while not stop:
            yield seed
            seed += 1

    # Ended from outside, the run still says what it has found.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for report in reports(source, seeds(), arguments.workers, fast=arguments.fast, optimised=arguments.optimised):
            if totals.compared >= arguments.count:
                stop = True
                continue
            totals.add(report)
            if report.verdict in BAD:
                print(
                    f"module {report.seed}: {report.verdict}: {report.settings}: {report.detail[:_SHOWN]}", flush=True
                )
                if arguments.keep:
                    show(source, report.seed, arguments.keep, plain=arguments.fast)
            if totals.compared % _STEP == 0:
                done = f"{totals.compared} compared, {sum(totals.verdicts[bad] for bad in BAD)} bad"
                print(f"{done}, {time.monotonic() - start:.0f} s, at number {report.seed}", flush=True)
    except KeyboardInterrupt:
        print(f"interrupted at number {seed}")
    print(*totals.lines(), sep="\n")
    return 1 if any(totals.verdicts[bad] for bad in BAD) else 0


if __name__ == "__main__":
    sys.exit(main())
