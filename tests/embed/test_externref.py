"""Objects that wasm code refers to: held as long as it can reach them, and no longer."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile

MODULE = """(module
  (import "env" "give" (func $give (result externref)))
  (table $t (export "t") 10 100 externref)
  (global $g (export "g") (mut externref) (ref.null extern))
  (tag $tag (export "tag") (param externref))
  (func (export "id") (param externref) (result externref) (local.get 0))
  (func (export "first") (param externref i32) (result externref) (local.get 0))
  (func (export "keep") (param externref) (global.set $g (local.get 0)))
  (func (export "put") (param i32 externref) (table.set $t (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result externref) (table.get $t (local.get 0)))
  (func (export "throw") (param externref) (throw $tag (local.get 0)))
  (func (export "give") (result externref) (call $give)))"""


class Marker:
    """Something a weak reference can watch."""


@pytest.fixture
def inst(wat: Compile) -> aot.Instance:
    return wat(MODULE)(env={"give": Marker})


def test_an_object_nobody_holds_goes(inst: aot.Instance) -> None:
    marker = Marker()
    watch = weakref.ref(marker)
    assert inst.id(marker) is marker
    del marker
    assert watch() is not None  # until the next collection
    inst.store.gc()
    assert watch() is None


@pytest.mark.parametrize("place", ["table", "global", "put", "exception"])
def test_an_object_in_the_store_stays(inst: aot.Instance, place: str) -> None:
    marker = Marker()
    watch = weakref.ref(marker)
    if place == "table":
        inst.t[3] = marker
    elif place == "global":
        inst.g.value = marker
    elif place == "put":
        inst.put(3, marker)
    else:
        with pytest.raises(aot.WasmException) as caught:
            inst.throw(marker)
        assert caught.value.values == (marker,)
        del caught
    del marker
    gc.collect()
    inst.store.gc()
    assert watch() is not None
    if place == "global":
        inst.keep(None)
    elif place == "exception":
        with pytest.raises(aot.WasmException):
            inst.throw(None)
        gc.collect()
    else:
        assert inst.get(3) is watch()
        inst.t[3] = None
    inst.store.gc()
    assert watch() is None


def test_it_happens_by_itself(inst: aot.Instance) -> None:
    alive = weakref.WeakSet[Marker]()
    most = 0
    for _ in range(20_000):
        marker = Marker()
        alive.add(marker)
        inst.id(marker)
        most = max(most, len(alive))
    assert most < 1000
    for n in range(20_000):
        marker = inst.give() if n % 2 else Marker()
        alive.add(marker)
        inst.t[n % 10] = marker
        most = max(most, len(alive))
    assert most < 1000


def test_arguments_outlive_the_conversion_of_others(inst: aot.Instance) -> None:
    class Number:
        def __index__(self) -> int:
            for _ in range(2000):
                inst.id(Marker())
            inst.store.gc()
            return 1

    marker = Marker()
    for _ in range(3):
        assert inst.first(marker, Number()) is marker


def test_nothing_goes_while_code_runs(wat: Compile) -> None:
    def give() -> Marker:
        running.store.gc()
        for _ in range(1000):
            running.id(object())
        return Marker()

    text = """(module (import "env" "give" (func $give (result externref)))
      (func (export "id") (param externref) (result externref) (local.get 0))
      (func (export "two") (result externref externref) (call $give) (call $give)))"""
    running = wat(text)(env={"give": give})
    first, second = running.two()
    assert type(first) is type(second) is Marker
    assert first is not second


def test_finalizers_may_use_and_close_the_store(inst: aot.Instance) -> None:
    store, seen = inst.store, []

    class Last:
        def __del__(self) -> None:
            seen.append(inst.id("still there"))
            store.close()

    inst.id(Last())
    store.gc()
    assert seen == ["still there"]
    assert store.closed
    with pytest.raises(aot.UsageError, match="closed"):
        store.gc()


def test_a_cycle_through_a_table_is_collected(wat: Compile) -> None:
    inst: Any = wat(MODULE)(env={"give": Marker})
    marker = Marker()
    marker.instance = inst  # type: ignore[attr-defined]
    inst.t[0] = marker
    watch = weakref.ref(marker)
    del inst, marker
    gc.collect()
    assert watch() is None
