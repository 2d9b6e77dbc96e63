"""Limiters: asked before anything grows."""

from __future__ import annotations

from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile

GROWING = """(module
  (memory (export "memory") 1 100)
  (table (export "table") 2 50 funcref)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_table") (param i32) (result i32) (table.grow (ref.null func) (local.get 0))))"""

PAGE = 65536


class Recorder:
    """Notes what it is asked and answers as told."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.answer: object = True

    def _ask(self, *what: Any) -> bool:
        self.asked.append(what)
        if isinstance(self.answer, Exception):
            raise self.answer
        return bool(self.answer)

    def memory_growing(self, current: int, desired: int, maximum: int | None) -> bool:
        return self._ask("memory", current, desired, maximum)

    def table_growing(self, current: int, desired: int, maximum: int | None) -> bool:
        return self._ask("table", current, desired, maximum)

    def instance_creating(self, current: int, desired: int, maximum: int | None) -> bool:
        return self._ask("instance", current, desired, maximum)


def test_what_it_is_asked(wat: Compile, store: aot.Store) -> None:
    limiter = Recorder()
    store.limiter = limiter
    assert store.limiter is limiter
    instance = wat(GROWING)(store=store)
    limits = store.limits
    assert limiter.asked == [
        ("instance", 0, 1, limits.instances),
        ("memory", 0, PAGE, 100 * PAGE),
        ("table", 0, 2, 50),
    ]
    limiter.asked.clear()
    assert instance.grow(2) == 1
    assert instance.grow_table(3) == 2
    assert instance.memory.grow(1) == 3
    assert instance.table.grow(1) == 5
    assert limiter.asked == [
        ("memory", PAGE, 3 * PAGE, 100 * PAGE),
        ("table", 2, 5, 50),
        ("memory", 3 * PAGE, 4 * PAGE, 100 * PAGE),
        ("table", 5, 6, 50),
    ]
    limiter.asked.clear()
    assert instance.grow(1000) == -1 and instance.grow_table(1000) == -1, "beyond the maximum: nobody is asked"
    assert limiter.asked == []
    aot.Memory(store, aot.MemoryType(aot.Limits(1, None)))
    aot.Table(store, aot.TableType(aot.ValType.funcref(), aot.Limits(4, None)), None)
    assert limiter.asked == [("memory", 0, PAGE, None), ("table", 0, 4, None)]


def test_it_refuses(wat: Compile, store: aot.Store) -> None:
    limiter = Recorder()
    store.limiter = limiter
    instance = wat(GROWING)(store=store)
    limiter.answer = False
    assert instance.grow(1) == -1 and instance.grow_table(1) == -1
    assert instance.memory.size() == 1 and len(instance.table) == 2
    refusals = (
        lambda: instance.memory.grow(1),
        lambda: instance.table.grow(1),
        lambda: wat(GROWING)(store=store),
        lambda: aot.Memory(store, aot.MemoryType(aot.Limits(1, None))),
        lambda: aot.Table(store, aot.TableType(aot.ValType.funcref(), aot.Limits(4, None)), None),
    )
    for refused in refusals:
        with pytest.raises(aot.ResourceError):
            refused()
    store.limiter = None
    assert instance.grow(1) == 1


def test_what_it_raises_comes_out_of_the_call(wat: Compile, store: aot.Store) -> None:
    limiter = Recorder()
    store.limiter = limiter
    instance = wat(GROWING)(store=store)
    limiter.answer = PermissionError("no")
    for growing in (
        lambda: instance.grow(1),
        lambda: instance.grow_table(1),
        lambda: instance.memory.grow(1),
        lambda: instance.table.grow(1),
        lambda: wat(GROWING)(store=store),
        lambda: aot.Memory(store, aot.MemoryType(aot.Limits(1, None))),
    ):
        with pytest.raises(PermissionError, match="no"):
            growing()
    limiter.answer = True
    assert instance.grow(1) == 1


def test_functions_and_parts_of_limiters(wat: Compile, store: aot.Store) -> None:
    asked: list[str] = []

    def limiter(what: str, current: int, desired: int, maximum: int | None) -> bool:
        asked.append(what)
        return desired <= 2 * PAGE

    store.limiter = limiter
    instance = wat(GROWING)(store=store)
    assert instance.grow(1) == 1 and instance.grow(1) == -1
    assert asked == ["instance_creating", "memory_growing", "table_growing", "memory_growing", "memory_growing"]

    class OnlyTables:
        def table_growing(self, current: int, desired: int, maximum: int | None) -> bool:
            return False

    store.limiter = OnlyTables()  # type: ignore[assignment]  # methods may be missing
    assert instance.grow(1) == 2 and instance.grow_table(1) == -1
    with pytest.raises(TypeError, match="memory_growing"):
        store.limiter = 5  # type: ignore[assignment]


def test_it_may_use_the_store(wat: Compile, store: aot.Store) -> None:
    instance = wat(GROWING)(store=store)
    asked: list[int] = []

    def limiter(what: str, current: int, desired: int, maximum: int | None) -> bool:
        asked.append(current)
        if len(asked) == 1:
            assert instance.memory.grow(1) == 1
        return True

    store.limiter = limiter
    assert instance.grow(1) == 2, "asked again after the size had changed"
    assert asked == [PAGE, PAGE, 2 * PAGE]


def test_limits_come_first(wat: Compile, store: aot.Store) -> None:
    limiter = Recorder()
    store.limiter = limiter
    store.set_limits(instances=0)
    with pytest.raises(aot.ResourceError, match="limit of 0 instances"):
        wat(GROWING)(store=store)
    assert limiter.asked == []
