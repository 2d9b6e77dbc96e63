"""Imports: how they are given, what is refused, instances as each other's imports."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile

CONSUMER = """(module
  (import "lib" "add" (func $add (param i32 i32) (result i32)))
  (import "lib" "memory" (memory 1))
  (import "lib" "counter" (global $counter (mut i32)))
  (import "lib" "table" (table 1 funcref))
  (func (export "f") (param i32) (result i32)
    (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
    (i32.store8 (i32.const 0) (local.get 0))
    (call $add (local.get 0) (call_indirect (result i32) (i32.const 0))))
  (export "add_again" (func $add)))"""
LIB = """(module
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $ten (result i32) (i32.const 10))
  (memory (export "memory") 1) (global (export "counter") (mut i32) (i32.const 0))
  (table (export "table") 1 funcref) (elem (i32.const 0) $ten))"""


def test_an_instance_as_a_module(wat: Compile) -> None:
    lib = wat(LIB)()
    user = wat(CONSUMER)(lib=lib, store=lib.store)
    assert user.f(5) == 15
    assert lib.counter.value == 1
    assert lib.memory[0] == 5
    assert user.add_again == lib.add
    assert user.add_again(1, 2) == 3


def test_every_way_to_give_imports(wat: Compile) -> None:
    lib = wat(LIB)()
    items = dict(lib.exports)
    ways: list[Any] = [{"lib": lib}, {"lib": items}, {"lib": lib.exports}]
    ways.append([items[i.name] for i in wat(CONSUMER).imports])
    for imports in ways:
        assert wat(CONSUMER)(imports, store=lib.store).f(1) == 11
        assert aot.Instance(lib.store, wat(CONSUMER), imports).f(1) == 11
    with pytest.raises(TypeError, match="not both"):
        wat(CONSUMER)(ways[-1], lib=lib)


def test_missing_imports_are_named(wat: Compile) -> None:
    lib = wat(LIB)()
    items: dict[str, Any] = dict(lib.exports)
    del items["counter"]
    with pytest.raises(aot.LinkError, match=r'^unknown import: "lib" "counter" \(global \(mut i32\)\)$'):
        wat(CONSUMER)(lib=items, store=lib.store)
    with pytest.raises(aot.LinkError, match=r'^unknown import: "lib" "add" \(func \[i32 i32\] -> \[i32\]\)$'):
        wat(CONSUMER)()
    with pytest.raises(aot.LinkError, match="expected 4 imports, 1 given"):
        wat(CONSUMER)([lib.add], store=lib.store)
    with pytest.raises(TypeError, match='imports of module "lib" must be a mapping or an Instance, not int'):
        wat(CONSUMER)(lib=5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("add", 1),
        ("memory", print),
        ("counter", 5),
        ("table", []),
        ("memory", None),
        ("add", "memory"),
        ("memory", "add"),
    ],
)
def test_imports_of_the_wrong_kind(wat: Compile, name: str, value: object) -> None:
    lib = wat(LIB)()
    given = lib.exports[value] if isinstance(value, str) else value
    with pytest.raises(aot.LinkError, match=f'^incompatible import type: "lib" "{name}"'):
        wat(CONSUMER)(lib={**lib.exports, name: given}, store=lib.store)


def test_imports_of_the_wrong_type(wat: Compile, store: aot.Store) -> None:
    i32, i64 = aot.ValType.i32(), aot.ValType.i64()
    lib = wat(LIB)(store=store)
    wrong = {
        "add": aot.Func(store, aot.FuncType([i32, i64], [i32]), lambda a, b: 0),
        "memory": aot.Memory(store, aot.MemoryType(aot.Limits(0))),
        "counter": aot.Global(store, aot.GlobalType(i32, False), 0),
        "table": aot.Table(store, aot.TableType(aot.ValType.externref(), aot.Limits(1))),
    }
    for name, value in wrong.items():
        with pytest.raises(aot.LinkError, match="incompatible import type"):
            wat(CONSUMER)(lib={**lib.exports, name: value}, store=store)


def test_imports_of_another_store(wat: Compile, engine: aot.Engine) -> None:
    lib = wat(LIB)()
    with pytest.raises(aot.UsageError, match=r'import "lib" "add" .* belongs to another store'):
        wat(CONSUMER)(lib=lib)
    other = wat(LIB)()
    with pytest.raises(aot.UsageError, match="another store"):
        lib.table[0] = other.add
    with pytest.raises(aot.UsageError, match="another store"):
        lib.exports(other.store)
    with pytest.raises(aot.UsageError, match="another store"):
        lib.memory.size(other.store)


def test_plain_numbers_for_immutable_globals(wat: Compile) -> None:
    module = wat("""(module (import "env" "i" (global $i i32)) (import "env" "f" (global $f f64))
      (func (export "get") (result i32 f64) (global.get $i) (global.get $f)))""")
    assert module(env={"i": 7, "f": 0.5}).get() == (7, 0.5)
    with pytest.raises(aot.LinkError, match=r'incompatible import type: "env" "i" \(global i32\): .*expected an int'):
        module(env={"i": "7", "f": 0.5})
    with pytest.raises(aot.LinkError, match="is out of range"):
        module(env={"i": 1 << 32, "f": 0.5})


def test_names_that_are_no_identifiers(wat: Compile) -> None:
    names = ["", "a b", "日本語", 'quo"te', "exports", "*/", "nul\0byte", "store"]
    escaped = ["".join(f"\\{byte:02x}" for byte in name.encode()) for name in names]
    funcs = "".join(f'(func (export "{name}") (result i32) (i32.const {i}))' for i, name in enumerate(escaped))
    inst = wat(f"(module {funcs})")()
    assert list(inst.exports) == names
    assert [inst.exports[name]() for name in names] == list(range(len(names)))
    assert inst.exports["exports"]() == 4
    assert inst.store.closed is False


def test_a_guest_takes_no_part_in_python_protocols(wat: Compile) -> None:
    inst = wat('(module (func (export "__copy__") (result i32) (i32.const 1)) (func (export "__heap_base")))')()
    with pytest.raises(TypeError, match="cannot pickle an instance"):
        copy.copy(inst)
    assert not hasattr(inst, "__copy__")
    assert inst.exports["__copy__"]() == 1
    assert inst.__heap_base() is None


def test_exports_are_a_mapping_in_order(wat: Compile) -> None:
    inst = wat(LIB)()
    assert list(inst.exports) == ["add", "memory", "counter", "table"]
    assert len(inst.exports) == 4
    assert "add" in inst.exports
    assert "nothing" not in inst.exports
    assert inst.exports["add"] is inst.exports["add"]
    assert inst.exports["add"] is inst.add
    assert inst.exports.get("nothing") is None
    assert [type(x) for x in inst.exports.by_index] == [aot.Func, aot.Memory, aot.Global, aot.Table]
    with pytest.raises(KeyError):
        inst.exports["nothing"]
    with pytest.raises(AttributeError, match="no export 'nothing'"):
        inst.nothing  # noqa: B018
    assert "counter" in dir(inst)
    assert not hasattr(inst, "__array_interface__")


def test_a_host_function_between_two_instances(wat: Compile) -> None:
    """The funcref of a host function keeps its identity through an import and an export."""
    module = wat('(module (import "e" "f" (func $f)) (export "f" (func $f)) (export "g" (func $f)))')
    inst = module(e={"f": lambda: None})
    assert inst.f == inst.g
    inst.f()


def test_more_than_one_memory(wat: Compile) -> None:
    inst = wat("""(module (memory $a (export "a") 1) (memory $b (export "b") 2)
      (func (export "copy") (memory.copy $b $a (i32.const 0) (i32.const 0) (i32.const 4))))""")()
    inst.a[0:4] = b"1234"
    inst.copy()
    assert inst.b[0:4] == b"1234"
    assert [inst.a.size(), inst.b.size()] == [1, 2]
