"""From a module's number to a verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from typing import Any

from aot.build.toolchain import native_cpu_level
from aot.errors import ModuleError
from tests.fuzz.canonical import canonical_nans
from tests.fuzz.compare import Case, Run, compare
from tests.fuzz.engines import Ours, RefusedError, Side, Wasmtime, wasmtime_engine
from tests.fuzz.generate import Maker, Source
from tests.fuzz.relaxed import rounded_twice
from tests.fuzz.settings import Settings, choose, optimised
from tests.fuzz.support import CannotProvideError, Supply
from tests.wasm_builder import HEADER

MakeSide = Callable[[Case], Side]


class Verdict(StrEnum):
    AGREES = "agrees"
    NAN_BITS = "agrees but for bits of NaNs"
    REFUSED = "refused by both"
    NOT_MADE = "not made"
    DIFFERS = "differs"
    CRASHED = "crashed"


COMPARED = (Verdict.AGREES, Verdict.NAN_BITS, Verdict.DIFFERS, Verdict.CRASHED)


@dataclass(frozen=True, slots=True)
class Report:
    """``outcomes`` counts the ends of calls; ``skipped`` is how many exports could not be called."""

    seed: int
    verdict: Verdict
    settings: str = ""
    detail: str = ""
    outcomes: dict[str, int] = field(default_factory=dict)
    skipped: int = 0


class Judge:
    """What a process keeps from module to module. ``fast``: all modules are compiled in the least time;
    ``optimised``: all by an optimising gcc, with guarded memories.
    """

    def __init__(self, *, fast: bool = False, optimised: bool = False) -> None:
        self._fast, self._optimised = fast, optimised
        self._engine = wasmtime_engine()
        self._cpu_level = native_cpu_level()
        self._supports: dict[tuple[str, bytes], Any] = {}
        self._supply = Supply()

    def judge(self, seed: int, maker: Maker) -> Report:
        """Make module ``seed`` and compare. Half of the modules are run as they are, half with canonical NaNs.

        Where one differs as it is, it is judged with canonical NaNs. If that agrees, and the module can be seen to do
        something else then on one and the same engine, the bits of NaNs are what differed.
        """
        source = maker.make(seed)
        if source is None:
            return Report(seed, Verdict.NOT_MADE)
        rng = Random(~seed)
        canonical, settings = rng.random() < 0.5, choose(rng, self._cpu_level)
        if self._fast:
            settings = replace(settings, cc=None, opt_level=0, fast=True)
        if self._optimised:
            settings = optimised(settings, rng)
        report = self.compare(seed, source, settings, canonical=canonical)
        if report.verdict is not Verdict.DIFFERS or canonical:
            return report
        again = self.compare(seed, source, settings, canonical=True)
        if again.verdict is Verdict.AGREES and self._reads_nan_bits(seed, source, settings):
            return replace(report, verdict=Verdict.NAN_BITS)
        return replace(report, detail=f"{report.detail}; with canonical NaNs: {again.verdict} {again.detail}")

    def _ours(self, settings: Settings) -> MakeSide:
        return lambda case: Ours(case.host(), settings=settings, supports=self._supports)

    def _theirs(self, case: Case) -> Side:
        return Wasmtime(case.host(), engine=self._engine)

    def compare(self, seed: int, source: Source, settings: Settings, *, canonical: bool) -> Report:
        how = f"{settings}{' canonical NaNs' if canonical else ''}"

        try:
            run = self._run(seed, source, canonical, (self._ours(settings), self._theirs))
        except (RefusedError, CannotProvideError) as error:
            return Report(seed, Verdict.REFUSED, how, str(error))
        except ModuleError as error:
            return Report(seed, Verdict.REFUSED if self._is_refused(source) else Verdict.DIFFERS, how, str(error))
        if run.difference is None:
            return Report(seed, Verdict.AGREES, how, "", run.outcomes, run.skipped)
        return Report(seed, Verdict.DIFFERS, how, str(run.difference), run.outcomes, run.skipped)

    def _is_refused(self, source: Source) -> bool:
        """Does wasmtime refuse the module as it was made?"""
        side = Wasmtime(lambda *asked: 0, engine=self._engine)
        try:
            side.start(HEADER, source.reference, [])
        except RefusedError:
            return True
        except Exception:
            return False
        return False

    def _reads_nan_bits(self, seed: int, source: Source, settings: Settings) -> bool:
        """Does the module do something else on either side when its own code makes all NaNs canonical?"""
        for data, make in ((source.data, self._ours(settings)), (rounded_twice(source.reference), self._theirs)):
            case = Case(seed, self._supply, data, canonical_nans(data))
            if compare(case, make(case), make(case)).difference is not None:
                return True
        return False

    def _run(self, seed: int, source: Source, canonical: bool, sides: tuple[MakeSide, MakeSide]) -> Run:
        data, reference = source.data, rounded_twice(source.reference)
        if canonical:
            data, reference = canonical_nans(data), canonical_nans(reference)
        case = Case(seed, self._supply, data, reference)
        left, right = sides
        return compare(case, left(case), right(case))
