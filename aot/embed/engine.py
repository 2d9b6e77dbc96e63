"""Engines: how modules are compiled and how their memories are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from aot.embed._native import ffi, lib
from aot.errors import UsageError
from aot.wasm.features import Features

if TYPE_CHECKING:
    from aot.build import BuildOptions

MemoryKind = Literal["auto", "guard", "checked"]


@dataclass(slots=True)
class Config:
    """Options of an engine, all readable and writable until an engine is made of them.

    ``opt_level`` is the C compiler's (0 to 3); ``cc`` names the compiler, None to find one; ``cpu_level`` is N of
    x86-64-vN. ``fast`` compiles in the least time, at level 0, with tcc where it is installed and can do it. ``memory``
    chooses how 32-bit memories are kept: "guard" reserves 8 GiB of address space for each and needs no checks,
    "checked" reserves little and checks each access, "auto" takes "guard" where the process may reserve that much.
    ``segment`` keeps a guarded memory in a segment register, which is faster (gcc, x86-64 with FSGSBASE, processes with
    nothing below 8 GiB): None does so for modules compiled to be run here, but not for files (`aot.compile`), which
    others may load.
    ``precise`` keeps traps of loads whose value is not used, as the specification wants. ``debug`` compiles for gdb.
    ``consume_fuel`` compiles code that counts what it does (`Store.set_fuel`), and ``epoch_interruption`` code that can
    be stopped anywhere (`Engine.increment_epoch`, `Store.timeout`, Ctrl-C); both make it slower. ``cache`` False
    compiles anew and keeps nothing. ``jobs`` bounds the compilers that run at once.
    ``profile`` names a folder with what code with counters counted (`wasm2so compile --pgo-instrument`), to compile by.
    The switches ``wasm_...`` say which parts of the language modules may use.
    """

    opt_level: int = 2
    cc: str | None = None
    cpu_level: int = 2
    fast: bool = False
    memory: MemoryKind = "auto"
    segment: bool | None = None
    precise: bool = True
    debug: bool = False
    consume_fuel: bool = False
    epoch_interruption: bool = False
    cache: bool = True
    jobs: int | None = None
    profile: str | os.PathLike[str] | None = None
    wasm_multi_value: bool = True
    wasm_bulk_memory: bool = True
    wasm_reference_types: bool = True
    wasm_multi_memory: bool = True
    wasm_extended_const: bool = True
    wasm_memory64: bool = True
    wasm_function_references: bool = True
    wasm_custom_page_sizes: bool = True
    wasm_wide_arithmetic: bool = True
    wasm_tail_call: bool = True
    wasm_simd: bool = True
    wasm_relaxed_simd: bool = True
    wasm_threads: bool = True
    wasm_exceptions: bool = True
    wasm_legacy_exceptions: bool = True
    wasm_gc: bool = True

    @property
    def features(self) -> Features:
        """The switches named ``wasm_...``, as the compiler takes them."""
        return Features(**{f.name: getattr(self, f"wasm_{f.name}") for f in fields(Features)})

    def copy(self) -> Config:
        return replace(self)


class Engine:
    """A configuration, fixed when the engine is made. Engines are cheap and shared freely between threads."""

    __slots__ = ("__weakref__", "_config", "_epoch", "_guard")

    def __init__(self, config: Config | None = None) -> None:
        if config is not None and not isinstance(config, Config):
            raise TypeError(f"expected a Config, not {type(config).__name__}")
        self._config = Config() if config is None else config.copy()
        if self._config.memory not in ("auto", "guard", "checked"):
            raise UsageError(f'memory is {self._config.memory!r}; must be "auto", "guard" or "checked"')
        self._epoch: Any = ffi.new("uint64_t *") if self._config.epoch_interruption else None
        self._guard: bool | None = None if self._config.memory == "auto" else self._config.memory == "guard"

    @property
    def config(self) -> Config:
        """A copy of the configuration."""
        return self._config.copy()

    @property
    def guard(self) -> bool:
        """Whether 32-bit memories rely on reserved address space; found out at the first use if "auto"."""
        if self._guard is None:
            self._guard = bool(lib.w2s_can_reserve())
        return self._guard

    def increment_epoch(self) -> None:
        """Begin a new epoch: stores of this engine whose deadline it is stop their code (`Store.set_epoch_deadline`).

        May be called by any thread at any time. Raises UsageError without ``Config.epoch_interruption``.
        """
        if self._epoch is None:
            raise UsageError("the engine has no epochs: it needs Config.epoch_interruption")
        lib.w2s_epoch_increment(self._epoch)

    def _build_options(self, *, for_others: bool = False) -> BuildOptions:
        """What to compile with; ``for_others``: a file that other processes may load.

        Raises UsageError if an option is out of range.
        """
        from aot.build import BuildOptions, read_profile

        config = self._config
        return BuildOptions(
            opt_level=config.opt_level,
            cc=config.cc,
            cpu_level=config.cpu_level,
            guard=self.guard,
            segment=not for_others if config.segment is None else config.segment,
            precise=config.precise,
            debug=config.debug,
            fuel=config.consume_fuel,
            epochs=config.epoch_interruption,
            jobs=config.jobs,
            incremental=config.cache,
            features=config.features,
            fast=config.fast,
            profile=None if config.profile is None else read_profile(Path(config.profile)),
        )

    def __repr__(self) -> str:
        return f"<Engine {self._config}>"
