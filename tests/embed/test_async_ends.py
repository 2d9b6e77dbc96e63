"""Calls that wait and are not to go on: cancelled, abandoned, of a store that is closed; limits; what is given back."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile
from tests.embed.test_async import SUM, echo, run


async def for_ever(n: int) -> int:
    await asyncio.Event().wait()
    return n


def stacks() -> int:
    """Mappings of this process as large as a fiber's stack with the limit that `small` sets."""
    sizes = [line.split()[0].split("-") for line in Path("/proc/self/maps").read_text().splitlines()]
    return sum(int(high, 16) - int(low, 16) == SIZE for low, high in sizes)


LIMIT = 3 << 20
SIZE = LIMIT + (256 << 10)
"""The limit, and what lies below it for the runtime's own functions."""


def small(instance: aot.Instance) -> aot.Instance:
    instance.store.set_limits(stack_size=LIMIT)
    return instance


def test_cancelling(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": for_ever})

    async def main() -> None:
        tasks = [asyncio.create_task(instance.sum.call_async(3)) for _ in range(10)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks[::2], return_exceptions=True)
        assert all(isinstance(error, asyncio.CancelledError) for error in done)
        assert instance.plain(1) == 2
        assert not any(task.done() for task in tasks[1::2])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await instance.sum.call_async(3)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(instance.sum.call_async(3), 0.01)
        assert await instance.plain.call_async(1) == 2

    run(main())  # cancels the rest when it ends
    assert run(instance.plain.call_async(1)) == 2


def test_a_host_function_may_refuse_to_be_cancelled(wat: Compile) -> None:
    cleaned: list[int] = []

    async def get(n: int) -> int:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cleaned.append(n)
            if n == 1:
                raise
        return n

    instance = wat(SUM)(env={"get": get})

    async def main() -> None:
        task = asyncio.create_task(instance.sum.call_async(2))
        for _ in range(2):
            await asyncio.sleep(0.001)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert cleaned == [2, 1]


def test_cancelled_before_it_began(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})

    async def main() -> None:
        task = asyncio.create_task(instance.sum.call_async(2))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert run(instance.sum.call_async(2)) == 3


def test_a_coroutine_that_is_closed_or_collected(wat: Compile) -> None:
    ended: list[str] = []

    async def get(n: int) -> int:
        try:
            await asyncio.sleep(10)
        finally:
            ended.append("get")
        return n

    instance = small(wat(SUM)(env={"get": get}))

    def start() -> Any:
        coroutine = instance.sum.call_async(1)

        async def main() -> None:
            coroutine.send(None)

        run(main())
        return coroutine

    first = start()
    assert stacks() == 1
    first.close()
    assert ended == ["get"]
    second = start()  # on the same stack
    assert stacks() == 1
    del second
    gc.collect()
    assert ended == ["get", "get"]
    third = start()
    cycle = [third]
    cycle.append(cycle)
    del third, cycle
    gc.collect()
    assert ended == ["get"] * 3
    assert stacks() == 1
    assert instance.plain(1) == 2
    instance.store.close()  # nothing is left in it


def test_collected_by_another_thread_while_the_store_works(wat: Compile) -> None:
    calls: list[Any] = []

    def get(n: int) -> int:
        thread = threading.Thread(target=calls.clear)
        thread.start()
        thread.join()
        return n

    instance = wat(SUM)(env={"get": for_ever})
    other = wat(SUM)(env={"get": get}, store=instance.store)

    async def main() -> None:
        for _ in range(3):
            calls.append(instance.sum.call_async(1))
            calls[-1].send(None)
        assert other.sum(3) == 6
        assert calls == []
        instance.store.set_limits(fibers=1)  # so none of them counts any more
        assert await instance.plain.call_async(1) == 2

    run(main())


def test_closing_the_store(wat: Compile) -> None:
    release = asyncio.Event()

    async def get(n: int) -> int:
        await release.wait()
        return n

    instance = wat(SUM)(env={"get": get})

    async def main() -> None:
        tasks = [asyncio.create_task(instance.sum.call_async(3)) for _ in range(3)]
        await asyncio.sleep(0)
        instance.store.close()
        tasks[0].cancel()
        with pytest.raises((asyncio.CancelledError, aot.UsageError)):
            await tasks[0]
        release.set()
        for task in tasks[1:]:
            with pytest.raises(aot.UsageError, match="the store is closed"):
                await task

    run(main())
    with pytest.raises(aot.UsageError, match="the store is closed"):
        run(instance.plain.call_async(1))


def test_closing_the_store_from_a_host_function_is_refused(wat: Compile) -> None:
    def get(n: int) -> int:
        with pytest.raises(aot.UsageError):
            instance.store.close()
        return n

    class Closing:
        def __index__(self) -> int:
            with pytest.raises(aot.UsageError):
                instance.store.close()
            return 5

    async def get_later(n: int) -> Any:
        return Closing()

    instance = wat(SUM)(env={"get": get})
    assert run(instance.sum.call_async(3)) == 6
    instance = wat(SUM)(env={"get": get_later})
    assert run(instance.sum.call_async(1)) == 5


def test_the_store_is_collected_with_its_calls(wat: Compile) -> None:
    """Store, host function, coroutine and call refer to each other in a circle."""

    def make() -> weakref.ref[aot.Store]:
        holder: list[Any] = []

        async def get(n: int) -> int:
            holder.append(n)
            await asyncio.sleep(10)
            return n

        instance = aot.Instance(store := aot.Store(), wat(SUM), {"env": {"get": get}})
        coroutine = instance.sum.call_async(1)
        holder.append(coroutine)

        async def main() -> None:
            coroutine.send(None)

        run(main())
        return weakref.ref(store)

    store = make()
    gc.collect()
    assert store() is None


def test_the_number_of_calls_is_limited(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": for_ever})
    instance.store.set_limits(fibers=2)
    assert instance.store.limits.fibers == 2

    async def main() -> None:
        tasks = [asyncio.create_task(instance.sum.call_async(3)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(aot.ResourceError, match="limit of 2 calls"):
            await instance.plain.call_async(1)
        tasks[0].cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert await instance.plain.call_async(1) == 2
        tasks[1].cancel()

    run(main())


def test_a_guest_that_calls_itself_without_end(wat: Compile) -> None:
    """Through asynchronous host functions it uses no stack, so the number of calls stops it."""

    async def get(n: int) -> int:
        return int(await instance.sum.call_async(1))

    instance = wat(SUM)(env={"get": get})
    instance.store.set_limits(fibers=50)
    with pytest.raises(aot.ResourceError, match="limit of 50 calls"):
        run(instance.sum.call_async(1))
    assert instance.plain(1) == 2


def test_stacks_are_used_again(wat: Compile) -> None:
    instance = small(wat(SUM)(env={"get": echo}))

    async def main() -> None:
        for _ in range(20):
            await asyncio.gather(*(instance.sum.call_async(2) for _ in range(10)))
            tasks = [asyncio.create_task(instance.sum.call_async(100)) for _ in range(10)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run(main())
    assert 1 <= stacks() <= 11  # one more if another test left one


def test_what_a_deep_call_touched_is_given_back(wat: Compile) -> None:
    instance = wat(SUM)(env={"get": echo})
    instance.store.set_limits(stack_size=64 << 20)

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    run(instance.deep.call_async(10))
    before = resident()
    with pytest.raises(aot.Trap):
        run(instance.deep.call_async(100_000_000))
    assert resident() - before < 16 << 20


def test_an_instance_that_goes_back_to_its_pool(wat: Compile) -> None:
    """Calls that still wait then are over, and nothing of them is seen by the next user."""
    module = wat(SUM)
    release = asyncio.Event()

    async def get(n: int) -> int:
        await release.wait()
        return n

    with module.pool(env={"get": get}, max_instances=1) as pool:

        async def main() -> None:
            with pool.instance() as instance:
                tasks = [asyncio.create_task(instance.sum.call_async(3)) for _ in range(3)]
                await asyncio.sleep(0)
            with pool.instance() as instance:
                other = asyncio.create_task(instance.sum.call_async(4))
                await asyncio.sleep(0)
                release.set()
                assert await other == 10
                for task in tasks:
                    with pytest.raises(aot.UsageError):
                        await task

        run(main())
