"""Threads: stores run in parallel, a store belongs to one thread at a time, exceptions stay where they are."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

import aot
from tests.embed.conftest import Compile

WORK = """(module (import "env" "f" (func $f (param i32))) (memory (export "memory") 1)
  (func (export "spin") (param i32) (result i32) (local $n i32)
    (loop $l (local.set $n (i32.add (i32.rotl (local.get $n) (i32.const 3)) (local.get 0)))
      (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
    (local.get $n))
  (func (export "call") (param i32) (call $f (local.get 0)))
  (func (export "trap") unreachable))"""


def ignore(value: int) -> None:
    pass


def test_exceptions_do_not_cross_threads(wat: Compile) -> None:
    module = wat(WORK)
    old = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def run(who: int) -> int:
        def fail(n: int) -> None:
            raise LookupError(who, n)

        inst = module(env={"f": fail})
        right = 0
        for n in range(300):
            try:
                inst.call(n)
            except LookupError as err:
                right += err.args == (who, n)
            with pytest.raises(aot.Trap):
                inst.trap()
        return right

    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(run, range(4))) == [300] * 4
    finally:
        sys.setswitchinterval(old)


def test_a_store_in_use_is_refused_to_other_threads(wat: Compile) -> None:
    inside, leave = threading.Event(), threading.Event()

    def wait(n: int) -> None:
        inside.set()
        assert leave.wait(10)

    inst = wat(WORK)(env={"f": wait})
    memory, call = inst.memory, inst.call
    thread = threading.Thread(target=lambda: call(1))
    thread.start()
    try:
        assert inside.wait(10)
        uses: list[Callable[[], object]] = [
            lambda: call(2),
            lambda: memory[0],
            lambda: memoryview(memory),
            lambda: inst.store.limits,
            lambda: memory.grow(1),
        ]
        for use in uses:
            with pytest.raises(aot.UsageError, match="in use by another thread"):
                use()
        with pytest.raises(aot.UsageError, match="while its code runs"):
            inst.store.close()
    finally:
        leave.set()
        thread.join()
    assert memory[0] == 0


def test_a_store_may_move_between_threads(wat: Compile) -> None:
    inst = wat(WORK)(env={"f": ignore})
    expected = inst.spin(1000)
    results: list[int] = []
    for _ in range(3):
        thread = threading.Thread(target=lambda: results.append(inst.spin(1000)))
        thread.start()
        thread.join()
    assert results == [expected] * 3


def test_traps_in_threads(wat: Compile) -> None:
    module = wat("""(module (memory 1) (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
      (func $r (export "r") (call $r)))""")

    def run(_: int) -> list[aot.TrapCode | None]:
        inst = module()
        codes = []
        for _ in range(20):
            for call in (lambda: inst.load(1 << 20), inst.r):
                try:
                    call()
                except aot.Trap as trap:
                    codes.append(trap.trap_code)
        return codes

    expected = [aot.TrapCode.MEMORY_OUT_OF_BOUNDS, aot.TrapCode.STACK_OVERFLOW] * 20
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(4))) == [expected] * 4


def test_calls_run_without_the_interpreter_lock(wat: Compile) -> None:
    """Two stores wait inside wasm at the same time for a byte that Python code sets meanwhile."""
    # memory.fill goes through the runtime, so that no compiler can take the load out of the loop
    module = wat("""(module (memory (export "memory") 1) (func (export "wait") (result i32) (local $n i32)
      (loop $l
        (if (i32.load8_u (i32.const 0)) (then (return (i32.const 1))))
        (i32.store8 (i32.const 1) (i32.const 1))
        (memory.fill (i32.const 64) (i32.const 0) (i32.const 1))
        (br_if $l (local.tee $n (i32.add (local.get $n) (i32.const 1)))))
      (i32.const 0)))""")
    instances = [module() for _ in range(2)]
    views = [memoryview(inst.memory) for inst in instances]
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(inst.wait) for inst in instances]
        deadline = time.monotonic() + 30
        while not all(view[1] for view in views) and time.monotonic() < deadline:
            time.sleep(0.001)
        assert [future.done() for future in waiting] == [False, False]
        for view in views:
            view[0] = 1
        assert [future.result(30) for future in waiting] == [1, 1]
