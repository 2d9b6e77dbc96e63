"""Modules with a few bytes changed are accepted and refused as wasmtime does."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

import aot
from aot.errors import ModuleError
from tests.fuzz.dense import DenseGenerator
from tests.fuzz.engines import wasmtime_engine

wasmtime = pytest.importorskip("wasmtime")

PER_MODULE = 12


def mutants(data: bytes, rng: Random) -> Iterator[bytes]:
    """Copies of a module, each with one to three bytes changed, inserted or left out behind the header."""
    for _ in range(PER_MODULE):
        changed = bytearray(data)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            at, choice = rng.randrange(8, len(changed)), rng.random()
            if choice < 0.6:
                changed[at] = rng.randrange(256)
            elif choice < 0.8:
                changed[at] ^= 1 << rng.randrange(8)
            elif choice < 0.9:
                del changed[at]
            else:
                changed.insert(at, rng.randrange(256))
        yield bytes(changed)


def refusal(engine: aot.Engine, data: bytes) -> str:
    """Why this engine refuses a module, or nothing."""
    try:
        aot.Module.validate(engine, data)
    except ModuleError as error:
        return str(error)
    return ""


def reference_refusal(engine: object, data: bytes) -> str:
    try:
        wasmtime.Module.validate(engine, data)
    except wasmtime.WasmtimeError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("start", range(0, 60, 15))
def test_mutants_are_judged_as_by_wasmtime(start: int) -> None:
    ours, theirs = aot.Engine(), wasmtime_engine()
    counts = {True: 0, False: 0}
    for seed in range(start, start + 15):
        for mutant in mutants(DenseGenerator().make(seed).reference, Random(seed)):
            one, other = refusal(ours, mutant), reference_refusal(theirs, mutant)
            assert bool(one) == bool(other), f"module {seed}: {one or 'accepted'} | {other or 'accepted'}"
            counts[bool(one)] += 1
    assert min(counts.values()) > 10  # both happened
