"""Linkers: whole modules by the conventions of commands and reactors, and what stands for missing imports."""

from __future__ import annotations

import pytest

import aot
from tests.embed.conftest import Compile

COUNTER = """(global $n (mut i32) (i32.const 0))
  (func $count (result i32) (global.set $n (i32.add (global.get $n) (i32.const 1))) (global.get $n))"""
COMMAND = f"""(module {COUNTER} (func (export "_start") (drop (call $count)))
  (func (export "count") (result i32) (call $count)) (func (export "pair") (result i32 i32) (call $count) (call $count))
  (memory (export "memory") 1) (global (export "__heap_base") i32 (i32.const 0)))"""
REACTOR = f"""(module {COUNTER} (func (export "_initialize") (drop (call $count)))
  (export "count" (func $count)) (memory (export "memory") 1) (global (export "n") i32 (i32.const 5)))"""


@pytest.fixture
def linker(engine: aot.Engine) -> aot.Linker:
    return aot.Linker(engine)


def test_a_command_is_new_for_each_call(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    linker.define_module(store, "cmd", wat(COMMAND))
    user = wat("""(module (import "cmd" "count" (func $count (result i32)))
      (func (export "twice") (result i32 i32) (call $count) (call $count)))""")
    assert linker.instantiate(store, user).twice() == (1, 1)
    assert linker.get(store, "cmd", "pair")() == (1, 2)
    assert linker.get_default(store, "cmd")() is None
    with pytest.raises(aot.UnknownImportError):
        linker.get(store, "cmd", "memory")


def test_a_reactor_is_one_instance_and_initialised(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    linker.define_module(store, "lib", wat(REACTOR))
    count = linker.get(store, "lib", "count")
    assert [count(), count()] == [2, 3]
    assert linker.get(store, "lib", "n").value == 5
    assert isinstance(linker.get(store, "lib", "memory"), aot.Memory)


def test_imports_of_a_module_are_resolved_when_it_is_defined(
    wat: Compile, linker: aot.Linker, store: aot.Store
) -> None:
    command = wat('(module (import "env" "f" (func $f (result i32))) (func (export "_start") (drop (call $f))))')
    with pytest.raises(aot.UnknownImportError, match='^unknown import: "env" "f"'):
        linker.define_module(store, "cmd", command)
    calls = iter(range(9))
    linker.define_func("env", "f", aot.FuncType([], [aot.ValType.i32()]), lambda: next(calls))
    linker.define_module(store, "cmd", command)
    linker.get_default(store, "cmd")()
    assert next(calls) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('(func (export "_start")) (func (export "_initialize"))', "both a command and a reactor"),
        ('(global (export "_start") i32 (i32.const 0))', '"_start" must be a function, not a global'),
        ('(memory (export "_initialize") 1)', '"_initialize" must be a function, not a memory'),
        ('(func (export "_start")) (memory (export "heap") 1)', 'export "heap" is not a function but a memory'),
        ('(func (export "_start")) (global (export "memory") i32 (i32.const 0))', '"memory" is not a function but a'),
        ('(func (export "_initialize") (param i32))', "the function '_initialize' is not as expected"),
    ],
)
def test_modules_of_neither_convention(
    wat: Compile, linker: aot.Linker, store: aot.Store, text: str, message: str
) -> None:
    with pytest.raises(aot.LinkError, match=message):
        linker.define_module(store, "m", wat(f"(module {text})"))
    assert "0 definitions" in repr(linker)


def test_a_module_that_fails_defines_nothing(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    with pytest.raises(aot.Trap):
        linker.define_module(store, "m", wat('(module (func (export "f")) (func (export "_initialize") unreachable))'))
    linker.define_func("lib", "n", aot.FuncType([], []), lambda: None)
    linker.define_func("cmd", "pair", aot.FuncType([], []), lambda: None)
    for name, text in (("lib", REACTOR), ("cmd", COMMAND)):
        with pytest.raises(aot.UsageError, match="is already defined"):
            linker.define_module(store, name, wat(text))
    assert "2 definitions" in repr(linker)
    linker.allow_shadowing = True
    linker.define_module(store, "lib", wat(REACTOR))
    assert linker.get(store, "lib", "n").value == 5


def test_the_default_function_of_a_name(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    assert linker.get_default(store, "nobody")() is None
    linker.define_func("a", "_start", aot.FuncType([], [aot.ValType.i32()]), lambda: 1)
    assert linker.get_default(store, "a")() == 1
    linker.define_func("a", "", aot.FuncType([], [aot.ValType.i32()]), lambda: 2)
    assert linker.get_default(store, "a")() == 2
    linker.define(store, "b", "", aot.Global(store, aot.GlobalType(aot.ValType.i32(), False), 1))
    with pytest.raises(aot.LinkError, match='"b" "" is not a function'):
        linker.get_default(store, "b")


NEEDY = """(module (import "env" "f" (func $f (param i32) (result i64 f32 externref funcref v128)))
  (import "env" "have" (func $have (result i32))) (import "wasi_snapshot_preview1" "none" (func $none))
  (func (export "have") (result i32) (call $have)) (func (export "none") (call $none))
  (func (export "f") (result i64 f32 externref funcref v128) (call $f (i32.const 0))) %s)"""
DATA = """(import "env" "g" (global (mut f64))) (import "env" "e" (global externref))
  (import "env" "m" (memory 1 2)) (import "env" "s" (memory 1 2 shared)) (import "env" "t" (table 3 funcref))
  (import "env" "tag" (tag (param i32)))"""


def test_unknown_functions_as_traps(wat: Compile, linker: aot.Linker, engine: aot.Engine) -> None:
    linker.define_func("env", "have", aot.FuncType([], [aot.ValType.i32()]), lambda: 42)
    linker.define_unknown_imports_as_traps(wat(NEEDY % ""))
    for _ in range(2):  # for any store
        inst = linker.instantiate(aot.Store(engine), wat(NEEDY % ""))
        assert inst.have() == 42
        with pytest.raises(aot.Trap, match='(?m)^unknown import: "env" "f" has not been defined$'):
            inst.f()
        with pytest.raises(aot.Trap, match='"wasi_snapshot_preview1" "none"'):
            inst.none()


def test_traps_are_for_functions_only(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    module = wat('(module (import "env" "f" (func)) (import "env" "g" (global i32)))')
    linker.define_unknown_imports_as_traps(module)
    with pytest.raises(aot.UnknownImportError, match='"env" "g"'):
        linker.instantiate(store, module)


def test_traps_do_not_stand_for_wasi(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    linker.define_wasi()
    store.set_wasi(aot.Wasi())
    module = wat("""(module (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory (export "memory") 1) (func (export "yield") (result i32) (call $yield)))""")
    linker.define_unknown_imports_as_traps(module)
    assert linker.instantiate(store, module).exports["yield"]() == 0


def test_unknown_imports_as_default_values(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    module = wat("(module " + DATA + NEEDY.removeprefix("(module") % "")
    linker.define_unknown_imports_as_default_values(store, module)
    inst = linker.instantiate(store, module)
    assert inst.f() == (0, 0.0, None, None, bytes(16))
    assert inst.have() == 0
    assert inst.none() is None
    assert linker.get(store, "env", "g").value == 0.0
    assert linker.get(store, "env", "e").value is None
    assert linker.get(store, "env", "m").type() == aot.MemoryType(aot.Limits(1, 2))
    assert isinstance(linker.get(store, "env", "s"), aot.SharedMemory)
    assert list(linker.get(store, "env", "t")) == [None] * 3
    assert linker.get(store, "env", "tag").type() == aot.TagType(aot.FuncType([aot.ValType.i32()], []))


def test_references_that_cannot_be_null_have_no_default(wat: Compile, linker: aot.Linker, store: aot.Store) -> None:
    module = wat('(module (type $t (func)) (import "env" "g" (global i32)) (import "env" "r" (global (ref $t))))')
    with pytest.raises(aot.ImportTypeError, match='"env" "r": .* has no default value'):
        linker.define_unknown_imports_as_default_values(store, module)
    with pytest.raises(aot.UnknownImportError):
        linker.get(store, "env", "g")
