"""`Func.call_async`: awaiting in the middle of wasm; values, exceptions, traps, nesting, many at a time."""

from __future__ import annotations

import asyncio
import threading
import traceback
import types
import weakref
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile

SUM = """(module (import "env" "get" (func $get (param i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "sum") (param $n i32) (result i32) (local $s i32)
    (loop $again
      (local.set $s (i32.add (local.get $s) (call $get (local.get $n))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s))
  (func (export "plain") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0)
      (then (i32.add (call $deep (i32.sub (local.get 0) (i32.const 1))) (i32.const 1)))
      (else (call $get (i32.const 0)))))
  (func $endless (export "endless") (param i32) (result i32)
    (i32.add (call $endless (call $get (local.get 0))) (i32.const 1)))
  (func (export "outside") (param i32) (result i32) (i32.load (call $get (local.get 0))))
  (func (export "unreachable") (param i32) (result i32) (drop (call $get (local.get 0))) unreachable))"""

THROUGH = """(module (import "env" "f" (func $f (param {p}) (result {r})))
  (func (export "g") (param {p}) (result {r}) {body}))"""

CATCH = """(module
  (import "env" "tag" (tag $tag (param i32)))
  (import "env" "f" (func $f (param i32)))
  (func (export "caught") (param i32) (result i32)
    (block $handler (result i32)
      (try_table (catch $tag $handler) (call $f (local.get 0)))
      (i32.const -1)))
  (func (export "rethrown") (param i32) (local $e exnref)
    (block $handler (result i32 exnref)
      (try_table (catch_ref $tag $handler) (call $f (local.get 0)))
      (return))
    (local.set $e) (drop)
    (call $f (i32.const -1))
    (throw_ref (local.get $e))))"""


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(coroutine)


async def echo(n: int) -> int:
    await asyncio.sleep(0)
    return n


def through(wat: Compile, params: str, results: str, f: Callable[..., Any]) -> Any:
    body = "".join(f"local.get {i} " for i in range(len(params.split()))) + "call $f"
    return wat(THROUGH.format(p=params, r=results, body=body))(env={"f": f}).g


def test_awaits_in_the_middle(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})
    assert run(instance.sum.call_async(100)) == 5050
    assert run(instance.sum.call_async(instance.store, 3)) == 6
    assert run(instance.plain.call_async(41)) == 42


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("i32", [0, -1, 2**31 - 1, -(2**31)]),
        ("i64", [0, -1, 2**63 - 1, -(2**63)]),
        ("f32", [0.5, -1.25]),
        ("f64", [0.1, 1e300]),
        ("v128", [bytes(range(16))]),
        ("externref", [None, "x", object]),
        ("funcref", [None]),
    ],
)
def test_one_of_each_type(wat: Compile, type_: str, values: list[object]) -> None:
    async def f(value: object) -> object:
        await asyncio.sleep(0)
        return value

    g = through(wat, type_, type_, f)
    assert [run(g.call_async(value)) for value in values] == values


def test_many_arguments_and_results_keep_their_order(wat: Compile) -> None:
    types = ["i32", "f64", "externref", "i64", "f32"] * 8

    async def f(*args: object) -> tuple[object, ...]:
        await asyncio.sleep(0)
        return args[::-1]

    values = [k if t[0] == "i" else float(k) if t[0] == "f" else str(k) for k, t in enumerate(types)]
    g = through(wat, " ".join(types), " ".join(types[::-1]), f)
    assert list(run(g.call_async(*values))) == values[::-1]


def test_no_result(wat: Compile) -> None:
    seen: list[int] = []

    async def f(value: int) -> None:
        await asyncio.sleep(0)
        seen.append(value)

    assert run(through(wat, "i32", "", f).call_async(7)) is None
    assert seen == [7]


def test_calls_of_one_store_interleave(wat: Compile) -> None:
    order: list[tuple[str, int]] = []

    async def get(n: int) -> int:
        task = asyncio.current_task()
        assert task is not None
        order.append((task.get_name(), n))
        await asyncio.sleep(0)
        return n

    instance = wat(SUM)(env={"get": get})

    async def main() -> list[int]:
        tasks = [asyncio.create_task(instance.sum.call_async(3), name=name) for name in "ab"]
        return list(await asyncio.gather(*tasks))

    assert run(main()) == [6, 6]
    assert order == [("a", 3), ("b", 3), ("a", 2), ("b", 2), ("a", 1), ("b", 1)]


@pytest.mark.parametrize("n_stores", [1, 1000])
def test_a_thousand_at_a_time(wat: Compile, n_stores: int) -> None:
    module = wat(SUM)
    waiting = 0
    most = 0

    async def get(n: int) -> int:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        await asyncio.sleep(0)
        waiting -= 1
        return n

    instances = [module(env={"get": get}) for _ in range(n_stores)]

    async def main() -> list[int]:
        calls = [instances[k % n_stores].sum.call_async(k % 10 + 1) for k in range(1000)]
        return list(await asyncio.gather(*calls))

    assert run(main()) == [sum(range(k % 10 + 2)) for k in range(1000)]
    assert most == 1000


def test_traps_do_not_disturb_calls_that_wait(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})

    async def main() -> None:
        good = [asyncio.create_task(instance.sum.call_async(50)) for _ in range(5)]
        await asyncio.sleep(0)
        for _ in range(5):
            with pytest.raises(aot.Trap) as info:
                await instance.outside.call_async(-1)
            assert info.value.trap_code == aot.TrapCode.MEMORY_OUT_OF_BOUNDS
            with pytest.raises(aot.Trap) as info:
                await instance.unreachable.call_async(0)
            assert info.value.trap_code == aot.TrapCode.UNREACHABLE
            assert instance.plain(1) == 2
        assert await asyncio.gather(*good) == [1275] * 5

    run(main())


def test_the_stack_is_as_deep_as_the_limit(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})
    instance.store.set_limits(stack_size=1 << 20)

    async def main() -> None:
        with pytest.raises(aot.Trap) as info:
            await instance.deep.call_async(10_000_000)
        assert info.value.trap_code == aot.TrapCode.STACK_OVERFLOW
        instance.store.set_limits(stack_size=8 << 20)
        assert await instance.deep.call_async(10_000) == 10_000
        waiting = asyncio.create_task(instance.deep.call_async(1000))
        with pytest.raises(aot.Trap) as info:
            await instance.endless.call_async(0)
        assert info.value.trap_code == aot.TrapCode.STACK_OVERFLOW
        assert await waiting == 1000

    instance.store.set_limits(stack_size=1 << 20)
    run(main())


def test_plain_host_functions_run_on_the_thread_s_own_stack(wat: Compile) -> None:
    """Deep Python recursion in a host function works on a small fiber, and so does wasm that it calls."""

    def recurse(n: int) -> int:
        return 0 if n == 0 else 1 + recurse(n - 1)

    def get(n: int) -> int:
        with pytest.raises(aot.Trap) as info:
            instance.deep(10_000_000)
        assert info.value.trap_code == aot.TrapCode.STACK_OVERFLOW
        return int(instance.plain(recurse(500)))

    instance = wat(SUM)(env={"get": get})
    instance.store.set_limits(stack_size=64 << 10)
    assert run(instance.sum.call_async(2)) == 1002


def test_an_async_host_function_calls_wasm_that_waits(wat: Compile) -> None:
    async def get(n: int) -> int:
        await asyncio.sleep(0)
        return n if n < 2 else int(await instance.sum.call_async(n - 1)) + int(instance.plain(0))

    instance = wat(SUM)(env={"get": get})

    def expected(n: int) -> int:
        return sum(k if k < 2 else expected(k - 1) + 1 for k in range(1, n + 1))

    assert run(instance.sum.call_async(7)) == expected(7)


def test_a_plain_call_refuses_to_wait(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})
    with pytest.raises(aot.UsageError, match=r"env.get\(\) is asynchronous: .* call_async"):
        instance.sum(3)

    def get(n: int) -> int:
        return int(inner.sum(n))  # a plain call inside of an asynchronous one

    inner = instance
    outer = wat(SUM)(env={"get": get}, store=instance.store)
    with pytest.raises(aot.UsageError, match="is asynchronous"):
        run(outer.sum.call_async(3))
    start = wat('(module (import "env" "get" (func $f)) (start $f))')

    async def nothing() -> None:
        pass

    with pytest.raises(aot.UsageError, match="is asynchronous"):
        start(env={"get": nothing})


def test_host_functions_themselves(wat: Compile, store: aot.Store) -> None:
    i32 = aot.ValType.i32()
    func = aot.Func(store, aot.FuncType([i32], [i32]), echo)
    assert run(func.call_async(5)) == 5
    with pytest.raises(aot.UsageError, match="is asynchronous"):
        func(5)
    plain = aot.Func(store, aot.FuncType([i32], [i32]), lambda n: n + 1)
    assert run(plain.call_async(5)) == 6
    instance = wat(SUM)(env={"get": func}, store=store)
    assert run(instance.sum.call_async(4)) == 10


class Later:
    """An awaitable that is no coroutine."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from asyncio.sleep(0).__await__()
        return self.value


def test_any_awaitable_but_where_it_is_the_value(wat: Compile) -> None:
    assert run(wat(SUM)(env={"get": Later}).sum.call_async(4)) == 10
    later = Later(3)
    assert run(through(wat, "externref", "externref", lambda value: value).call_async(later)) is later

    async def f(value: object) -> object:
        return value

    assert run(through(wat, "externref", "externref", f).call_async(later)) is later


def test_exceptions_of_async_host_functions_come_back_as_themselves(wat: Compile) -> None:
    error = ValueError("no")

    async def get(n: int) -> int:
        await asyncio.sleep(0)
        if n == 2:
            raise error
        return n

    instance = wat(SUM)(env={"get": get})

    async def main() -> None:
        other = asyncio.create_task(instance.sum.call_async(1))
        with pytest.raises(ValueError, match="no") as info:
            await instance.sum.call_async(3)
        assert info.value is error
        assert "get" in [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert await other == 1

    run(main())


@pytest.mark.parametrize(("result", "wanted"), [("x", TypeError), (2**40, OverflowError), (None, TypeError)])
def test_a_result_that_does_not_fit(wat: Compile, result: object, wanted: type[Exception]) -> None:
    async def f(value: int) -> object:
        return result

    with pytest.raises(wanted, match="env.f"):
        run(through(wat, "i32", "i32", f).call_async(1))


@pytest.mark.parametrize("arguments", [(), (1, 2), ("x",), (2**40,)])
def test_arguments_are_checked_as_in_a_plain_call(wat: Compile, arguments: tuple[Any, ...]) -> None:
    instance = wat(SUM)(env={"get": echo})
    with pytest.raises(Exception) as plain:
        instance.sum(*arguments)
    with pytest.raises(type(plain.value)) as info:
        run(instance.sum.call_async(*arguments))
    assert str(info.value) == str(plain.value)


def test_the_guest_catches_what_an_async_host_function_throws(wat: Compile, store: aot.Store) -> None:
    tag = aot.Tag(store, aot.TagType(aot.FuncType([aot.ValType.i32()], [])))
    thrown = [aot.WasmException(tag, (k,)) for k in range(20)]

    async def f(n: int) -> None:
        await asyncio.sleep(0)
        if n >= 0:
            raise thrown[n]

    instance = wat(CATCH)(env={"tag": tag, "f": f}, store=store)

    async def rethrown(n: int) -> aot.WasmException:
        with pytest.raises(aot.WasmException) as info:
            await instance.rethrown.call_async(n)
        return info.value

    async def main() -> None:
        assert await instance.caught.call_async(-1) == -1
        calls = [instance.caught.call_async(k) for k in range(20)]
        assert await asyncio.gather(*calls) == list(range(20))
        # each holds its exception while the others throw theirs, and gives back its own
        found = await asyncio.gather(*(rethrown(k) for k in range(20)))
        assert [error.values for error in found] == [(k,) for k in range(20)]
        assert all(a is b for a, b in zip(found, thrown, strict=True))

    run(main())


def test_in_each_thread_its_own_loop(wat: Compile) -> None:
    module = wat(SUM)
    results: list[int] = []

    def work() -> None:
        instance = module(env={"get": echo})

        async def main() -> list[int]:
            return list(await asyncio.gather(*(instance.sum.call_async(20) for _ in range(20))))

        results.extend(run(main()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [210] * 80


def test_another_thread_may_not_go_on_with_a_call(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": Later})
    coroutine = instance.sum.call_async(2)
    coroutine.send(None)  # by hand: it waits
    errors: list[BaseException] = []

    def work() -> None:
        try:
            coroutine.send(None)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert isinstance(errors[0], aot.UsageError)
    assert "another thread" in str(errors[0])
    assert instance.plain(1) == 2


def test_views_of_memory_stay_while_calls_wait(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})
    view = memoryview(instance.memory)

    async def get(n: int) -> int:
        view[n] = n
        await asyncio.sleep(0)
        return view[n]

    other = wat(SUM)(env={"get": get}, store=instance.store)
    assert run(other.sum.call_async(9)) == 45
    assert bytes(view[:10]) == bytes(range(10))


HOLD = """(module (import "env" "wait" (func $wait))
  (func (export "hold") (param externref) (result externref) (call $wait) (local.get 0))
  (func (export "pass") (param externref) (result externref) (local.get 0)))"""


class Thing:
    """Something to refer to."""


@pytest.mark.parametrize("opt_level", [0, 2])
def test_references_that_waiting_calls_hold_stay(cache_dir: Path, opt_level: int) -> None:
    """Others are let go meanwhile, and their handles are used again."""
    module = aot.Module(aot.Engine(aot.Config(opt_level=opt_level)), HOLD)
    release = asyncio.Event()

    async def wait() -> None:
        await release.wait()

    instance = module(env={"wait": wait})
    give_back = instance.exports["pass"]

    async def main() -> None:
        things = [Thing() for _ in range(10)]
        calls = [asyncio.create_task(instance.hold.call_async(thing)) for thing in things]
        await asyncio.sleep(0)
        gone: list[weakref.ref[Thing]] = []
        for _ in range(20_000):
            thing = Thing()
            gone.append(weakref.ref(thing))
            assert give_back(thing) is thing
        assert sum(ref() is not None for ref in gone) < 18_000
        release.set()
        assert all(a is b for a, b in zip(await asyncio.gather(*calls), things, strict=True))

    run(main())


def test_coroutines_made_of_generators(wat: Compile) -> None:
    @types.coroutine
    def get(n: int) -> Generator[None, None, int]:
        yield
        return n

    assert run(wat(SUM)(env={"get": get}).sum.call_async(4)) == 10


def test_annotations_may_say_what_is_awaited(wat: Compile) -> None:
    async def main() -> None:
        def get(n: int) -> asyncio.Future[int]:
            return asyncio.ensure_future(echo(n))

        def get_later(n: int) -> Later:
            return Later(n)

        assert await wat(SUM)(env={"get": get}).sum.call_async(4) == 10
        assert await wat(SUM)(env={"get": get_later}).sum.call_async(4) == 10

    run(main())

    async def text(n: int) -> str:
        return ""

    with pytest.raises(aot.LinkError, match="the result is str"):
        wat(SUM)(env={"get": text})


START = """(module (import "env" "get" (func $get (param i32) (result i32)))
  (global $seen (mut i32) (i32.const 0))
  (func $start (global.set $seen (call $get (i32.const 7))))
  (start $start)
  (func (export "seen") (result i32) (global.get $seen)))"""


def test_start_functions_may_wait(wat: Compile) -> None:
    module = wat(START)

    async def main() -> None:
        instances = [module.instantiate_async(env={"get": echo}) for _ in range(3)]
        assert [instance.seen() for instance in await asyncio.gather(*instances)] == [7] * 3
        store = aot.Store(module.engine)
        instance = await aot.Instance.new_async(store, module, [echo])
        assert instance.store is store
        assert instance.seen() == 7
        plain = await wat('(module (func (export "f") (result i32) (i32.const 1)))').instantiate_async()
        assert plain.f() == 1
        with pytest.raises(aot.LinkError):
            await module.instantiate_async()

        async def fail(n: int) -> int:
            raise ValueError(n)

        with pytest.raises(ValueError, match="7"):
            await module.instantiate_async(env={"get": fail})

    run(main())


def test_a_start_function_that_is_the_host_s(wat: Compile) -> None:
    seen: list[int] = []

    async def start() -> None:
        await asyncio.sleep(0)
        seen.append(1)

    run(wat('(module (import "env" "start" (func $f)) (start $f))').instantiate_async(env={"start": start}))
    assert seen == [1]
