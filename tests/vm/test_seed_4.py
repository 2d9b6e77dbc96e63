"""Seed page 4, `ModuleRuntimeInfo`: each row of the page has a test that says which."""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import aot
from aot.vm import InstanceHandle, ModuleRuntimeInfo, VMOffsets

Compile = Callable[[str], aot.Module]

CODE = """(module (import "a" "f" (func (param i64))) (type $unused (func (param f32)))
  (func $double (export "double") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func $inner (param i32) (result i32) (i32.add (local.get 0) (i32.const 100)))
  (func (export "outer") (param i32) (result i32) (call $inner (call $inner (local.get 0)))))"""


def test_module(wat: Compile) -> None:
    """Page 4, row: module()."""
    module = wat(CODE)
    info = ModuleRuntimeInfo(module)
    assert info.module is module and info.n_functions == 3
    assert InstanceHandle.new(module, {"a": {"f": print}}).info.module is module


class DlInfo(ctypes.Structure):
    _fields_ = (
        ("dli_fname", ctypes.c_char_p),
        ("dli_fbase", ctypes.c_void_p),
        ("dli_sname", ctypes.c_char_p),
        ("dli_saddr", ctypes.c_void_p),
    )


def test_function(wat: Compile) -> None:
    """Page 4, row: function(DefinedFuncIndex). The address lies in the .so, and calling it is calling the function."""
    module = wat(CODE)
    handle = InstanceHandle.new(module, {"a": {"f": print}})
    handle.finish()
    info = handle.info
    signature = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_void_p, ctypes.c_uint32)
    assert signature(info.function(0))(handle.vmctx_ptr, 21) == 42
    assert signature(info.function(1))(handle.vmctx_ptr, 1) == 101
    assert signature(info.function(2))(handle.vmctx_ptr, 1) == handle.lookup("outer")(1) == 201
    dladdr = ctypes.CDLL(None).dladdr
    bases = set()
    for index in range(3):
        found = DlInfo()
        assert dladdr(ctypes.c_void_p(info.function(index)), ctypes.byref(found)) != 0
        bases.add(found.dli_fbase)
        with Path(os.fsdecode(found.dli_fname)).open("rb") as file:
            assert file.read(4) == b"\x7fELF"
    assert len(bases) == 1
    # the code of a function value is the same
    assert info.function(0) in {ref.code for ref in handle.vmctx.refs}
    for wrong in (-1, 3):
        with pytest.raises(IndexError):
            info.function(wrong)


def test_function_that_was_inlined(cache_dir: Path, tmp_path: Path) -> None:
    """Page 4, row: function, the case without an address of its own; those that are values always have one."""
    info = ModuleRuntimeInfo(aot.Module(aot.Engine(aot.Config(opt_level=2)), CODE))
    assert info.function(0) and info.function(2)
    with pytest.raises(LookupError, match="no code of its own"):
        info.function(1)


def test_function_without_symbols(wat: Compile, engine: aot.Engine, tmp_path: Path) -> None:
    """Page 4, row: function, of a file that was stripped or whose symbol table is damaged."""
    from aot.embed.wat import to_wasm

    aot.compile(to_wasm(CODE), tmp_path / "m.so", aot.Config(opt_level=0))
    data = bytearray((tmp_path / "m.so").read_bytes())
    assert data.count(b"\0w_f2\0") == 1
    at = data.index(b"\0w_f2\0")
    data[at + 1 : at + 5] = b"gone"
    (tmp_path / "n.so").write_bytes(data)
    info = ModuleRuntimeInfo(aot.Module.deserialize_file(engine, tmp_path / "n.so"))
    assert info.function(0) and info.function(2)
    with pytest.raises(LookupError):
        info.function(1)


ZEROS_AROUND = r'(data (i32.const 0) "\00") (data (i32.const 9000) "x") (data (i32.const 20480) "\00")'
IMAGES = {
    "one": ('(memory 2) (data (i32.const 4099) "abc")', (4096, 4096, {3: b"abc"})),
    "two pages": ('(memory 2) (data (i32.const 4095) "ab")', (0, 8192, {4095: b"ab"})),
    "overlapping": ('(memory 2) (data (i32.const 5) "abc") (data (i32.const 6) "z")', (0, 4096, {5: b"azc"})),
    "zeros at both ends": (f"(memory 2) {ZEROS_AROUND}", (8192, 4096, {808: b"x"})),
    "64-bit": ('(memory i64 2) (data (i64.const 100) "abc")', (0, 4096, {100: b"abc"})),
}
NO_IMAGE = {
    "nothing": "(memory 1)",
    "passive": '(memory 1) (data "abc")',
    "offset not constant": '(import "a" "g" (global i32)) (memory 1) (data (offset (global.get 0)) "abc")',
    "out of bounds": '(memory 1) (data (i32.const 65535) "abc")',
    "sparse": '(memory 100) (data (i32.const 0) "a") (data (i32.const 6000000) "b")',
    "a page that is not the memory's alone": '(memory 5000 (pagesize 1)) (data (i32.const 4500) "a")',
}


@pytest.mark.parametrize("name", IMAGES)
def test_memory_image(wat: Compile, name: str) -> None:
    """Page 4, row: memory_image. What the specification says fresh memories hold; whole pages, zeros trimmed."""
    text, (start, size, places) = IMAGES[name]
    module = wat(f'(module {text} (export "m" (memory 0)))')
    image = ModuleRuntimeInfo(module).memory_image(0)
    assert image is not None and (image.linear_offset, image.len) == (start, size)
    expected = bytearray(size)
    for at, content in places.items():
        expected[at : at + len(content)] = content
    assert bytes(image.content) == bytes(expected) == os.pread(image.fd, image.len, image.file_offset)
    assert image.file_offset % 4096 == 0 and image.content.readonly
    memory = module().m
    whole = bytearray(len(memory))
    whole[start : start + size] = expected
    assert bytes(memory) == bytes(whole)


@pytest.mark.parametrize("name", NO_IMAGE)
def test_no_memory_image(wat: Compile, name: str) -> None:
    """Page 4, row: memory_image, each case in which there is none."""
    assert ModuleRuntimeInfo(wat(f"(module {NO_IMAGE[name]})")).memory_image(0) is None


def test_memory_images_by_index(wat: Compile) -> None:
    """Page 4, row: memory_image. Indices leave imports out: an imported memory has none."""
    module = wat("""(module (import "a" "m" (memory 1)) (memory 1) (memory 1)
      (data (memory 2) (i32.const 0) "second") (data (memory 0) (i32.const 0) "imported"))""")
    info = ModuleRuntimeInfo(module)
    second = info.memory_image(1)
    assert info.memory_image(0) is None and second is not None and bytes(second.content[0:6]) == b"second"
    for wrong in (-1, 2):
        with pytest.raises(IndexError):
            info.memory_image(wrong)
    content = second.content
    del second, info, module
    gc.collect()
    assert bytes(content[0:6]) == b"second"


def test_unique_id(engine: aot.Engine, cache_dir: Path, tmp_path: Path) -> None:
    """Page 4, row: unique_id(). One file, one module; `content_id` is the same for copies of it."""
    from aot.embed.wat import to_wasm

    wasm = to_wasm('(module (func (export "unique_id")))')
    aot.compile(wasm, tmp_path / "a.so", aot.Config(opt_level=0))
    shutil.copy(tmp_path / "a.so", tmp_path / "b.so")
    a, again, b = (
        ModuleRuntimeInfo(aot.Module.deserialize_file(engine, tmp_path / name)) for name in ("a.so", "a.so", "b.so")
    )
    assert a.unique_id == again.unique_id != b.unique_id and a.content_id == b.content_id
    assert len(a.content_id) == 32
    other = ModuleRuntimeInfo(aot.Module(engine, '(module (func (export "other")))'))
    assert other.content_id != a.content_id
    old = a.unique_id
    del a, again
    gc.collect()
    assert ModuleRuntimeInfo(aot.Module.deserialize_file(engine, tmp_path / "a.so")).unique_id > max(old, b.unique_id)


def test_wasm_data(wat: Compile) -> None:
    """Page 4, row: wasm_data(). Slices of it are the segments."""
    module = wat('(module (memory 1) (data "passive") (data (i32.const 0) "active") (data "another") (data ""))')
    info = ModuleRuntimeInfo(module)
    assert bytes(info.wasm_data) == b"passiveanother" and info.wasm_data.readonly
    assert [bytes(info.data_segment(n)) for n in (0, 2, 3)] == [b"passive", b"another", b""]
    with pytest.raises(aot.UsageError, match="part of a memory's image"):
        info.data_segment(1)
    with pytest.raises(IndexError):
        info.data_segment(4)
    assert len(ModuleRuntimeInfo(wat("(module)")).wasm_data) == 0


def test_signature_ids(wat: Compile, store: aot.Store) -> None:
    """Page 4, row: signature_ids(). Equal types of two modules have one id, so calls through tables match."""
    one = wat("""(module (type $a (func (param i32) (result i32))) (type $b (func))
      (table (export "t") 1 funcref) (elem (i32.const 0) $f)
      (func $f (type $a) (i32.add (local.get 0) (i32.const 1))))""")
    two = wat("""(module (import "a" "t" (table 1 funcref)) (type $b (func)) (type $c (func (param i64)))
      (type $a (func (param i32) (result i32)))
      (func (export "good") (result i32) (call_indirect (type $a) (i32.const 41) (i32.const 0)))
      (func (export "bad") (call_indirect (type $b) (i32.const 0))))""")
    ids, others = (ModuleRuntimeInfo(module).signature_ids for module in (one, two))
    assert ids.typecode == "I" and ids[0] == others[2] and ids[1] == others[0] and others[1] not in ids
    assert len({*others[:3]}) == 3
    first = aot.Instance(store, one, [])
    second = aot.Instance(store, two, [first.t])
    assert second.good() == 42
    with pytest.raises(aot.Trap, match="indirect call type mismatch"):
        second.bad()


def test_offsets(wat: Compile) -> None:
    """Page 4, row: offsets(). The same table that handles have."""
    module = wat(CODE)
    info = ModuleRuntimeInfo(module)
    assert isinstance(info.offsets, VMOffsets) and info.offsets is info.offsets
    assert dict(info.offsets) == dict(InstanceHandle.new(module, {"a": {"f": print}}).offsets)
    assert info.offsets["f0"].size == 16 and "VMOffsets of" in repr(info.offsets) and "ModuleRuntimeInfo" in repr(info)


def test_of_an_image(wat: Compile) -> None:
    """Page 4, all rows, for a module that begins in another state: same code, other data."""
    module = wat('(module (memory (export "m") 1) (data (i32.const 0) "a") (func $f (export "f")))')
    instance = module()
    instance.m[5000] = 9
    warm = ModuleRuntimeInfo(module.with_image(instance.snapshot()))
    cold = ModuleRuntimeInfo(module)
    assert warm.unique_id != cold.unique_id and warm.content_id != cold.content_id
    assert warm.function(0) == cold.function(0) and warm.signature_ids == cold.signature_ids
    image = warm.memory_image(0)
    assert image is not None and (image.linear_offset, image.len) == (0, 8192)
    assert image.content[0] == ord("a") and image.content[5000] == 9
