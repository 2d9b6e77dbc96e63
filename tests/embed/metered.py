"""Engines whose code counts fuel and can be stopped, and modules that compute without end."""

from __future__ import annotations

import functools

import aot

SPIN = '(func (export "spin") (loop (br 0)))'


@functools.cache
def engine(opt_level: int = 0, cc: str | None = None) -> aot.Engine:
    return aot.Engine(aot.Config(opt_level=opt_level, cc=cc, consume_fuel=True, epoch_interruption=True))


@functools.cache
def module(text: str, opt_level: int = 0, cc: str | None = None) -> aot.Module:
    return aot.Module(engine(opt_level, cc), text)
