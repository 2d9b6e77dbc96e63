"""Tables and globals, of instances and of the host."""

from __future__ import annotations

import math

import pytest

import aot
from tests.embed.conftest import Compile

TABLES = """(module
  (table $f (export "funcs") 3 5 funcref) (elem (table $f) (i32.const 0) func $one)
  (table $x (export "things") 2 externref)
  (func $one (export "one") (result i32) (i32.const 1))
  (func (export "call") (param i32) (result i32) (call_indirect $f (result i32) (local.get 0)))
  (func (export "thing") (param i32) (result externref) (table.get $x (local.get 0))))"""


def test_function_tables(wat: Compile) -> None:
    inst = wat(TABLES)()
    table = inst.funcs
    assert len(table) == table.size() == table.size(inst.store) == 3
    assert table[0] == inst.one
    assert table[0]() == 1
    assert table[1] is None
    table[1] = inst.one
    assert inst.call(1) == 1
    table[-1] = aot.Func(inst.store, aot.FuncType([], [aot.ValType.i32()]), lambda: 33)
    assert inst.call(2) == 33
    assert [element is None for element in table] == [False, False, False]
    table[1] = None
    with pytest.raises(aot.Trap):
        inst.call(1)
    with pytest.raises(TypeError, match=r"^table element \(funcref\): expected a Func or None, not int$"):
        table[1] = 5
    assert table.type() == aot.TableType(aot.ValType.funcref(), aot.Limits(3, 5))
    assert repr(table) == "<Table 3 5 funcref>"


def test_externref_tables(wat: Compile) -> None:
    inst = wat(TABLES)()
    thing = object()
    inst.things[1] = thing
    assert inst.thing(1) is thing
    assert inst.thing(0) is None
    assert list(inst.things) == [None, thing]


def test_table_indices(wat: Compile) -> None:
    table = wat(TABLES)().funcs
    for index in (3, -4, 1 << 70):
        with pytest.raises(IndexError):
            table[index]
        with pytest.raises(IndexError):
            table[index] = None
    assert table.get(3) is None
    assert table.get(table.store, 0) is not None
    table.set(table.store, 0, None)
    assert table.get(0) is None
    with pytest.raises(IndexError):
        table.set(-1, None)
    with pytest.raises(TypeError, match="cannot be deleted"):
        del table[0]


def test_table_growth(wat: Compile) -> None:
    inst = wat(TABLES)()
    assert inst.funcs.grow(inst.store, 1, inst.one) == 3
    assert inst.call(3) == 1
    assert inst.funcs.grow(1) == 4
    assert inst.funcs[4] is None
    with pytest.raises(aot.ResourceError, match="cannot grow from 5 by 1 elements"):
        inst.funcs.grow(1)
    with pytest.raises(aot.UsageError, match="shrink"):
        inst.funcs.grow(-1)
    with pytest.raises(TypeError):
        inst.funcs.grow(0, "x")


def test_a_table_of_the_host(wat: Compile, store: aot.Store) -> None:
    number = aot.Func(store, aot.FuncType([], [aot.ValType.i32()]), lambda: 5)
    table = aot.Table(store, aot.TableType(aot.ValType.funcref(), aot.Limits(2)), number)
    assert table[0] == table[1] == number
    inst = wat("""(module (import "env" "t" (table 1 funcref))
      (func (export "call") (param i32) (result i32) (call_indirect (result i32) (local.get 0))))""")(
        env={"t": table}, store=store
    )
    assert inst.call(1) == 5
    table[1] = None
    with pytest.raises(aot.Trap):
        inst.call(1)
    with pytest.raises(TypeError):
        aot.Table(store, aot.TableType(aot.ValType.funcref(), aot.Limits(1)), 7)
    with pytest.raises(aot.UsageError, match="references, not i32"):
        aot.TableType(aot.ValType.i32(), aot.Limits(1))
    assert list(aot.Table(store, aot.TableType(aot.ValType.externref(), aot.Limits(2)), "x")) == ["x", "x"]


GLOBALS = """(module
  (global (export "i32") (mut i32) (i32.const 1)) (global (export "i64") (mut i64) (i64.const 2))
  (global (export "f32") (mut f32) (f32.const 3)) (global (export "f64") (mut f64) (f64.const 4))
  (global (export "x") (mut externref) (ref.null extern)) (global (export "f") (mut funcref) (ref.func $get))
  (global (export "fixed") i32 (i32.const 9))
  (func $get (export "get") (result i32) (global.get 0)))"""


def test_globals(wat: Compile) -> None:
    inst = wat(GLOBALS)()
    assert [inst.exports[n].value for n in ("i32", "i64", "f32", "f64", "x")] == [1, 2, 3.0, 4.0, None]
    assert inst.f.value == inst.get
    inst.i32.value = 2**32 - 2
    assert inst.get() == inst.i32.value == -2
    inst.i64.value = -5
    inst.f32.value = 0.5
    inst.f64.set_value(inst.store, math.pi)
    inst.x.set_value("thing")
    inst.f.value = None
    assert [inst.exports[n].value for n in ("i64", "f32", "f64", "x", "f")] == [-5, 0.5, math.pi, "thing", None]
    with pytest.raises(TypeError, match=r"^global \(i32\): expected an int, not str$"):
        inst.i32.value = "x"
    with pytest.raises(OverflowError):
        inst.i32.value = 1 << 40
    with pytest.raises(TypeError, match="cannot be deleted"):
        del inst.i32.value


def test_immutable_globals(wat: Compile) -> None:
    inst = wat(GLOBALS)()
    assert inst.fixed.value == 9
    assert not inst.fixed.mutable
    with pytest.raises(aot.UsageError, match="immutable"):
        inst.fixed.value = 1
    assert inst.fixed.type() == aot.GlobalType(aot.ValType.i32(), False)
    assert inst.i32.type(inst.store) == aot.GlobalType(aot.ValType.i32(), True)
    assert repr(inst.i32) == "<Global (mut i32) = 1>"


@pytest.mark.parametrize(
    ("make", "value"),
    [("i32", -7), ("i64", 1 << 60), ("f32", 0.25), ("f64", 0.1), ("externref", "host"), ("funcref", None)],
)
def test_a_global_of_the_host(wat: Compile, store: aot.Store, make: str, value: object) -> None:
    type_ = aot.GlobalType(getattr(aot.ValType, make)(), True)
    global_ = aot.Global(store, type_, value)
    assert global_.value == value
    assert global_.type() == type_
    inst = wat(f"""(module (import "env" "g" (global $g (mut {make}))) (export "same" (global $g))
      (func (export "get") (result {make}) (global.get $g))
      (func (export "set") (param {make}) (global.set $g (local.get 0))))""")(env={"g": global_}, store=store)
    assert inst.get() == value
    assert inst.same == global_
    null = {"externref": None, "funcref": None}.get(make, 0)
    inst.set(null)
    assert global_.value == null
    global_.value = value
    assert inst.get() == value
