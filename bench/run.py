"""Run time of wasm programs, as ratios to native gcc -O2: ours in several builds, and other engines, in one run.

Every engine's output is compared with the native program's before anything counts. Rounds are interleaved; a ratio is
the median over the rounds of an engine's CPU time by the native program's in the same round, so that what else the
machine does weighs on both. The spread is that of the middle half of the rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import chart
import engines
import figures
from corpus import GROUPS, Program, programs
from engines import Command, Engine

BASE = engines.native("gcc", "-O2")


@dataclass(frozen=True, slots=True)
class Cell:
    """Ratio to the native program: median, and the middle half of the rounds."""

    ratio: float
    low: float
    high: float


def variants(*, simd: bool, every: bool) -> list[Engine]:
    ours = [
        engines.ours("ours", simd=simd, opt_level=2),
        engines.ours("ours relaxed", simd=simd, opt_level=2, precise=False),
        engines.ours_trained("ours PGO", simd=simd, opt_level=2),
    ]
    if every:
        ours += [
            engines.ours("ours -O1", simd=simd, opt_level=1),
            engines.ours("ours -O3", simd=simd, opt_level=3),
            engines.ours("ours clang", simd=simd, opt_level=2, cc="clang"),
        ]
    return ours


def run_program(program: Program, candidates: list[Engine], folder: Path, rounds: int) -> tuple[float, dict[str, Cell]]:
    """Native CPU seconds, and each engine's cell. Raises ValueError where an output differs."""
    commands: dict[str, tuple[Command, bool]] = {}
    expected = ""
    for engine in (BASE, *candidates):
        commands[engine.name] = engine.prepare(program, folder), engine.reports
        _, output = engines.measure(commands[engine.name][0], reports=engine.reports)
        expected = expected or output
        if output != expected:
            raise ValueError(f"{program.name}: {engine.name} printed {output!r}, not {expected!r}")
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, (command, reports) in commands.items():
            times[name].append(engines.measure(command, reports=reports)[0])
    base = times.pop(BASE.name)
    return statistics.median(base), {name: _cell(base, seconds) for name, seconds in times.items()}


def _cell(base: list[float], seconds: list[float]) -> Cell:
    ratios = sorted(mine / native for mine, native in zip(seconds, base, strict=True))
    quarter = len(ratios) // 4
    return Cell(statistics.median(ratios), ratios[quarter], ratios[-1 - quarter])


def mean(cells: Iterable[Cell]) -> float:
    return statistics.geometric_mean(cell.ratio for cell in cells)


def table(chosen: list[Program], names: list[str], rows: dict[str, tuple[float, dict[str, Cell]]]) -> Iterator[str]:
    yield f"| program | native s | {' | '.join(names)} |"
    yield f"|---|---{'|---' * len(names)}|"
    for program in chosen:
        seconds, cells = rows[program.name]
        texts = (f"{c.ratio:.2f} ({c.low:.2f}-{c.high:.2f})" for c in (cells[name] for name in names))
        yield f"| {program.name} | {seconds:.3f} | {' | '.join(texts)} |"
    for group in (*GROUPS, ""):
        inside = [p.name for p in chosen if not group or p.group == group]
        if inside:
            means = (f"{mean(rows[p][1][name] for p in inside):.3f}" for name in names)
            yield f"| **geometric mean, {group or 'all'}** | | {' | '.join(means)} |"


def plot(title: str, chosen: list[Program], names: list[str], rows: dict[str, tuple[float, dict[str, Cell]]]) -> str:
    """Of the engines as many as a chart takes, means first."""
    names = names[: chart.MAX_SERIES]
    drawn = []
    for group in ("", *GROUPS):
        inside = [p.name for p in chosen if not group or p.group == group]
        means = [mean(rows[p][1][name] for p in inside) for name in names] if inside else []
        if means:
            bars = tuple(chart.Bar(value, value, value) for value in means)
            drawn.append(chart.Row(f"geometric mean, {group or 'all'}", bars, strong=True))
    for program in chosen:
        cells = rows[program.name][1]
        bars = tuple(chart.Bar(cells[name].ratio, cells[name].low, cells[name].high) for name in names)
        drawn.append(chart.Row(program.name, bars))
    return chart.bars(title, "CPU time, as a ratio to native gcc -O2", names, drawn, base=1.0)


@contextmanager
def workplace(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
    else:
        with tempfile.TemporaryDirectory(prefix="wasm2so-bench-") as folder:
            yield Path(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"programs or groups ({', '.join(GROUPS)}); all if none is given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--simd", action="store_true", help="wasm with vector instructions, compiled with -O3")
    parser.add_argument("--every", action="store_true", help="more of our builds: -O1, -O3, clang")
    parser.add_argument("--native", action="store_true", help="more native builds: gcc -O3, clang -O2")
    parser.add_argument("--no-peers", action="store_true", help="only ours")
    parser.add_argument("--folder", type=Path, help="where to keep what is built")
    parser.add_argument("--write", action="store_true", help="leave table and chart in docs/figures")
    args = parser.parse_args()
    chosen = programs(args.names)
    candidates = variants(simd=args.simd, every=args.every)
    if not args.no_peers:
        found, missing = engines.peers(simd=args.simd)
        candidates += found
        for tool in missing:
            print(f"left out, because it is not installed: {tool}")
    if args.native:
        candidates += [engines.native("gcc", "-O3"), engines.native("clang", "-O2")]
    rows: dict[str, tuple[float, dict[str, Cell]]] = {}
    with workplace(args.folder) as folder:
        for program in chosen:
            rows[program.name] = run_program(program, candidates, folder, args.rounds)
            print(program.name, *(f"{name} {cell.ratio:.2f}" for name, cell in rows[program.name][1].items()), sep="  ")
    names = [engine.name for engine in candidates]
    print(*table(chosen, names, rows), sep="\n")
    if args.write:
        title = f"Run time, {'vector' if args.simd else 'scalar'} builds"
        notes = [f"Ratios to native gcc -O2: median and middle half of {args.rounds} rounds.", ""]
        page = [*notes, *table(chosen, names, rows)]
        figures.publish("run-simd" if args.simd else "run", title, page, plot(title, chosen, names, rows))


if __name__ == "__main__":
    main()
