"""Exceptions between wasm and Python: raised by a host, caught by a host, uncaught, across instances."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

import aot
from aot import FuncType, Tag, TagType, ValType, WasmException
from tests.wast.assemble import assemble

I32, I64, F64 = ValType.i32(), ValType.i64(), ValType.f64()

CATCHER = """(module
  (import "env" "tag" (tag $e (param i32 f64)))
  (import "env" "other" (tag $other))
  (import "env" "host" (func $host (param i32) (result i32)))
  (export "tag" (tag $e))
  ;; what was thrown with $e, as a number; 1000 if anything else was; else what the host returned
  (func (export "try") (param i32) (result i32) (local i32 f64)
    (block $all
      (block $caught (result i32 f64)
        (try_table (result i32) (catch $e $caught) (catch_all $all) (call $host (local.get 0)))
        (return))
      (local.set 2) (local.set 1)
      (return (i32.add (local.get 1) (i32.trunc_f64_s (local.get 2)))))
    (i32.const 1000))
  (func (export "through") (param i32) (result i32) (i32.add (i32.const 1) (call $host (local.get 0))))
  (func (export "again") (param i32) (result i32)
    (block $caught (result i32 f64 exnref)
      (try_table (result i32) (catch_ref $e $caught) (call $host (local.get 0)))
      (return))
    (throw_ref))
  (func (export "throw") (param i32) (throw $e (local.get 0) (f64.const 0.5)))
  (func (export "throw other") (throw $other)))"""


class World:
    """CATCHER with a host function that a test can replace."""

    def __init__(self, opt_level: int = 0) -> None:
        self.engine = aot.Engine(aot.Config(opt_level=opt_level))
        self.store = aot.Store(self.engine)
        self.tag = Tag(self.store, TagType(FuncType([I32, F64], [])))
        self.other = Tag(self.store, TagType(FuncType([], [])))
        self.act: Callable[[int], int] = lambda n: n
        host = aot.Func(self.store, FuncType([I32], [I32]), lambda n: self.act(n))
        module = aot.Module(self.engine, assemble(CATCHER.encode()))
        self.exports = aot.Instance(self.store, module, [self.tag, self.other, host]).exports

    def raise_(self, error: BaseException) -> None:
        def act(n: int) -> int:
            raise error

        self.act = act


@pytest.fixture(params=[0, 2])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def test_wasm_catches_what_a_host_function_raises(world: World) -> None:
    assert world.exports["try"](7) == 7
    world.raise_(WasmException(world.tag, (40, 2.0)))
    assert [world.exports["try"](0) for _ in range(3)] == [42] * 3
    world.raise_(WasmException(world.other))
    assert world.exports["try"](0) == 1000


def test_nobody_catches_it_and_it_comes_back_as_itself(world: World) -> None:
    error = WasmException(world.tag, (1, 2.0))
    world.raise_(error)
    for name in ("through", "again"):
        with pytest.raises(WasmException) as caught:
            world.exports[name](0)
        assert caught.value is error
    world.act = lambda n: n
    assert world.exports["through"](1) == 2


def test_uncaught_exceptions_have_tag_and_values(world: World) -> None:
    with pytest.raises(WasmException) as caught:
        world.exports["throw"](5)
    assert caught.value.tag == world.tag == world.exports["tag"]
    assert caught.value.tag != world.other
    assert caught.value.values == (5, 0.5)
    assert "i32 f64" in str(caught.value)
    assert "(5, 0.5)" in str(caught.value)
    with pytest.raises(WasmException) as caught:
        world.exports["throw other"]()
    assert (caught.value.tag, caught.value.values) == (world.other, ())


def test_a_host_function_catches_what_wasm_throws(world: World) -> None:
    def act(n: int) -> int:
        try:
            world.exports["throw"](n)
        except WasmException as error:
            assert error.tag == world.tag
            return int(error.values[0]) * 10
        raise AssertionError

    world.act = act
    assert world.exports["through"](4) == 41
    assert world.exports["try"](4) == 40


def test_through_wasm_host_and_wasm(world: World) -> None:
    """Thrown by wasm, through a host function that lets it pass, to wasm that catches it."""
    world.act = lambda n: world.exports["throw"](n)
    assert world.exports["try"](9) == 9
    with pytest.raises(WasmException) as caught:
        world.exports["through"](9)
    assert caught.value.values == (9, 0.5)


@pytest.mark.parametrize("error", [KeyError("x"), KeyboardInterrupt(), aot.UsageError("x")])
def test_other_exceptions_of_the_host_are_not_for_wasm(world: World, error: BaseException) -> None:
    world.raise_(error)
    with pytest.raises(type(error)) as caught:
        world.exports["try"](0)
    assert caught.value is error


def test_traps_are_not_for_wasm(world: World) -> None:
    crash = aot.Instance(
        world.store, aot.Module(world.engine, assemble(b'(module (func (export "f") (unreachable)))')), []
    )
    world.act = lambda n: crash.f()
    with pytest.raises(aot.Trap, match="unreachable"):
        world.exports["try"](0)


def test_a_tag_of_another_store_passes_through(world: World) -> None:
    stranger = Tag(aot.Store(world.engine), TagType(FuncType([I32, F64], [])))
    error = WasmException(stranger, (1, 2.0))
    world.raise_(error)
    with pytest.raises(WasmException) as caught:
        world.exports["try"](0)
    assert caught.value is error


def test_values_must_fit_the_tag(world: World) -> None:
    with pytest.raises(aot.UsageError, match="takes 2 values, 1 given"):
        WasmException(world.tag, (1,))
    world.raise_(WasmException(world.tag, ("one", 2.0)))
    with pytest.raises(TypeError):
        world.exports["try"](0)
    assert WasmException(world.other).values == ()


def test_tags_are_exported_and_imported() -> None:
    engine = aot.Engine(aot.Config(opt_level=0))
    store = aot.Store(engine)
    thrower = """(module (tag $t (export "t") (param i64)) (tag $same (param i64))
      (func (export "throw") (param i64) (throw $t (local.get 0)))
      (func (export "throw same") (param i64) (throw $same (local.get 0))))"""
    catcher = """(module (import "a" "t" (tag $t (param i64))) (import "a" "throw" (func $throw (param i64)))
      (import "a" "throw same" (func $throw_same (param i64)))
      (func (export "f") (param i64) (result i64)
        (block (result i64) (try_table (catch $t 0) (call $throw (local.get 0))) (i64.const -1)))
      (func (export "g") (param i64) (result i64)
        (block (result i64) (try_table (catch $t 0) (call $throw_same (local.get 0))) (i64.const -1))))"""
    first = aot.Instance(store, aot.Module(engine, assemble(thrower.encode())), [])
    second = aot.Module(engine, assemble(catcher.encode()))({"a": first}, store=store)
    assert second.f(5) == 5
    with pytest.raises(WasmException) as caught:
        second.g(6)  # of the same type, but not the same tag
    assert caught.value.values == (6,)


def test_exceptions_do_not_keep_what_they_passed(world: World) -> None:
    class Marked(WasmException):
        pass

    error = Marked(world.tag, (1, 2.0))
    alive = weakref.ref(error)
    world.raise_(error)
    assert world.exports["try"](0) == 3
    del error
    world.raise_(WasmException(world.tag, (1, 2.0)))
    assert world.exports["try"](0) == 3
    gc.collect()
    assert alive() is None


def test_many_throws_take_no_memory(world: World) -> None:
    world.raise_(WasmException(world.tag, (1, 2.0)))
    run = world.exports["try"]
    for _ in range(50_000):
        run(0)
    with pytest.raises(WasmException):
        world.exports["again"](0)


def test_an_exception_that_carries_another_can_be_caught() -> None:
    text = """(module (tag $inner) (tag $outer (export "outer") (param i32 exnref exnref))
      (func (export "f") (local exnref)
        (block $caught (result exnref) (try_table (catch_all_ref $caught) (throw $inner)) (return))
        (local.set 0)
        (throw $outer (i32.const 7) (local.get 0) (ref.null exn))))"""
    instance = aot.Module(aot.Engine(aot.Config(opt_level=0)), assemble(text.encode()))()
    with pytest.raises(WasmException, match=r"values \(7, Ellipsis, None\)") as caught:
        instance.f()
    assert caught.value.tag == instance.outer
    assert caught.value.values == (7, ..., None)
