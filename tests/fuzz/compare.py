"""Runs a module on two sides in step and finds the first difference."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from zlib import crc32

from aot.wasm.decode import decode_module
from tests.fuzz.arguments import arguments
from tests.fuzz.binary import bodies, code_of, split
from tests.fuzz.engines import HostStop, Outcome, RefusedError, Side
from tests.fuzz.instrument import STATE, Entry, instrument
from tests.fuzz.support import Supply

MOST_CALLS = 60
CALLS_PER_FUNCTION = 4
_DEEPEST = 2
_MOST_HOST_CALLS = 200
"""Of one call; a guest that catches what its calls of the host end with would go on for ever."""
_ANSWERS = (0, 1, -1, 7, 0x7FC00000, 0x3F800000, 1 << 31, 0x4009_21FB_5444_2D18, 0x7FF4 << 48, 1 << 63, 12345678901)

_EITHER = {Outcome("trap", "HEAP_MISALIGNED"), Outcome("trap", "MEMORY_OUT_OF_BOUNDS")}
"""A notification at an address that is neither aligned nor in bounds traps, the specification does not say of which; we
look at alignment first, as for all atomic instructions, wasmtime at bounds.
"""
_NOTIFY = 0xFE0000

_memcmp = ctypes.CDLL(None).memcmp
_memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]


@dataclass(frozen=True, slots=True)
class Difference:
    """``where`` it shows: instantiation, or a call and what is different after it."""

    where: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.where}: {self.left} | {self.right}"


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a comparison. ``outcomes`` counts what the calls ended with."""

    difference: Difference | None
    outcomes: dict[str, int]
    skipped: int = 0


class Case:
    """A module made ready to be run: rewritten, with its imports and the calls to make."""

    def __init__(self, seed: int, supply: Supply, data: bytes, reference: bytes | None = None) -> None:
        """``reference`` is the module for the other side, where it cannot be given the same. Raises ModuleError if the
        module cannot be decoded, CannotProvideError if nothing can stand for an import.
        """
        left = instrument(data)
        self.data = left.data
        self.reference = left.data if reference in (None, data) else instrument(reference).data
        self.imports = supply.serve(decode_module(data))
        self.supply = supply
        self.support = supply.data
        self.entries = left.entries
        self.notifies = any(op == _NOTIFY for body in bodies(split(data)) for op, _, _ in code_of(body))
        self.memories = left.memories
        self.skipped = left.skipped
        self._seed = seed

    def calls(self) -> list[tuple[Entry, Random]]:
        """The calls to make, each with what its arguments are drawn from."""
        rng = Random(self._seed ^ 0x5EED)
        found = [entry for entry in self.entries for _ in range(CALLS_PER_FUNCTION if entry.kinds else 2)]
        rng.shuffle(found)
        return [(entry, Random(rng.getrandbits(64))) for entry in found[:MOST_CALLS]]

    def host(self) -> Callable[[Side, int, tuple[int, ...]], int]:
        """A host for one side: answers depend on what was asked and how often alone."""
        count = depth = 0

        def answer(side: Side, number: int, args: tuple[int, ...]) -> int:
            nonlocal count, depth
            count += 1
            label = self.supply.label(number)
            side.log.append((crc32(label.encode()), *args))
            if len(side.log) > _MOST_HOST_CALLS:
                raise HostStop
            if not label.startswith("call-export") or not self.entries or not side.started or depth >= _DEEPEST:
                return _ANSWERS[(count * 7 + len(label) + len(args)) % len(_ANSWERS)]
            entry = self.entries[args[0] % len(self.entries)]
            depth += 1
            try:
                outcome = side.call(entry.name, arguments(Random(count), entry.kinds, side.token))
            finally:
                depth -= 1
            side.log.append((crc32(str(outcome).encode()),))
            if outcome.kind != "return" and "catch" not in label:
                raise HostStop
            return outcome.kind != "return"

        return answer


def compare(case: Case, left: Side, right: Side) -> Run:
    """Run the case on both sides, until they differ. Both are closed at the end.

    Raises RefusedError if both refuse the module.
    """
    try:
        return _compare(case, left, right)
    finally:
        left.close()
        right.close()


def _compare(case: Case, left: Side, right: Side) -> Run:
    outcomes: dict[str, int] = {}
    starts = [_start(case, side, data) for side, data in ((left, case.data), (right, case.reference))]
    if all(isinstance(start, RefusedError) for start in starts):
        raise RefusedError(f"{starts[0]} | {starts[1]}")
    if str(starts[0]) != str(starts[1]):
        return Run(Difference("instantiation", str(starts[0]), str(starts[1])), outcomes)
    if isinstance(starts[0], Outcome) and starts[0].kind != "return":
        return Run(_log_difference("instantiation", left, right), {str(starts[0]): 1})
    difference = _state_difference(case, "instantiation", left, right)
    for entry, rng in case.calls():
        if difference:
            break
        state = rng.getstate()
        args = arguments(rng, entry.kinds, left.token)
        rng.setstate(state)
        where = f"{entry.name}({', '.join(map(str, args))})"
        one = left.call(entry.name, args)
        other = right.call(entry.name, arguments(rng, entry.kinds, right.token))
        outcomes[f"{one.kind} {one.detail}".strip()] = outcomes.get(f"{one.kind} {one.detail}".strip(), 0) + 1
        if one != other and not (case.notifies and {one, other} == _EITHER):
            difference = Difference(where, str(one), str(other))
        else:
            difference = _state_difference(case, where, left, right)
    return Run(difference, outcomes, case.skipped)


def _start(case: Case, side: Side, data: bytes) -> Outcome | RefusedError:
    try:
        return side.start(case.support, data, case.imports)
    except RefusedError as error:
        return error


def _log_difference(where: str, left: Side, right: Side) -> Difference | None:
    one, other = left.log, right.log
    left.log, right.log = [], []
    if one == other:
        return None
    k = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return Difference(f"{where}, host call {k}", str(one[k : k + 1]), str(other[k : k + 1]))


def _state_difference(case: Case, where: str, left: Side, right: Side) -> Difference | None:
    if difference := _log_difference(where, left, right):
        return difference
    for name in case.memories:
        (one, n), (other, m) = left.memory(name), right.memory(name)
        if n != m:
            return Difference(f"{where}, size of memory {name}", str(n), str(m))
        if n and _memcmp(one, other, n) != 0:
            a, b = ctypes.string_at(one, n), ctypes.string_at(other, n)
            at = next(k for k in range(n) if a[k] != b[k])
            return Difference(f"{where}, memory {name} at {at}", a[at : at + 16].hex(), b[at : at + 16].hex())
    one_state, other_state = left.call(STATE, []), right.call(STATE, [])
    if one_state != other_state:
        return Difference(f"{where}, globals and tables", str(one_state), str(other_state))
    return None
