"""Stores: closing, limits, what happens afterwards."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable

import pytest

import aot
from tests.embed.conftest import Compile

MODULE = """(module (memory (export "memory") 1) (global (export "g") (mut i32) (i32.const 0))
  (table (export "t") 1 funcref) (func (export "f") (result i32) (i32.const 1)))"""


def test_closing(wat: Compile) -> None:
    with aot.Store() as store:
        inst = wat(MODULE)(store=store)
        assert inst.f() == 1
        f, memory, table, global_ = inst.f, inst.memory, inst.t, inst.g
    assert store.closed
    store.close()
    uses: list[Callable[[], object]] = [
        lambda: f(),
        lambda: memory[0],
        lambda: table[0],
        lambda: global_.value,
        lambda: setattr(global_, "value", 1),
        lambda: wat(MODULE)(store=store),
        lambda: store.limits,
        lambda: aot.Memory(store, aot.MemoryType(aot.Limits(1))),
        lambda: aot.Func(store, aot.FuncType([], []), print),
    ]
    for use in uses:
        with pytest.raises(aot.UsageError, match="the store is closed"):
            use()
    for item, kind in ((memory, "Memory"), (table, "Table"), (global_, "Global")):
        assert repr(item) == f"<{kind} of a closed store>"
    assert repr(f) == "<Func f [] -> [i32]>"
    assert "closed" in repr(store)


def test_a_store_cannot_be_closed_while_its_code_runs(wat: Compile) -> None:
    module = wat('(module (import "env" "f" (func $f)) (func (export "g") (call $f)))')
    store = aot.Store()
    inst = module(env={"f": store.close}, store=store)
    with pytest.raises(aot.UsageError, match="cannot be closed while its code runs"):
        inst.g()
    store.close()


def test_a_finalizer_that_closes_the_store_while_results_are_converted(wat: Compile) -> None:
    """The collector can run at any allocation; what a call still has to read must not go away under it."""
    inst = wat("""(module (func $f (export "f")) (elem declare func $f)
      (func (export "many") (result funcref funcref funcref) (ref.func $f) (ref.func $f) (ref.func $f)))""")()
    outcomes: list[BaseException | None] = []

    class Closes:
        def __init__(self) -> None:
            self.cycle = self

        def __del__(self) -> None:
            try:
                inst.store.close()
                outcomes.append(None)
            except aot.UsageError as err:
                outcomes.append(err)

    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        for _ in range(50):
            Closes()
            if inst.store.closed:
                break
            try:
                many = inst.many()
            except aot.UsageError:
                break
            assert len(many) == 3
            del many
    finally:
        gc.set_threshold(*threshold)
    gc.collect()
    assert outcomes


def test_an_argument_that_closes_the_store(wat: Compile) -> None:
    inst = wat('(module (func (export "f") (param i32)))')()

    class Closes:
        def __index__(self) -> int:
            inst.store.close()
            return 0

    with pytest.raises(aot.UsageError, match="the store is closed"):
        inst.f(Closes())


def test_an_index_that_closes_the_store(wat: Compile) -> None:
    inst = wat(MODULE)()
    memory, table = inst.memory, inst.t

    class Closes:
        def __index__(self) -> int:
            inst.store.close()
            return 0

    with pytest.raises(aot.UsageError, match="the store is closed"):
        memory[Closes()]
    inst = wat(MODULE)()
    table = inst.t
    with pytest.raises(aot.UsageError, match="the store is closed"):
        table[Closes()]


def test_limits(wat: Compile, engine: aot.Engine) -> None:
    store = aot.Store(engine)
    before = store.limits
    store.set_limits(memory_size=2 << 16, table_elements=10, instances=2)
    after = store.limits
    assert (after.memory_bytes, after.table_elems, after.instances) == (2 << 16, 10, 2)
    assert dataclasses.replace(after, memory_bytes=1, table_elems=1, instances=1) == dataclasses.replace(
        before, memory_bytes=1, table_elems=1, instances=1
    )
    inst = wat(MODULE)(store=store)
    assert inst.memory.grow(1) == 1
    with pytest.raises(aot.ResourceError):
        inst.memory.grow(1)
    with pytest.raises(aot.ResourceError):
        aot.Memory(store, aot.MemoryType(aot.Limits(3)))
    with pytest.raises(aot.ResourceError):
        aot.Table(store, aot.TableType(aot.ValType.funcref(), aot.Limits(11)))
    wat(MODULE)(store=store)
    with pytest.raises(aot.ResourceError, match="instances"):
        wat(MODULE)(store=store)
    with pytest.raises(aot.UsageError, match="out of range"):
        store.limits = dataclasses.replace(before, memory_bytes=1 << 64)


def test_construction(engine: aot.Engine) -> None:
    store = aot.Store(engine, data={"user": 1})
    assert store.engine is engine
    assert store.data == {"user": 1}
    with pytest.raises(TypeError, match="expected an Engine"):
        aot.Store(5)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected an Engine"):
        aot.Module(store, b"")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a Store"):
        aot.Instance(engine, None)  # type: ignore[arg-type]


def test_configuration() -> None:
    config = aot.Config(opt_level=1)
    engine = aot.Engine(config)
    config.opt_level = 0
    config.debug = True
    assert engine.config == aot.Config(opt_level=1)
    assert not aot.Engine(aot.Config(memory="checked")).guard
    with pytest.raises(aot.UsageError, match="must be"):
        aot.Engine(aot.Config(memory="huge"))  # type: ignore[arg-type]
    with pytest.raises(aot.UsageError, match="opt_level is 9"):
        aot.Module(aot.Engine(aot.Config(opt_level=9)), b"\0asm\1\0\0\0")
