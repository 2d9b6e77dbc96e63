"""Who keeps whom alive, and that everything goes in the end."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import aot
from tests.embed.conftest import Compile

MODULE = """(module (import "env" "f" (func $f (result i32))) (memory (export "memory") 1)
  (global (export "x") (mut externref) (ref.null extern))
  (func (export "g") (result i32) (call $f)) (func (export "id") (param externref) (result externref) (local.get 0)))"""


class Marker:
    """Something a weak reference can watch."""


def reservations() -> int:
    """Mappings without any access of a gigabyte and more: one or two for each guarded memory."""
    n = 0
    for line in Path("/proc/self/maps").read_text().splitlines():
        span, access = line.split()[:2]
        start, end = (int(x, 16) for x in span.split("-"))
        n += access == "---p" and end - start >= 1 << 30
    return n


def test_exports_keep_everything_they_need(wat: Compile) -> None:
    g = wat(MODULE)(env={"f": lambda: 6}).g
    gc.collect()
    assert g() == 6


def test_the_store_goes_without_the_collector(wat: Compile) -> None:
    module = wat(MODULE)
    gc.collect()
    gc.disable()
    try:
        before = reservations()
        marker = Marker()
        inst = module(env={"f": lambda marker=marker: 5})
        inst.x.value = marker
        assert inst.g() == 5
        store, watched = weakref.ref(inst.store), weakref.ref(marker)
        assert reservations() > before or not inst.store.engine.guard
        del marker
        assert watched() is not None
        g = inst.g
        del inst
        assert store() is not None
        del g
        assert store() is None
        assert watched() is None
        assert reservations() == before
    finally:
        gc.enable()


def test_a_cycle_through_a_host_function_is_collected(wat: Compile) -> None:
    def make() -> weakref.ref[aot.Store]:
        def f() -> int:
            return len(inst.memory)

        inst = wat(MODULE)(env={"f": f})
        assert inst.g() == 65536
        return weakref.ref(inst.store)

    store = make()
    gc.collect()
    assert store() is None


def test_a_cycle_through_an_externref_is_collected(wat: Compile) -> None:
    inst = wat(MODULE)(env={"f": lambda: 0})
    box = [inst]
    inst.x.value = box
    store = weakref.ref(inst.store)
    del inst, box
    gc.collect()
    assert store() is None


def test_finalizers_in_a_dying_cycle_meet_a_safe_store(wat: Compile) -> None:
    seen: list[Any] = []

    class Last:
        def __init__(self, inst: aot.Instance) -> None:
            self.inst = inst

        def __del__(self) -> None:
            try:
                seen.append(self.inst.g())
            except Exception as err:
                seen.append(err)

    def make() -> None:
        last: list[Last] = []
        last.append(Last(wat(MODULE)(env={"f": lambda: len(last)})))

    make()
    gc.collect()
    assert len(seen) == 1
    assert seen[0] == 1 or isinstance(seen[0], aot.UsageError)


def test_the_store_frees_what_it_held_when_closed(wat: Compile) -> None:
    marker = Marker()
    watched = weakref.ref(marker)
    inst = wat(MODULE)(env={"f": lambda marker=marker: 0})
    assert inst.id(marker) is marker
    del marker
    assert watched() is not None
    inst.store.close()
    assert watched() is None


def test_no_object_is_left_behind(wat: Compile) -> None:
    module = wat(MODULE)

    def round_trip() -> None:
        inst = module(env={"f": lambda: 7})
        inst.g()
        inst.id("text")
        view = memoryview(inst.memory)
        view.release()
        inst.store.close()

    round_trip()
    gc.collect()
    objects, maps = len(gc.get_objects()), reservations()
    for _ in range(50):
        round_trip()
    gc.collect()
    assert len(gc.get_objects()) - objects < 20
    assert reservations() == maps


def test_calls_do_not_leak_references(wat: Compile) -> None:
    import sys

    thing = object()
    inst = wat(MODULE)(env={"f": lambda: 1 / 0})
    inst.id(thing)
    count = sys.getrefcount(thing)
    for _ in range(100):
        inst.id(thing)
        try:
            inst.g()
        except ZeroDivisionError:
            continue
    inst.store.gc()
    assert sys.getrefcount(thing) < count


def test_an_externref_has_one_handle(wat: Compile) -> None:
    inst = wat(MODULE)(env={"f": lambda: 0})
    first, second = ["a"], ["a"]
    inst.x.value = first
    assert inst.x.value is first
    inst.id(second)
    inst.id(first)
    assert inst.x.value is first


def test_module_outlives_its_cache_file(engine: aot.Engine, tmp_path: Path) -> None:
    out = tmp_path / "m.so"
    aot.compile(b"\0asm\1\0\0\0", out)
    module = aot.Module.deserialize_file(engine, out)
    out.unlink()
    assert list(module().exports) == []
