"""How a module is cut into C files. A function of the module's bytes and the options alone.

Cuts stay where they are when a function changes: which functions may be parted is said by their indices, not by what
stands before them. The indices are cut in halves, as by the digits of a binary number, until no part is too large. So
a function that grows or shrinks moves no cut but those of the parts that it is itself in, and these only if it takes
them across the limit.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from aot.abi.layout import Layout, layout_of
from aot.emit.options import EmitOptions
from aot.wasm.module import Module
from aot.wasm.scan import CallFacts, call_facts
from aot.wasm.types import PAGE_LOG2

CHUNK_BYTES = 128 * 1024
"""The most bytes of wasm code in a chunk, unless a single function has more. C compilers lose nothing down to about
half of this, and parallel builds gain."""

_INDEX_BITS = 32


@dataclass(frozen=True, slots=True)
class Chunk:
    """Functions that share a C file: their numbers among the module's own functions, ascending, and their code's size
    in bytes.
    """

    funcs: tuple[int, ...]
    code_bytes: int

    @property
    def name(self) -> str:
        """The C file's, without suffix; other chunks' names do not depend on how many there are before them."""
        return f"f{self.funcs[0] if self.funcs else 0}"


@dataclass(frozen=True, slots=True)
class Plan:
    """``single``: one translation unit, all functions static; module.c includes the only chunk. ``facts`` says which
    calls may leave exceptions. ``segmented``: the segment register holds the base of the only memory.
    """

    options: EmitOptions
    layout: Layout
    facts: CallFacts
    chunks: tuple[Chunk, ...]
    single: bool
    segmented: bool


def plan_module(module: Module, options: EmitOptions) -> Plan:
    """Cut the module's functions into chunks of at most CHUNK_BYTES."""
    facts = call_facts(module) if options.features.exceptions else CallFacts()
    sizes = [body.end - body.start for body in module.bodies]
    if sum(sizes) <= CHUNK_BYTES:
        chunks = [Chunk(tuple(range(len(sizes))), sum(sizes))]
    else:
        chunks = cut(range(len(sizes)), sizes)
    single = len(chunks) == 1 and not options.apart
    segmented = options.segment and options.guard and _has_one_plain_memory(module)
    return Plan(options, layout_of(module), facts, tuple(chunks), single, segmented)


def cut(funcs: Sequence[int], sizes: Sequence[int]) -> list[Chunk]:
    """Chunks of ``funcs``, which ascend; ``sizes`` are those of all own functions."""
    ends = [0, *accumulate(sizes[func] for func in funcs)]

    def parts(first: int, last: int, bit: int) -> list[tuple[int, int]]:
        """Cut ``funcs[first:last]``, whose numbers differ in digits up to ``bit`` only."""
        if first == last:
            return []
        if last - first == 1 or ends[last] - ends[first] <= CHUNK_BYTES:
            return [(first, last)]
        border = (funcs[first] >> bit | 1) << bit  # the first number with that digit
        middle = bisect_left(funcs, border, first, last)
        left, right = parts(first, middle, bit - 1), parts(middle, last, bit - 1)
        if left and right and ends[right[0][1]] - ends[left[-1][0]] <= CHUNK_BYTES // 2:
            left[-1:] = [(left[-1][0], right.pop(0)[1])]  # small ones, beside a large function
        return left + right

    return [
        Chunk(tuple(funcs[first:last]), ends[last] - ends[first])
        for first, last in parts(0, len(funcs), _INDEX_BITS - 1)
    ]


def _has_one_plain_memory(module: Module) -> bool:
    """Is there one memory, with 32-bit addresses, the usual page size and not shared? Such can be guarded."""
    if len(module.memories) != 1:
        return False
    memory = module.memories[0]
    return not memory.limits.is64 and not memory.limits.shared and memory.page_log2 == PAGE_LOG2
