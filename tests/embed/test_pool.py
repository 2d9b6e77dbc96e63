"""Pools: instances that are used again show nothing of their last use."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import aot
from aot.embed.pool import Lease

STATE = """(module (import "env" "say" (func $say (param i32) (result i32)))
  (type $f (func (result i32)))
  (memory (export "memory") 2 64) (data (i32.const 5000) "first state") (data $passive "more")
  (global $g (export "g") (mut i64) (i64.const 7)) (global (export "at") (mut funcref) (ref.func $one))
  (table (export "table") 4 100 funcref) (elem (i32.const 1) func $one $two) (elem $later func $two)
  (table (export "objects") 2 9 externref)
  (func $one (result i32) i32.const 1) (func $two (result i32) i32.const 2)
  (func (export "say") (param i32) (result i32) local.get 0 call $say)
  (func (export "grow") (param i32) (result i32) local.get 0 memory.grow)
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0xaa) (local.get 1)))
  (func (export "init") (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 4)) (data.drop $passive))
  (func (export "table_init") (table.init 0 $later (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $later))
  (func (export "deep") (call 6))
  (func (export "call") (param i32) (result i32) local.get 0 call_indirect 0 (type $f)))"""
TRAPPING = (
    '(module (memory (export "memory") 1) (func (export "go") (i32.store (i32.const 0) (i32.const 9)) unreachable))'
)


def echo(n: int) -> int:
    return n


def check_first(i: aot.Instance) -> None:
    assert len(i.memory) == 2 << 16
    content = bytes(i.memory)
    assert content[5000:5011] == b"first state" and content.count(0) == len(content) - 11
    assert i.g.value == 7 and i.at.value() == 1
    assert len(i.table) == 4 and [i.table[n] is None for n in range(4)] == [True, False, False, True]
    assert i.call(1) == 1 and i.call(2) == 2
    assert len(i.objects) == 2 and i.objects[0] is None
    assert i.grow(0) == 2


def spoil(i: aot.Instance) -> None:
    i.init()
    i.table_init()
    assert i.grow(60) == 2
    i.fill(0, 62 << 16)
    i.g.value = 8
    i.at.value = None
    i.table.grow(20, i.table[1])
    i.table[0] = i.table[2]
    i.table[1] = None
    i.objects.grow(3, object())
    i.objects[0] = "secret"
    i.store.set_limits(memory_size=1 << 20, instances=1)


@pytest.mark.parametrize("keep", [0, 4096, 1 << 20])
def test_nothing_is_left(wat: Callable[[str], aot.Module], keep: int) -> None:
    with wat(STATE).pool(env={"say": echo}, keep_resident=keep) as pool:
        seen = set()
        for n in range(12):
            with pool.instance() as i:
                check_first(i)
                seen.add(i._address)
                if n % 3 == 0:
                    spoil(i)
                i.memory[n * 4096] = 1
        assert len(seen) == 1 and pool.n_free == 1 and pool.n_used == 0


def test_a_trap_or_exception_makes_no_difference(wat: Callable[[str], aot.Module]) -> None:
    def fail(n: int) -> int:
        raise RuntimeError("mine")

    with wat(TRAPPING).pool() as pool:
        for _ in range(3):
            with pytest.raises(aot.Trap, match="unreachable"), pool.instance() as i:
                assert i.memory[0] == 0
                i.go()
        assert pool.n_free == 1
    with wat(STATE).pool(env={"say": fail}) as pool:
        for _ in range(3):
            with pytest.raises(RuntimeError, match="mine"), pool.instance() as i:
                spoil(i)
                i.say(1)
        with pool.instance() as i:
            check_first(i)


def test_objects_of_a_former_use_are_of_no_use(wat: Callable[[str], aot.Module]) -> None:
    with wat(STATE).pool(env={"say": echo}) as pool:
        with pool.instance() as old:
            say, memory, table, store = old.say, old.memory, old.table, old.store
        with pool.instance() as new:
            assert new._address == old._address and new.store is not store
            assert store.closed
            uses: tuple[Callable[[], object], ...] = (
                lambda: say(1),
                lambda: memory[0],
                lambda: memoryview(memory),
                lambda: table[1],
                lambda: old.grow,
                lambda: new.table.__setitem__(0, say),
                lambda: old.snapshot(),
            )
            for use in uses:
                with pytest.raises(aot.UsageError):
                    use()
            check_first(new)


def test_no_reuse_under_a_view(wat: Callable[[str], aot.Module]) -> None:
    with wat(STATE).pool(env={"say": echo}) as pool:
        with pool.instance() as i:
            first = i._address
            view = memoryview(i.memory)[100:200]
            view[0] = 77
        assert (pool.n_free, pool.n_used) == (0, 0)
        with pool.instance() as i:
            check_first(i)
            i.memory[100] = 1
            assert i.memory is not None and view[0] == 77
        view.release()
        with pool.instance() as i:
            check_first(i)
        assert pool.n_free == 1 and first


def test_what_else_is_made_in_a_store_ends_its_reuse(wat: Callable[[str], aot.Module]) -> None:
    makers: tuple[Callable[[aot.Store], object], ...] = (
        lambda s: aot.Memory(s, aot.MemoryType(aot.Limits(1))),
        lambda s: aot.Table(s, aot.TableType(aot.ValType.funcref(), aot.Limits(1)), None),
        lambda s: aot.Global(s, aot.GlobalType(aot.ValType.i32(), True), 1),
        lambda s: aot.Func(s, aot.FuncType([], []), lambda: None),
        lambda s: aot.Instance(s, wat("(module)"), []),
        lambda s: aot.Tag(s, aot.TagType(aot.FuncType([], []))),
    )
    with wat(STATE).pool(env={"say": echo}) as pool:
        for make in makers:
            with pool.instance() as i:
                check_first(i)
                make(i.store)
            assert pool.n_free == 0


def test_callables_may_differ_from_use_to_use(wat: Callable[[str], aot.Module]) -> None:
    with wat(STATE).pool(env={"say": echo}) as pool:
        addresses = set()
        for n in range(5):
            with pool.instance(env={"say": lambda m, n=n: m + n}) as i:
                assert i.say(10) == 10 + n
                addresses.add(i._address)
            with pool.instance() as i:
                assert i.say(10) == 10
        assert len(addresses) == 1
    with wat(STATE).pool() as pool:
        with pytest.raises(aot.LinkError, match='"env" "say"'):
            pool.instance()
        with pool.instance(env={"say": echo}) as i:
            assert i.say(3) == 3


def test_callables_are_let_go(wat: Callable[[str], aot.Module]) -> None:
    import gc
    import weakref

    class Echo:
        def __call__(self, n: int) -> int:
            return n

    with wat(STATE).pool(env={"say": echo}) as pool:
        callable_ = Echo()
        ref = weakref.ref(callable_)
        with pool.instance(env={"say": callable_}) as i:
            assert i.say(1) == 1
        del callable_, i
        gc.collect()
        assert ref() is None


def test_values_and_callers(wat: Callable[[str], aot.Module]) -> None:
    module = wat("""(module (import "a" "n" (global $n i32)) (import "a" "f" (func $f (result i32)))
      (memory (export "memory") 1) (data (offset (global.get $n)) "x")
      (func (export "n") (result i32) global.get $n) (func (export "f") (result i32) call $f))""")

    def first_byte(caller: aot.Caller) -> int:
        return int(caller["memory"][0])

    with module.pool(a={"n": 5, "f": first_byte}) as pool:
        for _ in range(3):
            with pool.instance() as i:
                assert i.n() == 5 and i.memory[5:6] == b"x" and i.f() == 0
                i.memory[0] = 9
                assert i.f() == 9
        with pool.instance(a={"n": 6}) as i:
            assert i.n() == 6 and i.memory[5:7] == b"\0x" and i.f() == 0


def test_items_of_a_store_are_refused(wat: Callable[[str], aot.Module], store: aot.Store) -> None:
    func = aot.Func(store, aot.FuncType([aot.ValType.i32()], [aot.ValType.i32()]), echo)
    with pytest.raises(aot.UsageError, match="belongs to a store"):
        wat(STATE).pool(env={"say": func})


def test_bounds(wat: Callable[[str], aot.Module]) -> None:
    with wat(STATE).pool(env={"say": echo}, max_instances=2) as pool, pool.instance() as a, pool.instance() as b:
        with pytest.raises(aot.ResourceError, match="all 2 instances"), pool.instance():
            pass
        assert a._address != b._address and pool.n_used == 2
    with pytest.raises(aot.UsageError, match="closed"), pool.instance():
        pass
    with pytest.raises(aot.UsageError, match="0 instances"):
        aot.Pool(max_instances=0)
    limits = aot.Store().limits
    with wat(STATE).pool(env={"say": echo}, limits=_with(limits, memory_bytes=1 << 16)) as pool:
        with pytest.raises(aot.ResourceError, match="exceeds"), pool.instance():
            pass
        assert pool.n_used == 0


def _with(limits: aot.StoreLimits, **values: int) -> aot.StoreLimits:
    from dataclasses import replace

    return replace(limits, **values)


def test_a_failing_start_function(wat: Callable[[str], aot.Module]) -> None:
    module = wat("""(module (import "a" "f" (func $f)) (memory (export "memory") 1)
      (func $start (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1))) call $f)
      (start $start))""")
    fails = True

    def f() -> None:
        if fails:
            raise ValueError("not yet")

    with module.pool(a={"f": f}) as pool:
        for _ in range(3):
            with pytest.raises(ValueError, match="not yet"), pool.instance():
                pass
        fails = False
        with pool.instance() as i:
            assert i.memory[0] == 1
        assert pool.n_free == 1


def test_modules_share_a_pool(wat: Callable[[str], aot.Module]) -> None:
    with aot.Pool(max_instances=2) as pool:
        addresses = []
        for _ in range(3):
            with pool.instance(wat(TRAPPING)) as a:
                addresses.append(a._address)
            with pool.instance(wat(STATE), env={"say": echo}) as b:
                check_first(b)
        assert len(set(addresses)) == 1 and pool.n_free == 2
        with pool.instance(wat("(module)")):
            assert (pool.n_used, pool.n_free) == (1, 1)  # the one that was used least recently made room
        with pytest.raises(aot.UsageError, match="name one"):
            pool.instance()


def test_programs_with_wasi_are_made_anew(wat: Callable[[str], aot.Module]) -> None:
    module = wat("""(module (import "wasi_snapshot_preview1" "args_sizes_get" (func $f (param i32 i32) (result i32)))
      (memory (export "memory") 1) (func (export "n") (result i32)
        (drop (call $f (i32.const 0) (i32.const 4))) (i32.load (i32.const 0))))""")
    with module.pool(wasi=aot.Wasi(args=["a", "b"])) as pool:
        for _ in range(2):
            with pool.instance() as i:
                assert i.memory[0] == 0 and i.n() == 2 and i.wasi is not None
        assert pool.n_free == 0
    with module.pool() as pool, pytest.raises(aot.LinkError, match="wasi="), pool.instance():
        pass


def test_shared_memories(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    own = wat('(module (memory (export "memory") 1 2 shared))')
    with own.pool() as pool:
        with pool.instance() as i:
            i.memory.buffer[0] = 1
        with pool.instance() as i:
            assert i.memory.buffer[0] == 0
        assert pool.n_free == 0
    shared = aot.SharedMemory(engine, aot.MemoryType(aot.Limits(1, 2), is_shared=True))
    with wat('(module (import "a" "m" (memory 1 2 shared)) (export "memory" (memory 0)))').pool(
        a={"m": shared}
    ) as pool:
        with pool.instance() as i:
            i.memory.buffer[0] = 5
        with pool.instance() as i:
            assert i.memory.buffer[0] == 5
        assert pool.n_free == 1


def test_in_threads_each_has_its_own(wat: Callable[[str], aot.Module]) -> None:
    failures: list[BaseException] = []
    with wat(STATE).pool(env={"say": echo}) as pool:

        def work(n: int) -> None:
            try:
                for _ in range(50):
                    with pool.instance() as i:
                        assert i.memory[n] == 0
                        i.fill(0, 8192)
                        assert i.say(n) == n
            except BaseException as err:
                failures.append(err)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == [] and pool.n_used == 0 and 1 <= pool.n_free <= 4


def test_in_a_child_process(wat: Callable[[str], aot.Module]) -> None:
    """A child must not take its parent's pages for its own."""
    with wat(STATE).pool(env={"say": echo}) as pool:
        with pool.instance() as i:
            i.fill(0, 1 << 16)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                for _ in range(3):
                    with pool.instance() as i:
                        check_first(i)
                        spoil(i)
                status = 0
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        with pool.instance() as i:
            check_first(i)


def test_giving_back_what_runs_or_twice(wat: Callable[[str], aot.Module]) -> None:
    leases: list[Lease] = []

    def give_back(n: int) -> int:
        leases[0].__exit__(None, None, None)
        return n

    with wat(STATE).pool(env={"say": give_back}) as pool:
        lease = pool.instance()
        leases.append(lease)
        with lease as i:
            assert i.say(4) == 4  # given back while it runs: its slot is not used again
            assert pool.n_free == 0
        assert (pool.n_used, pool.n_free) == (0, 0)
        with lease, pytest.raises(aot.UsageError, match="in use already"):
            lease.__enter__()


N_RESETS = int(os.environ.get("POOL_RESETS", "2000"))


def test_many_resets(wat: Callable[[str], aot.Module]) -> None:
    """Memory, descriptors and mappings stay as they are; no byte of a former use shows. POOL_RESETS says how many."""
    with wat(STATE).pool(env={"say": echo}, keep_resident=16 << 10) as pool:
        marks = []
        for n in range(N_RESETS):
            with pool.instance() as i:
                content = i.memory[0 : 2 << 16]
                assert content.count(0) == len(content) - 11 and content[5000:5011] == b"first state"
                i.fill(n * 7919 % (1 << 17), 1)
                i.fill(n * 104729 % (1 << 16), 1 << 14)
                if n % 10 == 0:
                    i.grow(3)
                    i.fill(2 << 16, 3 << 16)
            if n in (N_RESETS // 2, N_RESETS - 1):
                marks.append(_footprint())
        (rss, fds, maps), (rss2, fds2, maps2) = marks
        assert fds == fds2 and maps2 <= maps + 2 and rss2 < rss + (4 << 20)


def _footprint() -> tuple[int, int, int]:
    """Resident bytes, open descriptors, mappings."""
    rss = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    return rss, len(list(Path("/proc/self/fd").iterdir())), len(Path("/proc/self/maps").read_text().splitlines())
