"""Imports that are checked once, for any number of instances."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

import aot

ADDER = """(module (import "env" "add" (func $add (param i32 i32) (result i32)))
  (global $n (mut i32) (i32.const 0)) (memory (export "memory") 1) (data (i32.const 8) "data")
  (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 call $add)
  (func (export "count") (result i32)
    global.get $n i32.const 1 i32.add global.set $n global.get $n))"""
I32 = aot.i32


def add(a: int, b: int) -> int:
    return a + b


def test_instances_are_new_each_time(wat: Callable[[str], aot.Module], store: aot.Store) -> None:
    pre = aot.InstancePre(wat(ADDER), {"env": {"add": add}}, store=store)
    first, second = pre.instantiate(store), pre.instantiate(store)
    assert (first.count(), first.count(), second.count()) == (1, 2, 1)
    first.memory[8] = 0
    assert second.memory[8:12] == b"data" and second.add(2, 3) == 5
    assert first.module is pre.module and first.store is store


def test_without_a_store_it_serves_in_any(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    pre = aot.InstancePre(wat(ADDER), {"env": {"add": add}})
    one, other = aot.Store(engine), aot.Store(engine)
    assert [pre.instantiate(s).add(2, 3) for s in (one, other, one)] == [5, 5, 5]
    own = pre.instantiate()
    assert own.store not in (one, other) and own.add(1, 1) == 2
    one.close()
    with pytest.raises(aot.UsageError, match="closed"):
        pre.instantiate(one)
    assert pre.instantiate(other).add(1, 2) == 3


def test_items_of_one_store_do_for_that_store_only(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    one, other = aot.Store(engine), aot.Store(engine)
    func = aot.Func(one, aot.FuncType([aot.ValType.i32()] * 2, [aot.ValType.i32()]), add)
    pre = aot.InstancePre(wat(ADDER), [func], store=one)
    assert pre.instantiate(one).add(4, 5) == 9
    with pytest.raises(aot.UsageError, match="another store"):
        pre.instantiate(other)


def test_imports_are_checked_when_it_is_made(wat: Callable[[str], aot.Module], store: aot.Store) -> None:
    with pytest.raises(aot.LinkError, match='"env" "add"'):
        aot.InstancePre(wat(ADDER), {}, store=store)
    wrong = aot.Func(store, aot.FuncType([], []), lambda: None)
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        aot.InstancePre(wat(ADDER), [wrong], store=store)


def test_of_a_linker(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    linker = aot.Linker(engine)
    with pytest.raises(aot.LinkError, match='"env" "add"'):
        linker.instantiate_pre(wat(ADDER))
    linker.define_func("env", "add", aot.FuncType([aot.ValType.i32()] * 2, [aot.ValType.i32()]), add)
    pre = linker.instantiate_pre(wat(ADDER))
    linker.allow_shadowing = True
    linker.define_func("env", "add", aot.FuncType([], []), lambda: None)  # later definitions change nothing
    store = aot.Store(engine)
    assert pre.instantiate(store).add(2, 3) == 5


def test_a_caller_is_the_instance_that_calls(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    def who(caller: aot.Caller, a: int, b: int) -> int:
        return int(caller["memory"][0])

    linker = aot.Linker(engine)
    ty = aot.FuncType([aot.ValType.i32()] * 2, [aot.ValType.i32()])
    linker.define_func("env", "add", ty, who, access_caller=True)
    pre, store = linker.instantiate_pre(wat(ADDER)), aot.Store(engine)
    instances = [pre.instantiate(store) for _ in range(3)]
    for n, instance in enumerate(instances):
        instance.memory[0] = n
    assert [instance.add(0, 0) for instance in instances] == [0, 1, 2]


def test_limits_and_traps(wat: Callable[[str], aot.Module], store: aot.Store) -> None:
    pre = aot.InstancePre(wat(ADDER), {"env": {"add": add}}, store=store)
    pre.instantiate(store)
    store.set_limits(instances=1)
    with pytest.raises(aot.ResourceError, match="limit of 1 instances"):
        pre.instantiate(store)
    store.set_limits(instances=100)
    failing = wat("(module (func $f unreachable) (start $f))")
    starting = aot.InstancePre(failing, store=store)
    with pytest.raises(aot.Trap, match="unreachable"):
        starting.instantiate(store)
    assert pre.instantiate(store).add(1, 1) == 2


def test_what_a_start_function_raises_comes_out(wat: Callable[[str], aot.Module], store: aot.Store) -> None:
    module = wat('(module (import "a" "f" (func $f)) (start $f))')

    def fail() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        aot.InstancePre(module, {"a": {"f": fail}}, store=store).instantiate(store)


def test_it_may_outlive_its_store(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    store = aot.Store(engine)
    pre = aot.InstancePre(wat(ADDER), {"env": {"add": add}}, store=store)
    instance = pre.instantiate(store)
    store.close()
    del store, instance
    gc.collect()
    assert pre.instantiate().add(1, 2) == 3


def test_wasi_of_the_store(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    module = wat("""(module (import "wasi_snapshot_preview1" "args_sizes_get" (func $f (param i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "n") (result i32)
        (drop (call $f (i32.const 0) (i32.const 4))) (i32.load (i32.const 0))))""")
    linker = aot.Linker(engine)
    linker.define_wasi()
    pre, store = linker.instantiate_pre(module), aot.Store(engine)
    with pytest.raises(aot.UsageError, match="set_wasi"):
        pre.instantiate(store)
    store.set_wasi(aot.Wasi(args=["a", "b"]))
    assert pre.instantiate(store).n() == pre.instantiate(store).n() == 2
    store.set_wasi(aot.Wasi(args=["a", "b", "c"]))
    assert pre.instantiate(store).n() == 3
