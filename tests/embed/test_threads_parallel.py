"""Several Python threads in wasm code over one shared memory: atomics, growth, waiting, waking, interruption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

import aot
from aot import Limits, MemoryType, SharedMemory, TrapCode, WaitResult
from tests.embed.conftest import Compile

N = 4
SECONDS = 30
"""How long a test waits for threads that are well."""

CODE = """(module (import "env" "memory" (memory 1 256 shared))
  (func (export "count") (param $n i32)
    (loop $l
      (drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))
      (drop (i64.atomic.rmw8.sub_u (i32.const 5) (i64.const 1)))
      (i32.store (i32.const 8) (i32.add (i32.load (i32.const 8)) (i32.const 1)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  (func (export "cas") (param $n i32) (local $old i32)
    (loop $l
      (loop $try
        (local.set $old (i32.atomic.load (i32.const 0)))
        (br_if $try (i32.ne (local.get $old)
          (i32.atomic.rmw.cmpxchg (i32.const 0) (local.get $old) (i32.add (local.get $old) (i32.const 1))))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; take turns: wait without sleeping until the cell is `mine`, then make it the other's
  (func (export "turns") (param $mine i32) (param $n i32)
    (loop $l
      (loop $spin (br_if $spin (i32.ne (i32.atomic.load (i32.const 0)) (local.get $mine))))
      (i32.atomic.store (i32.const 0) (i32.sub (i32.const 1) (local.get $mine)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
  ;; say so at 4, then look at 0 with plain loads until that changes, for some seconds at most
  (func (export "look") (result i32) (local $n i32)
    (i32.store (i32.const 4) (i32.const 1))
    (loop $l
      (if (i32.load (i32.const 0)) (then (return (i32.const 1))))
      (br_if $l (local.tee $n (i32.add (local.get $n) (i32.const 1)))))
    (i32.const 0))
  ;; grow by one page until that fails, with a mark on each new page
  (func (export "grow_all") (param $mark i32) (result i32) (local $old i32) (local $n i32)
    (loop $l
      (if (i32.ne (local.tee $old (memory.grow (i32.const 1))) (i32.const -1)) (then
        (i32.store (i32.shl (local.get $old) (i32.const 16)) (local.get $mark))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br $l))))
    (local.get $n))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "wait64") (param i32 i64 i64) (result i32)
    (memory.atomic.wait64 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1)))
  (func (export "trap") (param i32) (result i32) (i32.load (local.get 0))))"""


@pytest.fixture
def memory(engine: aot.Engine) -> SharedMemory:
    return SharedMemory(engine, MemoryType(Limits(1, 256), is_shared=True))


@pytest.fixture(scope="module", params=[("guard", 0), ("guard", 2), ("checked", 2)], ids=["O0", "O2", "checked"])
def module(request: pytest.FixtureRequest, cache_dir: Path) -> aot.Module:
    kind, opt_level = request.param
    return aot.Module(aot.Engine(aot.Config(opt_level=opt_level, memory=kind)), CODE)


def start(run: Callable[[], object]) -> Future[object]:
    """Run in a thread of its own."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(run)
    pool.shutdown(wait=False)
    return future


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.001)


def u32(memory: SharedMemory, at: int) -> int:
    return int.from_bytes(memory.read(at, at + 4), "little")


@pytest.mark.parametrize("name", ["count", "cas"])
def test_counters_lose_nothing(module: aot.Module, memory: SharedMemory, name: str) -> None:
    rounds = 50_000
    instances = [module(env={"memory": memory}) for _ in range(N)]
    with ThreadPoolExecutor(N) as pool:
        list(pool.map(lambda instance: instance.exports[name](rounds), instances))
    assert u32(memory, 0) == N * rounds
    if name == "count":
        assert memory.buffer[5] == -N * rounds % 256
        assert 0 < u32(memory, 8) <= N * rounds


def test_threads_run_at_the_same_time(module: aot.Module, memory: SharedMemory) -> None:
    """Each turn needs both threads inside wasm: were one to hold a lock of the interpreter, none would get on."""
    a, b = module(env={"memory": memory}), module(env={"memory": memory})
    first = start(lambda: a.turns(0, 20))
    second = start(lambda: b.turns(1, 20))
    first.result(SECONDS)
    second.result(SECONDS)
    assert u32(memory, 0) == 0


def test_plain_accesses_are_made_where_they_stand(module: aot.Module, memory: SharedMemory) -> None:
    """Nothing promises that to the code, but C code that was written for other machines counts on it."""
    looking = start(module(env={"memory": memory}).look)
    until(lambda: memory.buffer[4] == 1)
    memory.buffer[0] = 1
    assert looking.result(SECONDS) == 1


def test_growth_is_free_of_races(module: aot.Module, memory: SharedMemory) -> None:
    instances = [module(env={"memory": memory}) for _ in range(N)]
    with ThreadPoolExecutor(N) as pool:
        grown = list(pool.map(lambda k: instances[k].grow_all(k + 1), range(N)))
    assert sum(grown) == 255
    assert memory.size() == 256
    marks = [memory.buffer[page << 16] for page in range(1, 256)]
    assert [marks.count(k + 1) for k in range(N)] == grown


def test_growth_is_seen_by_code_that_runs(module: aot.Module, memory: SharedMemory) -> None:
    waiter, other = module(env={"memory": memory}), module(env={"memory": memory})
    with pytest.raises(aot.Trap, match="out of bounds"):
        waiter.trap(100 << 16)
    memory.grow(100)
    assert waiter.trap(100 << 16) == other.trap(100 << 16) == 0
    with pytest.raises(aot.Trap, match="out of bounds"):
        other.trap(101 << 16)


def test_wait_results(module: aot.Module, memory: SharedMemory) -> None:
    instance = module(env={"memory": memory})
    memory.write(b"\5", 8)
    assert instance.wait(8, 4, -1) == 1
    assert instance.wait64(8, 4, -1) == 1
    start_time = time.monotonic()
    assert instance.wait(8, 5, 60_000_000) == 2
    assert instance.wait64(8, 5, 60_000_000) == 2
    assert time.monotonic() - start_time >= 0.12
    assert instance.wait(8, 5, 0) == 2
    for function, args in ((instance.wait, (2, 0, 0)), (instance.wait64, (4, 0, 0)), (instance.notify, (1, 1))):
        with pytest.raises(aot.Trap, match="unaligned atomic"):
            function(*args)
    for function, args in ((instance.wait, (65536, 0, 0)), (instance.notify, (-4, 1))):
        with pytest.raises(aot.Trap, match="out of bounds memory access"):
            function(*args)


def test_notify_wakes_other_threads(module: aot.Module, memory: SharedMemory) -> None:
    instances = [module(env={"memory": memory}) for _ in range(N)]
    waiters = [start(partial(instance.wait, 16, 0, -1)) for instance in instances]
    waker = module(env={"memory": memory})
    woken = 0
    while woken < 2:
        woken += waker.notify(16, 1)
    assert waker.notify(20, 100) == 0
    until(lambda: sum(waiter.done() for waiter in waiters) == 2)
    while woken < N:
        woken += memory.atomic_notify(16)
    assert [waiter.result(SECONDS) for waiter in waiters] == [0] * N
    assert woken == N


def test_the_host_waits_and_wakes(module: aot.Module, memory: SharedMemory) -> None:
    instance = module(env={"memory": memory})
    assert memory.atomic_wait32(0, 1) is WaitResult.MISMATCH
    assert memory.atomic_wait64(0, 0, timeout=0.01) is WaitResult.TIMED_OUT
    host = start(lambda: memory.atomic_wait32(0, 0))
    until(lambda: instance.notify(0, 1) == 1)
    assert host.result(SECONDS) is WaitResult.OK
    guest = start(lambda: instance.wait(0, 0, -1))
    until(lambda: memory.atomic_notify(0, 1) == 1)
    assert guest.result(SECONDS) == 0
    for wrong, error in ((2, ValueError), (65536, IndexError), (-4, IndexError)):
        with pytest.raises(error):
            memory.atomic_wait32(wrong, 0, 0)
        with pytest.raises(error):
            memory.atomic_notify(wrong)
    with pytest.raises(aot.UsageError):
        memory.atomic_wait32(0, 0, -1)


def test_a_wait_can_be_interrupted(module: aot.Module, memory: SharedMemory) -> None:
    instance, other = module(env={"memory": memory}), module(env={"memory": memory})
    instance.store.interrupt()  # nothing runs: it does nothing
    waiter = start(lambda: instance.wait(0, 0, -1))
    bystander = start(lambda: other.wait(4, 0, -1))
    time.sleep(0.05)
    assert not waiter.done()
    began = time.monotonic()
    instance.store.interrupt()
    with pytest.raises(aot.Trap, match="interrupted") as trap:
        waiter.result(SECONDS)
    assert trap.value.trap_code is TrapCode.INTERRUPT
    assert time.monotonic() - began < 5
    assert not bystander.done()
    assert memory.atomic_notify(0) == 0  # nobody waits there any more
    assert memory.atomic_notify(4) == 1
    assert bystander.result(SECONDS) == 0
    assert instance.wait(0, 1, -1) == 1  # the instance goes on working


def test_a_host_function_runs_while_others_wait(wat: Compile, memory: SharedMemory) -> None:
    """Threads that wait hold no lock of the interpreter."""
    module = wat("""(module (import "env" "memory" (memory 1 256 shared)) (import "env" "f" (func $f (result i32)))
      (func (export "run") (result i32) (i32.atomic.store (i32.const 0) (call $f))
        (memory.atomic.notify (i32.const 0) (i32.const 1)))
      (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))""")
    waiting = module(env={"memory": memory, "f": lambda: 0})
    waiter = start(lambda: waiting.wait())
    called = threading.Event()

    def host() -> int:
        called.set()
        return 9

    runner = module(env={"memory": memory, "f": host})
    until(lambda: waiter.done() or runner.run() == 1)
    assert called.is_set()
    assert waiter.result(SECONDS) in (0, 1)


CTRL_C = """
import sys, threading, aot
from aot import Limits, MemoryType, SharedMemory
engine = aot.Engine(aot.Config(opt_level=0))
memory = SharedMemory(engine, MemoryType(Limits(1, 2), is_shared=True))
module = aot.Module(engine, '''(module (import "env" "memory" (memory 1 2 shared))
  (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const -1))))''')
instance = module(env={"memory": memory})
other = module(env={"memory": memory})
threading.Thread(target=other.wait, daemon=True).start()
wait = {"guest": instance.wait, "host": lambda: memory.atomic_wait32(0, 0)}[sys.argv[1]]
print("waiting", flush=True)
try:
    wait()
except KeyboardInterrupt:
    print("interrupted", memory.atomic_notify(0), flush=True)
assert instance.exports["wait"] is not None and not instance.store.closed
"""


@pytest.mark.parametrize("who", ["guest", "host"])
def test_ctrl_c_ends_a_wait(who: str, cache_dir: Path) -> None:
    """In the main thread; a thread beside it waits on, and is woken by what comes after."""
    command = [sys.executable, "-c", CTRL_C, who]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "waiting\n"
            time.sleep(0.2)
            child.send_signal(signal.SIGINT)
            assert child.stdout.readline() == "interrupted 1\n"
            assert child.wait(SECONDS) == 0
        finally:
            child.kill()
