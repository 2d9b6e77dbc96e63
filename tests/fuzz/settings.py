"""How this engine compiles a module."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

import aot

_COMPILERS = ((88, "gcc", 0), (3, "gcc", 1), (4, "gcc", 2), (1, "clang", 0), (2, "clang", 1), (2, "clang", 2))
"""(Weight, compiler, -O level): mostly what is cheapest."""


@dataclass(frozen=True, slots=True)
class Settings:
    cc: str | None = None
    opt_level: int = 0
    memory: Literal["auto", "guard", "checked"] = "auto"
    cpu_level: int = 2
    fast: bool = False

    def config(self) -> aot.Config:
        return aot.Config(
            cc=self.cc,
            opt_level=self.opt_level,
            memory=self.memory,
            cpu_level=self.cpu_level,
            fast=self.fast,
            cache=False,
            jobs=1,
        )

    def __str__(self) -> str:
        how = "fast" if self.fast else self.cc or "cc"
        return f"{how} -O{self.opt_level} memory={self.memory} x86-64-v{self.cpu_level}"


def optimised(settings: Settings, rng: Random) -> Settings:
    """The same by an optimising gcc, for memories that it may keep in a segment register."""
    return replace(settings, cc="gcc", opt_level=rng.choice((1, 2, 2, 3)), memory="guard")


def choose(rng: Random, highest_cpu_level: int) -> Settings:
    """Some settings; the compilers are those of `_COMPILERS`."""
    _, cc, opt_level = rng.choices(_COMPILERS, [weight for weight, _, _ in _COMPILERS])[0]
    memory: Literal["guard", "checked"] = "checked" if rng.random() < 0.25 else "guard"
    cpu_level = min(highest_cpu_level, rng.choice((1, 2, 2, 2, 2, 3)))
    return Settings(cc, opt_level, memory, cpu_level)
