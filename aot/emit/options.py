"""What the user may choose about generated code; part of every cache key."""

from __future__ import annotations

from dataclasses import dataclass, field

from aot.wasm.features import Features


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """``guard``: 32-bit memories rely on their address-space reservation, else every access is checked.

    ``precise``: loads whose value is never used still trap (the rule of the specification). Without it compilers may
    drop such loads; memory stays safe. ``cpu_level`` is x86-64-vN, recorded in the ``.so`` and checked when loading.
    ``segment`` keeps the base of a guarded memory that is the module's only one in a segment register: for x86-64 with
    FSGSBASE, and compilers that know ``__seg_gs``. ``debug`` keeps source comments. ``fuel`` counts what the code does,
    and ``epochs`` makes it stop where it is asked to (see `aot.emit.meter`); both are recorded in the ``.so``.
    ``features`` says which parts of the language modules may use. ``offsets`` has lines numbered by where in the module
    they come from, for backtraces. ``apart`` puts functions and descriptor into separate files also where there are
    few. ``counters`` records that the code counts what it executes, which the C compiler sees to.
    """

    guard: bool = True
    segment: bool = False
    precise: bool = True
    cpu_level: int = 2
    debug: bool = False
    fuel: bool = False
    epochs: bool = False
    offsets: bool = False
    apart: bool = False
    counters: bool = False
    features: Features = field(default_factory=Features)
