"""Calls that compute and let the event loop have its turn at epochs; hooks on fibers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import aot
from tests.embed.test_async import run

ENDLESS = """(module
  (func (export "spin") (loop $l (br $l)))
  (func (export "count") (param $n i32) (result i32)
    (loop $l (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.const 7)))"""


@pytest.fixture(scope="module")
def module(cache_dir: Path) -> aot.Module:
    return aot.Module(aot.Engine(aot.Config(opt_level=0, epoch_interruption=True)), ENDLESS)


@contextmanager
def ticking(engine: aot.Engine) -> Iterator[None]:
    """Another thread increments the epoch every millisecond."""
    end = threading.Event()

    def tick() -> None:
        while not end.wait(0.001):
            engine.increment_epoch()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def test_the_loop_has_its_turn(module: aot.Module) -> None:
    instance = module()
    instance.store.set_epoch_deadline(1)
    instance.store.epoch_deadline_async_yield(1)
    turns = 0

    async def others() -> None:
        nonlocal turns
        while turns < 20:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> None:
        spinning = [asyncio.create_task(instance.spin.call_async()) for _ in range(2)]
        await others()
        assert await instance.count.call_async(1000) == 7
        for task in spinning:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        instance.store.set_epoch_deadline(1 << 40)
        assert instance.count(10) == 7

    with ticking(module.engine):
        run(main())
    assert turns == 20


def test_plain_calls_trap_as_before(module: aot.Module) -> None:
    instance = module()
    instance.store.set_epoch_deadline(1)
    instance.store.epoch_deadline_async_yield(1)
    with ticking(module.engine), pytest.raises(aot.Trap) as info:
        instance.spin()
    assert info.value.trap_code == aot.TrapCode.INTERRUPT
    instance.store.epoch_deadline_async_yield(0)
    with ticking(module.engine), pytest.raises(aot.Trap) as info:
        run(instance.spin.call_async())
    assert info.value.trap_code == aot.TrapCode.INTERRUPT
    with pytest.raises(aot.UsageError, match="ticks"):
        instance.store.epoch_deadline_async_yield(-1)


def test_callbacks_run_on_the_thread_s_own_stack(module: aot.Module) -> None:
    def recurse(n: int) -> int:
        return 0 if n == 0 else 1 + recurse(n - 1)

    asked: list[int] = []

    def callback() -> int:
        asked.append(recurse(500))
        return 1 if len(asked) < 3 else 0

    instance = module()
    instance.store.set_limits(stack_size=64 << 10)
    instance.store.set_epoch_deadline(1)
    instance.store.epoch_deadline_callback(callback)
    with ticking(module.engine), pytest.raises(aot.Trap):
        run(instance.spin.call_async())
    assert asked == [500] * 3


def test_timeouts_end_calls(module: aot.Module) -> None:
    instance = module()

    async def main() -> None:
        with instance.store.timeout(0.02), pytest.raises(TimeoutError):
            await instance.spin.call_async()
        assert await instance.count.call_async(10) == 7

    run(main())
