"""Whatever belongs to a store is refused where another store is used, and nothing happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile

I32 = aot.ValType.i32()
NOTHING = aot.FuncType([], [])
LIB = """(module
  (func (export "f") (result i32) (i32.const 1)) (func (export "refs") (param funcref externref))
  (func (export "give") (result funcref) (table.get (i32.const 0)))
  (memory (export "memory") 1) (table (export "table") 1 funcref)
  (global (export "global") (mut funcref) (ref.null func))
  (tag (export "tag")))"""

Use = Callable[[aot.Instance, aot.Instance], Any]
"""What is done with something of the first instance and the store of the second, or the other way round."""

USES: dict[str, Use] = {
    "call": lambda a, b: a.f(b.store),
    "func type": lambda a, b: a.f.type(b.store),
    "exports": lambda a, b: a.exports(b.store),
    "argument": lambda a, b: b.refs(a.f, None),
    "memory type": lambda a, b: a.memory.type(b.store),
    "memory size": lambda a, b: a.memory.size(b.store),
    "memory page size": lambda a, b: a.memory.page_size(b.store),
    "memory data_len": lambda a, b: a.memory.data_len(b.store),
    "memory grow": lambda a, b: a.memory.grow(b.store, 1),
    "memory read": lambda a, b: a.memory.read(b.store, 0, 4),
    "memory write": lambda a, b: a.memory.write(b.store, b"1234"),
    "memory buffer": lambda a, b: a.memory.get_buffer_ptr(b.store),
    "memory data_ptr": lambda a, b: a.memory.data_ptr(b.store),
    "table type": lambda a, b: a.table.type(b.store),
    "table size": lambda a, b: a.table.size(b.store),
    "table get": lambda a, b: a.table.get(b.store, 0),
    "table set": lambda a, b: a.table.set(b.store, 0, None),
    "table set element": lambda a, b: b.table.set(0, a.f),
    "table grow": lambda a, b: a.table.grow(b.store, 1, None),
    "table grow element": lambda a, b: b.table.grow(1, a.f),
    "new table": lambda a, b: aot.Table(b.store, b.table.type(), a.f),
    "global type": lambda a, b: a.exports["global"].type(b.store),
    "global set": lambda a, b: a.exports["global"].set_value(b.store, None),
    "global value": lambda a, b: setattr(b.exports["global"], "value", a.f),
    "new global": lambda a, b: aot.Global(b.store, aot.GlobalType(aot.ValType.funcref(), True), a.f),
    "tag type": lambda a, b: a.tag.type(b.store),
    "tag eq": lambda a, b: a.tag.eq(b.store, a.tag),
    "wasi": lambda a, b: aot.Instance(b.store, b.module, wasi=wasi_of(a.store)),
    "define": lambda a, b: aot.Linker(b.store.engine).define(b.store, "m", "f", a.f),
    "define_instance": lambda a, b: aot.Linker(b.store.engine).define_instance(b.store, "m", a),
    "get": lambda a, b: defined(a).get(b.store, "m", "f"),
    "instantiate": lambda a, b: defined(a).instantiate(b.store, importer(b, "f")),
}


def wasi_of(store: aot.Store) -> aot.wasi.WasiContext:
    store.set_wasi(aot.Wasi())
    assert store.wasi is not None
    return store.wasi


def defined(instance: aot.Instance) -> aot.Linker:
    linker = aot.Linker(instance.store.engine)
    linker.define_instance(instance.store, "m", instance)
    return linker


TYPES = {
    "f": "(func (result i32))",
    "memory": "(memory 1)",
    "table": "(table 1 funcref)",
    "global": "(global (mut funcref))",
    "tag": "(tag)",
}


def importer(instance: aot.Instance, name: str) -> aot.Module:
    return aot.Module(instance.store.engine, f'(module (import "m" "{name}" {TYPES[name]}))')


@pytest.mark.parametrize("use", USES)
def test_use_with_another_store(wat: Compile, use: str) -> None:
    one, other = wat(LIB)(), wat(LIB)()
    with pytest.raises(aot.UsageError, match="another store"):
        USES[use](one, other)
    for inst in (one, other):
        assert inst.memory.size() == 1
        assert list(inst.table) == [None]
        assert inst.exports["global"].value is None


@pytest.mark.parametrize("name", TYPES)
@pytest.mark.parametrize("by_name", [True, False])
def test_import_of_another_store(wat: Compile, name: str, by_name: bool) -> None:
    one, other = wat(LIB)(), wat(LIB)()
    item = one.exports[name]
    with pytest.raises(aot.UsageError, match=f'import "m" "{name}" .* belongs to another store'):
        aot.Instance(other.store, importer(other, name), {"m": {name: item}} if by_name else [item])


def test_what_host_functions_return_and_throw(wat: Compile) -> None:
    one, other = wat(LIB)(), wat(LIB)()
    with pytest.raises(aot.UsageError, match="another store"):
        aot.Func(other.store, aot.FuncType([], [aot.ValType.funcref()]), lambda: one.f)()

    def throw() -> None:
        raise aot.WasmException(one.tag)

    caught = aot.Module(other.store.engine, '(module (import "m" "f" (func $f)) (func (export "f") (call $f)))')
    with pytest.raises(aot.WasmException) as raised:
        caught(m={"f": throw}, store=other.store).f()
    assert raised.value.tag is one.tag


def test_objects_of_a_closed_store(wat: Compile) -> None:
    inst = wat(LIB)()
    items = dict(inst.exports)
    inst.store.close()
    uses: list[Callable[[], Any]] = [
        lambda: items["f"](),
        lambda: items["memory"].size(),
        lambda: items["memory"].read(0, 1),
        lambda: items["table"].get(0),
        lambda: items["table"].grow(1),
        lambda: items["global"].value,
        lambda: inst.store.limits,
        lambda: aot.Instance(inst.store, inst.module),
        lambda: aot.Memory(inst.store, aot.MemoryType(aot.Limits(1))),
        lambda: aot.Func(inst.store, NOTHING, lambda: None),
    ]
    for use in uses:
        with pytest.raises(aot.UsageError, match="the store is closed"):
            use()
