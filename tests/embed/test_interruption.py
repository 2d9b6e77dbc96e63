"""Stopping code that computes: epochs, timeouts, other threads, Ctrl-C."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import aot
from tests.embed import metered

PROMPTLY = 0.25
"""Generous for a busy machine; the benchmark measures the true figure."""

LOOPS = f"""(module
  (import "env" "host" (func $host (param i32)))
  {metered.SPIN}
  (func (export "through") (param i32) (call $host (local.get 0)) (loop (br 0)))
  (func $r (export "recurse") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (call $r (i32.sub (local.get 0) (i32.const 1))) (call $r (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "one") (result i32) (i32.const 1)))"""


@pytest.fixture
def store(cache_dir: Path) -> Iterator[aot.Store]:
    with aot.Store(metered.engine(1)) as made:
        made.set_fuel(1 << 62)
        yield made


@pytest.fixture
def instance(store: aot.Store) -> aot.Instance:
    return metered.module(LOOPS, 1)(store=store, env={"host": lambda n: None})


def later(action: Callable[[], Any], seconds: float = 0.05) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


@contextmanager
def interrupting(store: aot.Store) -> Iterator[None]:
    """Interrupt the store every 50 ms: what comes before the call has begun is forgotten."""
    done = threading.Event()

    def work() -> None:
        while not done.wait(0.05):
            store.interrupt()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def trap_code(run: Callable[[], object]) -> aot.TrapCode | None:
    with pytest.raises(aot.Trap) as caught:
        run()
    return caught.value.trap_code


def test_an_epoch_stops_loops_and_recursion(store: aot.Store, instance: aot.Instance) -> None:
    runs: tuple[Callable[[], object], ...] = (instance.spin, lambda: instance.recurse(60))
    for run in runs:
        store.set_epoch_deadline(2)
        timers = [later(store.engine.increment_epoch, 0.02), later(store.engine.increment_epoch, 0.06)]
        start = time.monotonic()
        assert trap_code(run) is aot.TrapCode.INTERRUPT
        assert 0.05 < time.monotonic() - start < 0.06 + PROMPTLY
        for timer in timers:
            timer.join()
        assert trap_code(instance.one) is aot.TrapCode.INTERRUPT, "the deadline stays reached"
        store.set_epoch_deadline(1)
        assert instance.one() == 1


def test_without_a_deadline_epochs_mean_nothing(store: aot.Store, instance: aot.Instance) -> None:
    for _ in range(5):
        store.engine.increment_epoch()
    assert instance.one() == 1


def test_a_callback_gives_more_ticks(store: aot.Store, instance: aot.Instance) -> None:
    asked: list[int] = []

    def more() -> int:
        asked.append(1)
        store.engine.increment_epoch()
        assert trap_code(instance.one) is aot.TrapCode.INTERRUPT, "no callback while one runs"
        later(store.engine.increment_epoch, 0.2)
        return 1 if len(asked) < 5 else 0

    store.set_epoch_deadline(0)
    store.epoch_deadline_callback(more)
    assert trap_code(instance.spin) is aot.TrapCode.INTERRUPT
    assert len(asked) == 5
    asked.clear()

    def move() -> None:
        asked.append(1)
        if len(asked) == 1:
            store.set_epoch_deadline(2)
            assert instance.one() == 1
            later(store.engine.increment_epoch, 0.2)
            later(store.engine.increment_epoch, 0.3)

    store.epoch_deadline_callback(move)
    assert trap_code(instance.spin) is aot.TrapCode.INTERRUPT
    assert len(asked) == 2

    def fail() -> int:
        raise LookupError("no more")

    store.epoch_deadline_callback(fail)
    store.set_epoch_deadline(0)
    with pytest.raises(LookupError, match="no more"):
        instance.spin()
    store.epoch_deadline_trap()
    assert trap_code(instance.spin) is aot.TrapCode.INTERRUPT


def test_interrupt_from_another_thread(store: aot.Store, instance: aot.Instance) -> None:
    store.interrupt()
    assert instance.one() == 1, "an interruption of nothing is forgotten"
    for _ in range(3):
        start = time.monotonic()
        with interrupting(store):
            assert trap_code(instance.spin) is aot.TrapCode.INTERRUPT
        assert time.monotonic() - start < 0.05 + PROMPTLY
        assert instance.one() == 1


def test_timeout(store: aot.Store, instance: aot.Instance) -> None:
    start = time.monotonic()
    with pytest.raises(TimeoutError) as caught, store.timeout(0.1):
        assert instance.one() == 1
        instance.spin()
    assert 0.09 < time.monotonic() - start < 0.1 + PROMPTLY
    error = caught.value
    assert isinstance(error, aot.TimeoutTrap) and isinstance(error, aot.Trap)
    assert error.trap_code is aot.TrapCode.INTERRUPT
    copied = pickle.loads(pickle.dumps(error))
    assert type(copied) is aot.TimeoutTrap and copied.message == error.message
    assert instance.one() == 1
    with store.timeout(60):
        assert instance.one() == 1
    with store.timeout(float("inf")):
        assert instance.one() == 1


def test_a_timeout_lasts_until_its_block_ends(store: aot.Store, instance: aot.Instance) -> None:
    with store.timeout(0.02):
        time.sleep(0.06)
        for _ in range(3):
            with pytest.raises(aot.TimeoutTrap):
                instance.one()
    assert instance.one() == 1
    with store.timeout(0), pytest.raises(aot.TimeoutTrap):
        instance.one()


def test_the_shortest_of_nested_timeouts_counts(store: aot.Store, instance: aot.Instance) -> None:
    with store.timeout(60):
        with pytest.raises(aot.TimeoutTrap), store.timeout(0.03):
            instance.spin()
        assert instance.one() == 1
    with store.timeout(0.03), pytest.raises(aot.TimeoutTrap):
        with store.timeout(60):
            instance.spin()
        pytest.fail("not reached")


def test_a_timeout_passes_through_host_functions(store: aot.Store) -> None:
    inner: list[aot.Instance] = []
    instance = metered.module(LOOPS, 1)(store=store, env={"host": lambda n: inner[0].spin()})
    inner.append(metered.module(LOOPS, 1)(store=store, env={"host": lambda n: None}))
    with pytest.raises(aot.TimeoutTrap), store.timeout(0.05):
        instance.through(1)
    quiet = metered.module(LOOPS, 1)(store=store, env={"host": lambda n: time.sleep(0.1)})
    with pytest.raises(aot.TimeoutTrap), store.timeout(0.02):
        quiet.through(1)


def test_interruption_needs_epochs(engine: aot.Engine) -> None:
    plain = aot.Store(engine)
    for use in (lambda: plain.timeout(1), lambda: plain.set_epoch_deadline(1), engine.increment_epoch):
        with pytest.raises(aot.UsageError, match="epoch_interruption"):
            use()
    able = aot.Store(metered.engine())
    for wrong in (lambda: able.timeout(float("nan")), lambda: able.set_epoch_deadline(-1)):
        with pytest.raises(aot.UsageError):
            wrong()


CTRL_C = f"""
import os, signal, sys, threading, time
import aot
config = aot.Config(opt_level=1, epoch_interruption=True)
threads = lambda: len(os.listdir("/proc/self/task"))
assert threads() == 1
module = aot.Module(aot.Engine(config), '''(module {metered.SPIN})''')
before = threads()
instance = module()
assert threads() == before + 1, "one thread while there is code to watch"
for _ in range(3):
    pid = os.fork()
    if pid == 0:
        time.sleep(0.2)
        os.kill(os.getppid(), signal.SIGINT)
        os._exit(0)
    start = time.monotonic()
    try:
        instance.spin()
    except KeyboardInterrupt:
        late = time.monotonic() - start - 0.2
        assert late < 0.1 + float(sys.argv[1]), late
    os.waitpid(pid, 0)
pid = os.fork()
if pid == 0:  # a child is watched, too
    threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        instance.spin()
    except KeyboardInterrupt:
        os._exit(42)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 42
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)  # handlers that return let it go on
store = instance.store
done = threading.Event()
def interrupt():
    while not done.wait(0.2):
        store.interrupt()
threading.Thread(target=interrupt).start()
try:
    instance.spin()
except aot.Trap as trap:
    assert trap.trap_code is aot.TrapCode.INTERRUPT
signal.setitimer(signal.ITIMER_REAL, 0)
done.set()
del instance, store
deadline = time.monotonic() + 5
while threads() != before and time.monotonic() < deadline:
    time.sleep(0.01)
assert threads() == before, "no thread when there is nothing to watch"
print("done")
"""


def test_ctrl_c_ends_a_loop(cache_dir: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", CTRL_C, str(PROMPTLY)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.stdout, result.returncode) == ("done\n", 0), result.stderr


def test_signals_and_timeouts_in_many_threads(cache_dir: Path) -> None:
    """Timeouts, interruptions and epochs of several stores at once, none of which hits another."""
    wrong: list[str] = []

    def work(number: int) -> None:
        store = aot.Store(metered.engine(1))
        store.set_fuel(1 << 62)
        instance = metered.module(LOOPS, 1)(store=store, env={"host": lambda n: None})
        for k in range(20):
            start = time.monotonic()
            try:
                with store.timeout(0.01 * (1 + number)):
                    instance.spin()
            except aot.TimeoutTrap:
                if time.monotonic() - start < 0.009 * (1 + number):
                    wrong.append(f"thread {number} was stopped too early in round {k}")
            if instance.one() != 1:
                wrong.append("one is not one")
        store.close()

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


BETWEEN_CALLS = """
import os, signal, time
import aot
config = aot.Config(opt_level=0, epoch_interruption=True)
instance = aot.Module(aot.Engine(config), '(module (func (export "one") (result i32) (i32.const 1)))')()
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)
except KeyboardInterrupt:
    print("interrupted", instance.one())
"""


def test_a_signal_that_comes_while_nothing_runs_is_pythons(cache_dir: Path) -> None:
    """In a process of its own: one that runs other tests would be ended by a signal that comes late."""
    done = subprocess.run([sys.executable, "-c", BETWEEN_CALLS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "interrupted 1\n"), done.stderr
