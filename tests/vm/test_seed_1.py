"""Seed page 1, `wasmtime::Instance`: each row of the page has a test that says which."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Protocol

import pytest

import aot

Compile = Callable[[str], aot.Module]

KINDS = """(module (func (export "f") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (table (export "t") 2 funcref) (memory (export "m") 1) (global (export "g") (mut i32) (i32.const 3))
  (tag (export "e") (param i32)) (memory (export "s") 1 2 shared))"""
I32 = aot.ValType.i32()


def test_type(wat: Compile, engine: aot.Engine) -> None:
    """Page 1, row: type. The store owns everything; an instance keeps its store; another store's use is an error."""
    store = aot.Store(engine)
    instance = aot.Instance(store, wat(KINDS), [])
    with pytest.raises(aot.UsageError, match="another store"):
        instance.exports(aot.Store(engine))
    func = instance.f
    del store, instance
    gc.collect()
    assert func(2, 3) == 5
    func.store.close()
    with pytest.raises(aot.UsageError, match="closed"):
        func(2, 3)


def test_new_in_order(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: new(store, module, imports). Imports are given one to one, in the order of `Module.imports`."""
    module = wat("""(module (import "b" "two" (func $two (result i32))) (import "a" "one" (func $one (result i32)))
      (func (export "sum") (result i32) (i32.sub (call $two) (call $one))))""")
    assert [(i.module, i.name) for i in module.imports] == [("b", "two"), ("a", "one")]
    one, two = (aot.Func(store, aot.FuncType([], [I32]), lambda n=n: n) for n in (1, 20))
    assert aot.Instance(store, module, [two, one]).sum() == 19
    assert aot.Instance(store, module, [one, two]).sum() == -19


def test_new_takes_a_subtype(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: new, types. A subtype will do, and a function keeps its own type."""
    module = wat("""(module (type $none (func)) (type $f (func (param i32)))
      (import "a" "f" (func $f (type $f))) (export "f" (func $f)) (import "a" "g" (global (ref null func))))""")
    func = aot.Func(store, aot.FuncType([I32], []), lambda n: None)
    known = aot.Instance(
        store,
        wat('(module (func $f) (elem declare func $f) (global (export "g") (ref func) (ref.func $f)))'),
        [],
    )
    instance = aot.Instance(store, module, [func, known.g])
    assert instance.f == func and instance.f.type() == aot.FuncType([I32], [])


WRONG: dict[str, tuple[str, Callable[[aot.Store], object]]] = {
    "kind": ('(import "a" "x" (func))', lambda s: aot.Memory(s, aot.MemoryType(aot.Limits(1)))),
    "function": ('(import "a" "x" (func (param i32)))', lambda s: aot.Func(s, aot.FuncType([], []), lambda: None)),
    "memory too small": ('(import "a" "x" (memory 2))', lambda s: aot.Memory(s, aot.MemoryType(aot.Limits(1)))),
    "memory without maximum": (
        '(import "a" "x" (memory 1 2))',
        lambda s: aot.Memory(s, aot.MemoryType(aot.Limits(1))),
    ),
    "table element": (
        '(import "a" "x" (table 1 externref))',
        lambda s: aot.Table(s, aot.TableType(aot.ValType.funcref(), aot.Limits(1)), None),
    ),
    "global mutability": (
        '(import "a" "x" (global (mut i32)))',
        lambda s: aot.Global(s, aot.GlobalType(I32, False), 1),
    ),
    "global type": ('(import "a" "x" (global i64))', lambda s: aot.Global(s, aot.GlobalType(I32, False), 1)),
    "tag": (
        '(import "a" "x" (tag (param i32)))',
        lambda s: aot.Tag(s, aot.TagType(aot.FuncType([], []))),
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_new_refuses_types(wat: Compile, store: aot.Store, what: str) -> None:
    """Page 1, row: new, errors. The type of an import does not match."""
    text, make = WRONG[what]
    with pytest.raises(aot.LinkError, match="incompatible import type") as caught:
        aot.Instance(store, wat(f"(module {text})"), [make(store)])
    assert '"a" "x"' in str(caught.value)


def test_new_refuses_counts(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: new, errors. As many imports as the module has."""
    module = wat('(module (import "a" "x" (func)))')
    func = aot.Func(store, aot.FuncType([], []), lambda: None)
    for given in ([], [func, func]):
        with pytest.raises(aot.LinkError, match="expected 1 imports"):
            aot.Instance(store, module, given)


def test_new_refuses_other_stores(wat: Compile, engine: aot.Engine, store: aot.Store) -> None:
    """Page 1, row: new, the panic over another store's import: an error here."""
    func = aot.Func(aot.Store(engine), aot.FuncType([], []), lambda: None)
    with pytest.raises(aot.UsageError, match="another store"):
        aot.Instance(store, wat('(module (import "a" "x" (func)))'), [func])


def test_new_keeps_to_limits(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: new, errors. Limits are exceeded."""
    store.set_limits(memory_size=1 << 16, table_elements=5, instances=1)
    for text in ("(module (memory 2))", "(module (table 6 funcref))"):
        with pytest.raises(aot.ResourceError, match="exceeds the store's limits"):
            aot.Instance(store, wat(text), [])
    aot.Instance(store, wat("(module)"), [])
    with pytest.raises(aot.ResourceError, match="limit of 1 instances"):
        aot.Instance(store, wat("(module)"), [])


def test_start(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: start vs `_start`. The start function runs, `_start` does not."""
    calls: list[int] = []
    module = wat("""(module (import "a" "f" (func $f (param i32)))
      (func $s (call $f (i32.const 1))) (start $s) (func (export "_start") (call $f (i32.const 2))))""")
    instance = module(a={"f": calls.append})
    assert calls == [1]
    instance._start()
    assert calls == [1, 2]


def test_errors(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: errors downcast to Trap. Each failure has a class of its own, with one base."""
    with pytest.raises(aot.Trap) as trap:
        aot.Instance(store, wat("(module (func $s unreachable) (start $s))"), [])
    assert trap.value.trap_code == aot.TrapCode.UNREACHABLE
    classes = (aot.Trap, aot.LinkError, aot.ResourceError, aot.UsageError)
    assert all(issubclass(one, aot.WasmError) for one in classes)
    assert not any(issubclass(one, other) for one in classes for other in classes if one is not other)

    def fail() -> None:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        wat('(module (import "a" "f" (func $f)) (start $f))')(a={"f": fail})


def test_exports(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: exports. In the module's order, by name and by index."""
    instance = aot.Instance(store, wat(KINDS), [])
    assert list(instance.exports) == ["f", "t", "m", "g", "e", "s"] == [e.name for e in instance.module.exports]
    assert instance.exports.by_index[1] == instance.exports["t"] and len(instance.exports) == 6
    assert instance.exports(store)["f"](1, 2) == 3
    with pytest.raises(aot.InvalidError, match="duplicate export name"):
        aot.Module(store.engine, b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\7\x09\2\1a\0\0\1a\0\0\x0a\4\1\2\0\x0b")


def test_get_export(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: get_export. None if there is none; made at the first use, and kept."""
    names = " ".join(f'(export "f{n}" (func 0))' for n in range(2000))
    instance = aot.Instance(store, wat(f"(module (func) {names})"), [])
    gc.collect()
    assert sum(isinstance(o, aot.Func) and o.store is store for o in gc.get_objects()) == 0
    assert instance.get_export("f7") is instance.get_export("f7") is instance.f7
    assert sum(isinstance(o, aot.Func) and o.store is store for o in gc.get_objects()) == 1
    assert instance.get_export("nothing") is None


GETTERS = ("get_func", "get_table", "get_memory", "get_global", "get_tag", "get_shared_memory")
NAMES = ("f", "t", "m", "g", "e", "s")


@pytest.mark.parametrize(("getter", "name"), list(zip(GETTERS, NAMES, strict=True)))
def test_get_of_a_kind(wat: Compile, store: aot.Store, getter: str, name: str) -> None:
    """Page 1, rows: get_func, get_table, get_memory, get_global. None if it is missing, or of another kind."""
    instance = aot.Instance(store, wat(KINDS), [])
    get = getattr(instance, getter)
    assert get(name) == instance.exports[name]
    assert [get(other) for other in (*NAMES, "nothing") if other != name] == [None] * 6


class Adds(Protocol):
    def __call__(self, a: aot.i32, b: aot.i32) -> aot.i32: ...


def test_get_typed_func(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: get_typed_func. An error if it is missing, no function, or of another type."""
    instance = aot.Instance(store, wat(KINDS), [])
    assert instance.get_typed_func("f", params=(I32, I32), results=I32)(2, 3) == 5
    assert instance.get_typed_func("f", Adds)(2, 3) == 5
    for name, results in (("nothing", I32), ("m", I32), ("f", ()), ("f", aot.ValType.i64())):
        with pytest.raises(aot.LinkError):
            instance.get_typed_func(name, params=(I32, I32), results=results)


def test_identity(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: Copy/Clone/Debug. Instances are hashable and equal to themselves; repr tells."""
    one, other = (aot.Instance(store, wat(KINDS), []) for _ in range(2))
    assert one == one and one != other and len({one, other}) == 2
    assert "Instance of" in repr(one)


def test_beyond_the_page(wat: Compile, store: aot.Store) -> None:
    """Page 1, row: beyond the page. The module of an instance; exports by declaration."""
    from aot.vm import InstanceHandle

    module = wat(KINDS)
    instance = aot.Instance(store, module, [])
    assert instance.module is module
    handle = InstanceHandle.of(instance)
    assert {name: handle.lookup_by_declaration(index) for name, index in handle.exports()} == dict(instance.exports)
