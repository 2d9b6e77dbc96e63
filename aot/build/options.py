"""What the user may choose about a build, and what a build tells about itself."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aot.build.profile import Profile
from aot.build.run import RunLimits
from aot.build.segments import can_set_segment
from aot.build.toolchain import MAX_CPU_LEVEL, Toolchain
from aot.errors import UsageError
from aot.wasm.features import Features

MAX_OPT = 3

EmitKind = Literal["so", "obj", "exe", "c"]


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """``opt_level`` 0..3; ``cc`` as `find_command` takes it; ``cpu_level`` x86-64-v1..v4; ``guard``, ``precise``,
    ``fuel``, ``epochs`` and ``offsets`` as in `EmitOptions`; ``segment`` likewise, where compiler, machine and this
    process have it (`aot.build.segments`); ``debug`` adds debugging information, and turns ``offsets`` off; ``fast``
    compiles in the least time, with tcc where that can be: ``opt_level`` is 0 then, ``offsets`` and ``segment`` are
    off; ``jobs`` None means one compiler per CPU; ``keep`` names a folder for the C files and objects.
    ``incremental``: the objects of modules that are compiled in several C files are kept in the cache, and found there;
    not for ``fast``. ``launcher`` is what compilers are started with, as `find_launcher` takes it.
    ``counters``: the code counts what it executes, and leaves that in this folder (`aot.build.profile`); ``profile``:
    what was left by such code is used.

    ``compiler_seconds`` of CPU time, five times that of wall time, and ``compiler_bytes`` of address space bound each
    compiler run. Raises UsageError for values out of range.
    """

    opt_level: int = 2
    cc: str | None = None
    cpu_level: int = 2
    guard: bool = True
    segment: bool = True
    precise: bool = True
    debug: bool = False
    fuel: bool = False
    epochs: bool = False
    offsets: bool = True
    features: Features = field(default_factory=Features)
    fast: bool = False
    jobs: int | None = None
    keep: Path | None = None
    compiler_seconds: int = 120
    compiler_bytes: int = 4 << 30
    incremental: bool = True
    launcher: str | None = None
    counters: Path | None = None
    profile: Profile | None = None

    def __post_init__(self) -> None:
        if self.fast:
            object.__setattr__(self, "opt_level", 0)
            object.__setattr__(self, "offsets", False)
            object.__setattr__(self, "segment", False)
            object.__setattr__(self, "incremental", False)
        if self.counters is not None:
            object.__setattr__(self, "incremental", False)
        if (self.counters is not None) + (self.profile is not None) + self.fast > 1:
            raise UsageError("fast, counters and profile exclude each other")
        ranges = (
            ("opt_level", self.opt_level, 0, MAX_OPT),
            ("cpu_level", self.cpu_level, 1, MAX_CPU_LEVEL),
            ("jobs", 1 if self.jobs is None else self.jobs, 1, 4096),
            ("compiler_seconds", self.compiler_seconds, 1, 86400),
            ("compiler_bytes", self.compiler_bytes, 64 << 20, 1 << 46),
        )
        for name, value, low, high in ranges:
            if not low <= value <= high:
                raise UsageError(f"{name} is {value}; must be between {low} and {high}")

    @property
    def has_offsets(self) -> bool:
        """Debuggers want the lines of the C files, backtraces those of the module."""
        return self.offsets and not self.debug

    @property
    def limits(self) -> RunLimits:
        return RunLimits(5.0 * self.compiler_seconds, self.compiler_seconds, self.compiler_bytes)

    @property
    def n_jobs(self) -> int:
        return self.jobs or len(os.sched_getaffinity(0))

    def uses_segment(self, toolchain: Toolchain) -> bool:
        """Whether segmented code is made: compiler and this machine allow it, and nobody decided otherwise."""
        return self.segment and self.guard and toolchain.segments and can_set_segment()

    def code_key(self, toolchain: Toolchain) -> str:
        """Everything here that the resulting file depends on."""
        level = toolchain.cpu_level(self.cpu_level)
        return (
            f"O{self.opt_level} v{level} guard={self.guard} segment={self.uses_segment(toolchain)} "
            f"precise={self.precise} debug={self.debug} "
            f"fuel={self.fuel} epochs={self.epochs} offsets={self.has_offsets} fast={self.fast} {self.features} "
            f"counters={self.counters and self.counters.resolve()} profile={self.profile and self.profile.digest}"
        )


@dataclass(frozen=True, slots=True)
class Unit:
    """One C file that was compiled. ``opt`` is the level it was compiled at; ``stepped_down`` tells why that is lower
    than could be had, empty where nothing went wrong; times are in seconds.
    ``jumps``: its tail calls are jumps. ``kept``: the object is one that was kept of an earlier build; then
    ``compile_seconds`` is 0, and ``cpu_seconds`` and ``peak_bytes`` are of that build. ``stored_bytes`` is the size of
    what was stored for the next.
    ``render_seconds`` are CPU time, ``compile_seconds`` time as it passed while the compiler ran, ``cpu_seconds`` the
    CPU time that it took. ``worker_bytes`` is the resident memory that the process had needed by then which wrote the
    C, which is another one than the compiler's.
    ``compiler`` made it; ``not_tcc`` tells why tcc could not. ``text_digest`` is that of its functions' C where they
    count; ``profiled`` says whether the profile in use is of this file, None without one.
    """

    name: str
    opt: int
    stepped_down: str = ""
    c_bytes: int = 0
    render_seconds: float = 0.0
    compile_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0
    jumps: bool = False
    compiler: str = ""
    not_tcc: str = ""
    text_digest: str = ""
    profiled: bool | None = None
    commands: tuple[tuple[str, ...], ...] = ()
    kept: bool = False
    stored_bytes: int = 0
    worker_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BuildReport:
    """``seconds`` per stage: decode, plan, and (added up over all workers) render and compile, then link, total.
    ``peak_bytes`` is the resident memory of the largest compiler process. ``not_kept`` says why objects could not be
    kept though they should have been.
    """

    out: Path
    n_functions: int
    n_chunks: int
    c_bytes: int
    out_bytes: int
    peak_bytes: int
    seconds: dict[str, float]
    units: tuple[Unit, ...]
    not_kept: str = ""

    @property
    def compiler_cpu_seconds(self) -> float:
        """CPU time of all compilers, those included whose objects have been kept."""
        return sum(unit.cpu_seconds for unit in self.units)

    @property
    def worker_bytes(self) -> int:
        """Resident memory of the largest process of ours that wrote C."""
        return max((unit.worker_bytes for unit in self.units), default=0)

    @property
    def n_kept(self) -> int:
        """C files that were not compiled, because their objects had been kept."""
        return sum(unit.kept for unit in self.units)

    @property
    def not_by_tcc(self) -> tuple[tuple[str, str, int], ...]:
        """Of a fast build: compiler, reason and number of the files whose functions tcc could not compile."""
        found = Counter((unit.compiler, unit.not_tcc) for unit in self.units if unit.not_tcc)
        return tuple((compiler, reason, n) for (compiler, reason), n in found.items())

    @property
    def n_not_profiled(self) -> int:
        """C files of which the profile in use has nothing."""
        return sum(unit.profiled is False for unit in self.units)

    @property
    def downgrades(self) -> tuple[Unit, ...]:
        return tuple(unit for unit in self.units if unit.stepped_down)
