"""Shared memories from Python: what they are, what may import them, how long they live, what limits hold."""

from __future__ import annotations

import gc

import pytest

import aot
from aot import Limits, MemoryType, SharedMemory
from tests.embed.conftest import Compile

IMPORTS = """(module (import "env" "memory" (memory 1 4 shared))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "put") (param i32 i32) (i32.store (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "size") (result i32) (memory.size)))"""

EXPORTS = """(module (memory (export "memory") 1 4 shared) (data (i32.const 16) "abcd")
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"""


def shared(minimum: int, maximum: int | None) -> MemoryType:
    return MemoryType(Limits(minimum, maximum), is_shared=True)


@pytest.fixture
def memory(engine: aot.Engine) -> SharedMemory:
    return SharedMemory(engine, shared(1, 4))


def test_type_and_size(memory: SharedMemory) -> None:
    assert memory.type() == shared(1, 4)
    assert (memory.size(), memory.data_len(), memory.page_size()) == (1, 65536, 65536)
    assert memory.grow(2) == 1
    assert memory.type() == shared(3, 4)
    assert memory.data_len() == 3 * 65536
    with pytest.raises(aot.ResourceError, match="cannot grow from 3 by 2 pages"):
        memory.grow(2)
    with pytest.raises(aot.UsageError):
        memory.grow(-1)
    assert str(memory) == "<SharedMemory 3 4 shared, 196608 bytes>"


def test_what_it_cannot_be_made_from(engine: aot.Engine, store: aot.Store) -> None:
    with pytest.raises(aot.UsageError, match="is not shared"):
        SharedMemory(engine, MemoryType(Limits(1, 2)))
    with pytest.raises(aot.UsageError, match="must have maximum"):
        SharedMemory(engine, shared(1, None))
    with pytest.raises(aot.UsageError, match="make a SharedMemory"):
        aot.Memory(store, shared(1, 2))
    with pytest.raises(aot.UsageError, match="feature threads is switched off"):
        SharedMemory(aot.Engine(aot.Config(wasm_threads=False)), shared(1, 2))


def test_it_is_no_buffer_but_hands_one_out(memory: SharedMemory) -> None:
    with pytest.raises(TypeError, match="bytes-like"):
        memoryview(memory)  # type: ignore[arg-type]
    view = memory.buffer
    view[4:8] = b"wasm"
    assert len(view) == 65536
    memory.grow(1)
    assert (len(view), len(memory.buffer)) == (65536, 131072)
    assert memory.read(4, 8) == b"wasm"
    assert memory.write(b"12", -2) == 2
    assert bytes(memory.buffer[-2:]) == b"12"
    assert memory.data_ptr()[4] == ord("w")
    with pytest.raises(IndexError, match="3 bytes at 131070"):
        memory.write(b"123", -2)


def test_a_buffer_outlives_everything_else(wat: Compile) -> None:
    instance = wat(EXPORTS)()
    view = instance.memory.buffer
    instance.store.close()
    del instance
    gc.collect()
    assert bytes(view[16:20]) == b"abcd"


def test_two_stores_see_one_memory(wat: Compile, memory: SharedMemory) -> None:
    module = wat(IMPORTS)
    a, b = module(env={"memory": memory}), module(env={"memory": memory})
    assert a.store is not b.store
    a.put(8, 0x01020304)
    assert b.load(8) == 0x01020304
    assert memory.read(8, 12) == b"\4\3\2\1"
    assert b.grow(1) == 1
    assert (a.size(), memory.size()) == (2, 2)
    assert a.load(131068) == 0
    with pytest.raises(aot.Trap, match="out of bounds memory access"):
        a.load(131069)


def test_exports_are_shared_memories(wat: Compile) -> None:
    owner = wat(EXPORTS)()
    memory = owner.memory
    assert isinstance(memory, SharedMemory)
    assert memory.type() == shared(1, 4)
    assert owner.exports["memory"] == memory
    assert hash(owner.exports["memory"]) == hash(memory)
    other = wat(EXPORTS)()
    assert other.memory != memory
    user = wat(IMPORTS)(env={"memory": memory})
    assert user.load(16) == int.from_bytes(b"abcd", "little")
    owner.store.close()
    assert user.load(16) == memory.read(16, 20)[0] | 0x64636200


def test_linking_compares_types(wat: Compile, engine: aot.Engine, store: aot.Store) -> None:
    module = wat(IMPORTS)
    for minimum, maximum in ((0, 4), (1, 5)):
        with pytest.raises(aot.LinkError, match="incompatible import type.*expected memory .*1.* shared, got memory"):
            module(env={"memory": SharedMemory(engine, shared(minimum, maximum))})
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        module(env={"memory": aot.Memory(store, MemoryType(Limits(1, 4)))}, store=store)
    unshared = wat('(module (import "env" "memory" (memory 1 4)))')
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        unshared(env={"memory": SharedMemory(engine, shared(1, 4))})
    function = wat('(module (import "env" "memory" (func)))')
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        function(env={"memory": SharedMemory(engine, shared(1, 4))})
    assert module(env={"memory": SharedMemory(engine, shared(2, 3))}).size() == 2


def test_a_linker_defines_it_for_every_store(wat: Compile, engine: aot.Engine, memory: SharedMemory) -> None:
    linker = aot.Linker(engine)
    linker.define(aot.Store(engine), "env", "memory", memory)
    instances = [linker.instantiate(aot.Store(engine), wat(IMPORTS)) for _ in range(2)]
    instances[0].exports["put"](0, 77)
    assert instances[1].exports["load"](0) == 77


def test_limits_are_those_of_the_store_that_grows(wat: Compile, engine: aot.Engine, memory: SharedMemory) -> None:
    tight, wide = aot.Store(engine), aot.Store(engine)
    tight.set_limits(memory_size=2 * 65536)
    module = wat(IMPORTS)
    a, b = module(env={"memory": memory}, store=tight), module(env={"memory": memory}, store=wide)
    assert a.grow(1) == 1
    assert a.grow(1) == -1
    assert b.grow(1) == 2
    assert memory.grow(1) == 3
    assert a.size() == 4


def test_a_failed_instance_leaves_nothing_in_the_store(wat: Compile, engine: aot.Engine, memory: SharedMemory) -> None:
    store = aot.Store(engine)
    store.set_limits(memories=2, memory_size=10 * 65536)
    fails = wat('(module (import "env" "memory" (memory 1 4 shared)) (memory 1 2 shared) (memory 11))')
    for _ in range(5):
        with pytest.raises(aot.ResourceError):
            fails(env={"memory": memory}, store=store)
    instance = wat(IMPORTS)(env={"memory": memory}, store=store)
    assert wat(EXPORTS)(store=store).load(16) != instance.load(16)
    with pytest.raises(aot.ResourceError, match="limit of 2 memories"):
        wat(EXPORTS)(store=store)
    assert wat(IMPORTS)(env={"memory": memory}, store=store).size() == 1  # the same memory again counts once


def test_both_kinds_of_access(memory: SharedMemory, cache_dir: object) -> None:
    """A module that checks its accesses takes a guarded memory, and sees it grow; the other way round is refused."""
    checked = aot.Engine(aot.Config(opt_level=2, memory="checked"))
    user = aot.Module(checked, IMPORTS)(env={"memory": memory})
    with pytest.raises(aot.Trap, match="out of bounds"):
        user.load(65536)
    memory.grow(1)
    assert user.load(65536) == 0
    small = SharedMemory(checked, shared(1, 4))
    assert aot.Module(checked, IMPORTS)(env={"memory": small}).grow(1) == 1
    guarded = aot.Engine(aot.Config(opt_level=0, memory="guard"))
    with pytest.raises(aot.LinkError, match="guard regions"):
        aot.Module(guarded, IMPORTS)(env={"memory": small})


def test_the_feature_can_be_switched_off(cache_dir: object) -> None:
    engine = aot.Engine(aot.Config(wasm_threads=False))
    with pytest.raises(aot.ModuleError, match="threads"):
        aot.Module(engine, IMPORTS)
    with pytest.raises(aot.ModuleError, match="threads"):
        aot.Module(engine, "(module (func atomic.fence))")


def test_atomics_need_no_shared_memory(wat: Compile) -> None:
    instance = wat("""(module (memory 1)
      (func (export "add") (param i32) (result i32) (i32.atomic.rmw.add offset=4 (local.get 0) (i32.const 1)))
      (func (export "wait") (result i32) (memory.atomic.wait32 (i32.const 0) (i32.const 0) (i64.const 0)))
      (func (export "notify") (result i32) (memory.atomic.notify (i32.const 0) (i32.const 1))))""")()
    assert [instance.add(0), instance.add(0), instance.notify()] == [0, 1, 0]
    with pytest.raises(aot.Trap, match="expected shared memory") as waited:
        instance.wait()
    assert waited.value.trap_code is aot.TrapCode.WAIT_ON_UNSHARED
    with pytest.raises(aot.Trap, match="unaligned atomic") as unaligned:
        instance.add(65537)
    assert unaligned.value.trap_code is aot.TrapCode.HEAP_MISALIGNED
    with pytest.raises(aot.Trap, match="out of bounds memory access"):
        instance.add(65532)
