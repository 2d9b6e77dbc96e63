"""What both command lines share: options, running, and printing failures and the table."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Sequence

from tests.spec.adapter import Settings
from tests.spec.outcome import ScriptResult
from tests.spec.pool import run_all
from tests.spec.report import table
from tests.spec.suite import ScriptRef

MATRIX = tuple(itertools.product(("gcc", "clang"), (0, 1, 2)))
"""Compilers and -O levels that every release passes with."""


def parser(description: str) -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--cc", help="the C compiler; default: what the engine finds")
    options.add_argument("-O", dest="opt_level", type=int, default=0, choices=(0, 1, 2), help="its -O level (0)")
    options.add_argument("--memory", default="auto", choices=("auto", "guard", "checked"), help="kind of memories")
    options.add_argument("--cpu", dest="cpu_level", type=int, default=2, choices=(1, 2, 3, 4), help="x86-64-vN (2)")
    options.add_argument("--fast", action="store_true", help="compile in the least time: tcc, where it is installed")
    options.add_argument("--matrix", action="store_true", help="run with gcc and clang at -O0, -O1 and -O2")
    options.add_argument("--no-cache", action="store_true", help="compile everything anew")
    options.add_argument("-j", dest="workers", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    options.add_argument("-v", dest="verbose", action="store_true", help="print every failure")
    return options


def settings_of(options: argparse.Namespace) -> list[Settings]:
    pairs = MATRIX if options.matrix else ((options.cc, options.opt_level),)
    cache = not options.no_cache
    return [
        Settings(cc, level, options.memory, options.cpu_level, cache, fast=options.fast and not options.matrix)
        for cc, level in pairs
    ]


def run(options: argparse.Namespace, refs: Sequence[ScriptRef], judge: Callable[[ScriptResult], ScriptResult]) -> bool:
    """Run the scripts with every setting asked for, and print; returns whether nothing failed.

    ``judge`` says which failures are out of scope.
    """
    good = True
    for settings in settings_of(options):
        print(f"== {settings}", flush=True)
        results = [judge(result) for result in run_all(settings, refs, options.workers, done=_progress)]
        if sys.stderr.isatty():
            print(file=sys.stderr)
        good &= show(results, sys.maxsize if options.verbose else 40)
    return good


def show(results: Sequence[ScriptResult], most: int) -> bool:
    """Print the first failures and the table."""
    failures = [line for result in results for line in result.failures]
    for line in failures[:most]:
        print(line)
    if len(failures) > most:
        print(f"... and {len(failures) - most} more failures (-v prints all)")
    for line in table(results):
        print(line)
    return not failures


def _progress(result: ScriptResult) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{result.group}/{result.name}", end="", file=sys.stderr, flush=True)
