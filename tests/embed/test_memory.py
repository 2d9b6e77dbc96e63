"""Memories: the buffer protocol, slices, growth, lifetime of views."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy
import pytest

import aot
from tests.embed.conftest import Compile

MEMORY = """(module (memory (export "memory") 1 4) (data (i32.const 0) "wasm")
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))"""
PAGE = 65536


@pytest.fixture
def inst(wat: Compile) -> aot.Instance:
    return wat(MEMORY)()


def test_views_do_not_copy(inst: aot.Instance) -> None:
    view = memoryview(inst.memory)
    assert (view.nbytes, view.itemsize, view.format, view.readonly, view.ndim) == (PAGE, 1, "B", False, 1)
    assert (view.obj is inst.memory) is True
    assert bytes(view[:4]) == b"wasm"
    view[0] = ord("W")
    assert inst.load(0) == ord("W")
    array = numpy.frombuffer(inst.memory, numpy.uint8)
    array[1] = 65
    assert inst.load(1) == 65
    assert numpy.frombuffer(inst.memory, "<u4", 1, 0)[0] == int.from_bytes(b"WAsm", "little")


def test_views_stay_valid_when_the_memory_grows(inst: aot.Instance) -> None:
    view = memoryview(inst.memory)
    assert inst.grow(1) == 1
    assert inst.memory.grow(1) == 2
    view[3] = 1
    assert inst.load(3) == 1
    assert len(view) == PAGE
    assert len(memoryview(inst.memory)) == 3 * PAGE


def test_views_outlive_every_other_reference(wat: Compile) -> None:
    view = memoryview(wat(MEMORY)().memory)[:4]
    assert bytes(view) == b"wasm"


def test_a_store_with_views_cannot_be_closed(inst: aot.Instance) -> None:
    view = memoryview(inst.memory)
    part = view[:2]
    with pytest.raises(BufferError, match="1 views"):
        inst.store.close()
    view.release()
    with pytest.raises(BufferError):
        inst.store.close()
    part.release()
    memory = inst.memory
    inst.store.close()
    for use in (lambda: memory[0], lambda: len(memory), lambda: memoryview(memory), lambda: memory.grow(0)):
        with pytest.raises(aot.UsageError, match="the store is closed"):
            use()
    assert repr(memory) == "<Memory of a closed store>"


def test_items_and_slices(inst: aot.Instance) -> None:
    memory = inst.memory
    assert len(memory) == PAGE
    assert memory[0] == ord("w")
    assert memory[-1] == 0
    assert memory[0:4] == b"wasm"
    assert memory[3::-1] == b"msaw"
    assert memory[0:4:2] == b"ws"
    assert memory[PAGE - 2 : PAGE + 10] == b"\0\0"
    memory[8:12] = b"abcd"
    memory[12] = 101
    assert memory[8:13] == b"abcde"
    memory[8:12:2] = b"AC"
    assert memory[8:12] == b"AbCd"
    memory[9:12] = memory[8:11]
    assert memory[8:12] == b"AAbC"


def test_bad_items_and_slices(inst: aot.Instance) -> None:
    memory = inst.memory
    for index in (PAGE, -PAGE - 1, 1 << 70):
        with pytest.raises(IndexError):
            memory[index]
        with pytest.raises(IndexError):
            memory[index] = 0
    for byte in (-1, 256, 1 << 70):
        with pytest.raises(ValueError, match=r"byte|fit"):
            memory[0] = byte
    with pytest.raises(ValueError, match="^3 bytes assigned to a slice of 2$"):
        memory[0:2] = b"abc"
    with pytest.raises(TypeError):
        memory["x"]
    with pytest.raises(TypeError):
        memory[0] = "x"
    with pytest.raises(TypeError):
        memory[0:1] = "x"
    with pytest.raises(TypeError, match="cannot be deleted"):
        del memory[0]
    assert memory[0:4] == b"wasm"


def test_wasmtime_shapes(inst: aot.Instance) -> None:
    memory, store = inst.memory, inst.store
    assert memory.size(store) == memory.size() == 1
    assert memory.data_len(store) == PAGE
    assert memory.page_size() == PAGE
    assert memory.read(store, 0, 4) == memory.read(0, 4) == bytearray(b"wasm")
    assert memory.read(store, -4) == bytearray(4)
    assert len(memory.read()) == PAGE
    assert memory.write(store, b"more", 4) == 4
    assert memory.write(bytearray(b"!"), -1) == 1
    assert memory.read(0, 8) == b"wasmmore"
    assert memory[-1] == ord("!")
    for start in (PAGE, PAGE - 3, -3):
        with pytest.raises(IndexError, match="4 bytes"):
            memory.write(store, b"more", start)
    assert memory.grow(store, 2) == 1
    assert memory.type(store) == aot.MemoryType(aot.Limits(3, 4))
    assert repr(memory) == "<Memory 3 4, 196608 bytes>"


def test_read_and_write_check_what_they_get(inst: aot.Instance) -> None:
    memory: Any = inst.memory
    other = aot.Store(inst.store.engine)
    with pytest.raises(aot.UsageError, match="another store"):
        memory.read(other, 0, 1)
    with pytest.raises(aot.UsageError, match="another store"):
        memory.write(other, b"x")
    wrong: Any
    for wrong in ((0, 1, 2), ("x",), (1.5,)):
        with pytest.raises(TypeError):
            memory.read(*wrong)
    for wrong in ((), (b"x", 1, 2), ("text",), (b"x", "1")):
        with pytest.raises(TypeError):
            memory.write(*wrong)
    assert memory.read(None, None) == memory.read(-1 << 80, 1 << 80) == memory[:]
    assert memory.read(5, 2) == b""
    assert memory.write(b"", 1) == 0
    with pytest.raises(IndexError, match="1 bytes at"):
        memory.write(b"x", 1 << 80)
    inst.store.close()
    with pytest.raises(aot.UsageError, match="closed"):
        memory.read(0, 1)
    with pytest.raises(aot.UsageError, match="closed"):
        memory.write(b"x")


def test_strings(inst: aot.Instance) -> None:
    memory = inst.memory
    assert memory.write_string("größe", 100) == 7
    assert memory.read_string(100, 7) == "größe"
    assert memory.write_string("ende", 200, "utf-16-le", terminated=True) == 9
    assert memory.read_string(200, 8, "utf-16-le") == "ende"
    long = "x" * 1000
    assert memory.write_string(long, 1000, terminated=True) == 1001
    assert memory.read_cstring(1000) == long
    assert memory.read_cstring(0) == "wasm"
    assert memory.write_string("x" * 8, PAGE - 8) == 8
    for start, size in ((PAGE - 7, 8), (-1, 1), (0, -1), (PAGE + 1, 0)):
        with pytest.raises(IndexError, match=f"{size} bytes at {start}"):
            memory.read_string(start, size)
    for start in (PAGE - 8, PAGE, -1):
        with pytest.raises(IndexError, match="no zero byte"):
            memory.read_cstring(start)
    with pytest.raises(IndexError):
        memory.write_string("xx", PAGE - 1)
    with pytest.raises(IndexError):
        memory.write_string("x", -1)
    assert memory.read_string(PAGE - 8, 8) == "x" * 8
    memory[0] = 0xFF
    with pytest.raises(UnicodeDecodeError):
        memory.read_cstring(0)
    assert memory.read_cstring(0, errors="replace") == "\ufffdasm"


def test_ctypes(inst: aot.Instance) -> None:
    array = inst.memory.get_buffer_ptr(inst.store)
    assert len(array) == PAGE
    assert bytes(array[:4]) == b"wasm"
    assert inst.memory.data_ptr(inst.store)[2] == ord("s")
    assert bytes(inst.memory.get_buffer_ptr(size=2, offset=1)) == b"as"
    with pytest.raises(ValueError, match="Buffer size too small"):
        inst.memory.get_buffer_ptr(size=PAGE, offset=1)
    with pytest.raises(BufferError):
        inst.store.close()
    assert ctypes.sizeof(array) == PAGE


def test_growth_ends(inst: aot.Instance) -> None:
    memory = inst.memory
    with pytest.raises(aot.ResourceError, match="cannot grow from 1 by 4 pages"):
        memory.grow(4)
    with pytest.raises(aot.UsageError, match="shrink"):
        memory.grow(-1)
    with pytest.raises(OverflowError):
        memory.grow(1 << 64)
    assert memory.grow(0) == 1
    assert memory.grow(3) == 1
    assert inst.grow(1) == -1


def test_a_memory_of_the_host(wat: Compile, store: aot.Store) -> None:
    memory = aot.Memory(store, aot.MemoryType(aot.Limits(1, 2)))
    memory[0:2] = b"hi"
    module = wat("""(module (import "env" "m" (memory 1 2)) (export "again" (memory 0))
      (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0))))""")
    inst = module(env={"m": memory}, store=store)
    assert inst.load(1) == ord("i")
    assert inst.again == memory
    memory[1] = 7
    assert inst.load(1) == 7
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        module(env={"m": aot.Memory(store, aot.MemoryType(aot.Limits(1)))}, store=store)


def test_memory_types_are_checked(store: aot.Store) -> None:
    with pytest.raises(aot.UsageError, match="maximum 1 is out of range"):
        aot.MemoryType(aot.Limits(2, 1))
    with pytest.raises(aot.UsageError, match="minimum 65537 is out of range"):
        aot.MemoryType(aot.Limits(65537))
    with pytest.raises(TypeError, match="expected a MemoryType"):
        aot.Memory(store, aot.Limits(1))  # type: ignore[arg-type]


def test_an_empty_memory(wat: Compile) -> None:
    memory = wat('(module (memory (export "memory") 0))')().memory
    assert len(memory) == 0
    assert bytes(memory) == b""
    assert memory.read() == b""
    with pytest.raises(IndexError):
        memory[0]
    with pytest.raises(IndexError):
        memory.write(b"")
