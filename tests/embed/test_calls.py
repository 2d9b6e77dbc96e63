"""Calls into wasm: every type, its edges, wrong arguments, several results."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest

import aot
from tests.embed.conftest import Compile

IDENTITY = """(module
  (func (export "i32") (param i32) (result i32) local.get 0)
  (func (export "i64") (param i64) (result i64) local.get 0)
  (func (export "f32") (param f32) (result f32) local.get 0)
  (func (export "f64") (param f64) (result f64) local.get 0)
  (func (export "funcref") (param funcref) (result funcref) local.get 0)
  (func (export "externref") (param externref) (result externref) local.get 0)
  (func (export "nothing"))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "swap") (param i32 i64 f32 f64) (result f64 f32 i64 i32)
    local.get 3 local.get 2 local.get 1 local.get 0)
  (func (export "f32_bits") (param f32) (result i32) (i32.reinterpret_f32 (local.get 0)))
  (func (export "f32_of") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "f64_bits") (param f64) (result i64) (i64.reinterpret_f64 (local.get 0)))
  (func (export "f64_of") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0))))
"""


@pytest.fixture
def inst(wat: Compile) -> aot.Instance:
    return wat(IDENTITY)()


@pytest.mark.parametrize(
    ("given", "back"),
    [
        (0, 0),
        (-1, -1),
        (2**31 - 1, 2**31 - 1),
        (-(2**31), -(2**31)),
        (2**31, -(2**31)),
        (2**32 - 1, -1),
        (True, 1),
    ],
)
def test_i32_takes_both_ranges_and_comes_back_signed(inst: aot.Instance, given: int, back: int) -> None:
    result = inst.i32(given)
    assert result == back
    assert type(result) is int


@pytest.mark.parametrize(
    ("given", "back"),
    [(0, 0), (2**63 - 1, 2**63 - 1), (-(2**63), -(2**63)), (2**63, -(2**63)), (2**64 - 1, -1), (1 << 40, 1 << 40)],
)
def test_i64_takes_both_ranges_and_comes_back_signed(inst: aot.Instance, given: int, back: int) -> None:
    assert inst.i64(given) == back


@pytest.mark.parametrize("name", ["i32", "i64"])
def test_integers_out_of_range_are_refused(inst: aot.Instance, name: str) -> None:
    bits = int(name[1:])
    for value in (1 << bits, -(1 << (bits - 1)) - 1, 1 << 200, -(1 << 200)):
        with pytest.raises(OverflowError, match=rf"^{name}\(\): argument 1 \({name}\): {value} is out of range$"):
            inst.exports[name](value)


def test_integers_are_taken_by_index(inst: aot.Instance) -> None:
    class Seven:
        def __index__(self) -> int:
            return 7

    class Broken:
        def __index__(self) -> int:
            raise LookupError("no index today")

    assert inst.i32(Seven()) == 7
    with pytest.raises(LookupError, match="no index today"):
        inst.i32(Broken())


@pytest.mark.parametrize("value", [1.0, "1", None, b"1", Fraction(1)])
def test_integers_refuse_other_types(inst: aot.Instance, value: object) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=rf"^add\(\): argument 2 \(i32\): expected an int, not .*{kind}$"):
        inst.add(1, value)


@pytest.mark.parametrize("name", ["f32", "f64"])
def test_floats(inst: aot.Instance, name: str) -> None:
    func = inst.exports[name]
    for value in (0.0, -0.0, 1.5, -2.25, math.inf, -math.inf):
        assert struct.pack("d", func(value)) == struct.pack("d", value)
    assert func(3) == 3.0
    assert type(func(3)) is float
    assert func(Fraction(1, 4)) == 0.25
    assert math.isnan(func(math.nan))
    for bad in ("1", None, b"", [1.0]):
        with pytest.raises(TypeError, match=rf"^{name}\(\): argument 1 \({name}\): expected a float, not"):
            func(bad)


def test_f32_rounds(inst: aot.Instance) -> None:
    assert inst.f32(0.1) == struct.unpack("f", struct.pack("f", 0.1))[0]
    assert inst.f32(1e300) == math.inf
    assert inst.f64(0.1) == 0.1


@pytest.mark.parametrize("bits", [0x7FC00000, 0x7FA00000, 0x7F800001, 0xFFC00001, 0xFF812345, 0x7FFFFFFF])
def test_f32_nans_keep_their_bits_both_ways(inst: aot.Instance, bits: int) -> None:
    value = inst.f32_of(bits)
    assert math.isnan(value)
    assert inst.f32_bits(value) & 0xFFFFFFFF == bits


@pytest.mark.parametrize("bits", [0x7FF8000000000000, 0x7FF0000000000001, 0xFFF8123456789ABC])
def test_f64_nans_keep_their_bits_both_ways(inst: aot.Instance, bits: int) -> None:
    assert inst.f64_bits(inst.f64_of(bits)) & (2**64 - 1) == bits


def test_externref_is_the_very_object(inst: aot.Instance) -> None:
    for value in (object(), [1], "text", 0, False, (), inst):
        assert inst.externref(value) is value
    assert inst.externref(None) is None


def test_funcref(inst: aot.Instance) -> None:
    back = inst.funcref(inst.add)
    assert isinstance(back, aot.Func)
    assert back == inst.add
    assert hash(back) == hash(inst.add)
    assert back != inst.swap
    assert back(2, 3) == 5
    assert inst.funcref(None) is None
    with pytest.raises(TypeError, match=r"^funcref\(\): argument 1 \(funcref\): expected a Func or None, not function"):
        inst.funcref(lambda: None)


def test_results(inst: aot.Instance) -> None:
    assert inst.nothing() is None
    assert inst.add(2, 3) == 5
    assert inst.swap(1, 2, 3.0, 4.0) == (4.0, 3.0, 2, 1)


def test_wrong_number_of_arguments(inst: aot.Instance) -> None:
    with pytest.raises(aot.UsageError, match=r"^add\(\) takes 2 arguments \(0 given\)$"):
        inst.add()
    with pytest.raises(aot.UsageError, match=r"^add\(\) takes 2 arguments \(3 given\)$"):
        inst.add(1, 2, 3)
    with pytest.raises(aot.UsageError, match=r"^i32\(\) takes 1 argument \(2 given\)$"):
        inst.i32(1, 2)
    with pytest.raises(aot.UsageError, match="no keyword arguments"):
        inst.add(1, b=2)


def test_the_store_may_come_first(inst: aot.Instance, engine: aot.Engine) -> None:
    add = inst.exports(inst.store)["add"]
    assert add(inst.store, 6, 9) == 15
    assert inst.nothing(inst.store) is None
    with pytest.raises(aot.UsageError, match="another store"):
        add(aot.Store(engine), 6, 9)
    with pytest.raises(aot.UsageError, match=r"takes 2 arguments \(1 given\)"):
        add(inst.store)
    assert inst.externref(inst.store) is inst.store


def test_many_parameters_and_results(wat: Compile) -> None:
    n = 300
    text = f"""(module (func (export "f") (param {"i32 " * n}) (result {"i32 " * n})
      {" ".join(f"local.get {n - 1 - i}" for i in range(n))}))"""
    assert wat(text)().f(*range(n)) == tuple(reversed(range(n)))


def test_introspection(inst: aot.Instance) -> None:
    i32 = aot.ValType.i32()
    assert inst.add.type() == aot.FuncType([i32, i32], [i32])
    assert inst.add.name == "add"
    assert repr(inst.add) == "<Func add [i32 i32] -> [i32]>"
    assert inst.add.store is inst.store
    assert callable(inst.add)
    with pytest.raises(AttributeError):
        inst.add.attribute = 1


def test_func_called_through_tp_call(inst: aot.Instance) -> None:
    arguments = (20, 22)
    assert inst.add(*arguments) == 42
    assert aot.Func.__call__(inst.add, 1, 2) == 3


def test_a_vector_that_only_a_type_mentions(wat: Compile) -> None:
    """As a further result it is no C result, but the C code has a variable for it."""
    inst = wat("""(module (import "env" "f" (func $f (result i64 v128)))
      (func (export "f") (result i64 v128) (call $f)))""")(env={"f": lambda: (1, bytes(range(16)))})
    assert inst.f() == (1, bytes(range(16)))
