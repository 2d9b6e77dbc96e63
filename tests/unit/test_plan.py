"""How functions are spread over C files: bounded, the same each time, and staying where they are."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from aot.emit.plan import CHUNK_BYTES, Chunk, cut

SPREADS: dict[str, Callable[[random.Random], int]] = {
    "alike": lambda r: r.randrange(200, 400),
    "many small, some large": lambda r: int(2 ** r.uniform(3, 17.5)),
    "tiny": lambda r: r.randrange(3, 9),
    "huge": lambda r: r.choice([10, 300_000]),
}


def sizes_of(spread: str, n: int, seed: int = 1) -> list[int]:
    random_ = random.Random(seed)
    return [SPREADS[spread](random_) for _ in range(n)]


@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("n", [0, 1, 2, 1000, 1023, 1024, 1025, 40_000])
def test_every_function_is_in_one_chunk_of_bounded_size(spread: str, n: int) -> None:
    sizes = sizes_of(spread, n)
    chunks = cut(range(n), sizes)
    assert [func for chunk in chunks for func in chunk.funcs] == list(range(n))
    for chunk in chunks:
        assert chunk.code_bytes == sum(sizes[func] for func in chunk.funcs)
        assert chunk.code_bytes <= CHUNK_BYTES or len(chunk.funcs) == 1
    assert len({chunk.name for chunk in chunks}) == len(chunks)


@pytest.mark.parametrize("spread", ["alike", "many small, some large", "tiny"])
def test_chunks_are_not_small(spread: str) -> None:
    """There is at most one chunk for each third of the limit, large functions apart."""
    sizes = sizes_of(spread, 60_000)
    chunks = cut(range(len(sizes)), sizes)
    assert len(chunks) <= 1 + sum(sizes) / (CHUNK_BYTES / 3)


def changed(before: list[Chunk], after: list[Chunk]) -> int:
    """Chunks that are not among those of before."""
    return len({chunk.funcs for chunk in after} - {chunk.funcs for chunk in before})


@pytest.mark.parametrize("spread", ["alike", "many small, some large"])
def test_a_function_that_changes_moves_no_other_cut(spread: str) -> None:
    """Nearly always; where its part crosses the limit, that is cut in two or joined, and nothing else happens."""
    sizes = sizes_of(spread, 5000)
    before = cut(range(len(sizes)), sizes)
    moved = []
    for func in range(0, 5000, 23):
        grown = [*sizes[:func], max(2, sizes[func] + random.Random(func).randrange(-40, 40)), *sizes[func + 1 :]]
        moved.append(changed(before, cut(range(len(sizes)), grown)))
    assert max(moved) <= 3
    assert sum(map(bool, moved)) <= len(moved) / 50


def test_functions_behind_do_not_matter() -> None:
    """A module that has more functions at its end has the same chunks before them, but for the last ones."""
    sizes = sizes_of("alike", 6000)
    before, after = cut(range(5000), sizes), cut(range(6000), sizes)
    assert after[: len(before) - 1] == before[:-1]


def test_names_are_those_of_first_functions() -> None:
    assert [chunk.name for chunk in cut(range(4), [CHUNK_BYTES] * 4)] == ["f0", "f1", "f2", "f3"]
    assert Chunk((), 0).name == "f0"
