"""Images: instances that begin where another one was."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

import aot

STATE = """(module (import "env" "host" (func $host (result i32)))
  (type $f (func (result i32)))
  (memory (export "memory") 2 64) (data (i32.const 5000) "data") (data $passive "more") (data $other "kept")
  (memory (export "second") 1) (memory (export "empty") 0)
  (global $i (export "i") (mut i32) (i32.const 1)) (global $l (export "l") (mut i64) (i64.const 2))
  (global $f (export "f") (mut f32) (f32.const 3)) (global $d (export "d") (mut f64) (f64.const 4))
  (global $v (export "v") (mut v128) (v128.const i64x2 5 6)) (global $c (export "c") i32 (i32.const 7))
  (global $r (export "r") (mut funcref) (ref.func $one)) (global $e (export "e") (mut externref) (ref.null extern))
  (table $t (export "table") 4 100 funcref) (elem (i32.const 1) func $one $two) (elem $later func $two)
  (elem declare func $host $three)
  (table (export "objects") 2 9 externref) (table (export "none") 0 funcref)
  (func $one (result i32) i32.const 1) (func $two (result i32) i32.const 2) (func $three (result i32) i32.const 3)
  (func $start (global.set $i (i32.add (global.get $i) (i32.const 10)))) (start $start)
  (func (export "change")
    (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 4)) (data.drop $passive)
    (drop (memory.grow (i32.const 3))) (i32.store (i32.const 200000) (i32.const 77))
    (i32.store8 1 (i32.const 9) (i32.const 8))
    (global.set $l (i64.const -2)) (global.set $f (f32.const nan:0x200001)) (global.set $d (f64.const -0))
    (global.set $v (v128.const i64x2 -1 1)) (global.set $r (ref.func $three))
    (drop (table.grow $t (ref.func $host) (i32.const 3))) (table.set $t (i32.const 1) (ref.null func))
    (elem.drop $later))
  (func (export "f_bits") (result i32) (i32.reinterpret_f32 (global.get $f)))
  (func (export "passive") (memory.init $passive (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "other") (memory.init $other (i32.const 0) (i32.const 0) (i32.const 4)))
  (func (export "later") (table.init $t $later (i32.const 0) (i32.const 0) (i32.const 1)))
  (func (export "call") (param i32) (result i32) local.get 0 call_indirect $t (type $f)))"""


def check(i: aot.Instance, host: int) -> None:
    """The state after `change`."""
    assert len(i.memory) == 5 << 16 and len(i.second) == 1 << 16 and len(i.empty) == 0
    expected = bytearray(5 << 16)
    expected[0:4], expected[5000:5004], expected[200000] = b"more", b"data", 77
    assert bytes(i.memory) == bytes(expected)
    assert i.second[9] == 8 and bytes(i.second).count(0) == (1 << 16) - 1
    assert (i.i.value, i.l.value, i.c.value, str(i.d.value)) == (11, -2, 7, "-0.0")
    assert i.f_bits() == 0x7FA00001 and i.v.value == b"\xff" * 8 + b"\x01" + bytes(7)
    assert i.r.value() == 3 and i.e.value is None
    assert [None if f is None else f() for f in i.table] == [None, None, 2, None, host, host, host]
    assert i.call(2) == 2 and i.call(4) == host
    assert len(i.objects) == 2 and len(i.none) == 0
    for dropped, words in (("passive", "out of bounds memory access"), ("later", "out of bounds table access")):
        with pytest.raises(aot.Trap, match=words):
            i.exports[dropped]()
    i.other()
    assert i.memory[0:4] == b"kept"


def test_everything_is_as_it_was(wat: Callable[[str], aot.Module]) -> None:
    module = wat(STATE)
    first = module(env={"host": lambda: 40})
    first.change()
    image = first.snapshot()
    warm = module.with_image(image)
    assert [i.name for i in warm.imports] == ["host"] and [e.name for e in warm.exports] == [
        e.name for e in module.exports
    ]
    for _ in range(2):
        check(warm(env={"host": lambda: 50}), 50)
    check(first, 40)
    fresh = module(env={"host": lambda: 60})
    assert len(fresh.memory) == 2 << 16 and fresh.i.value == 11 and fresh.call(1) == 1


def test_in_pools_and_again(wat: Callable[[str], aot.Module]) -> None:
    module = wat(STATE)
    first = module(env={"host": lambda: 40})
    first.change()
    warm = module.with_image(first.snapshot())
    with warm.pool(env={"host": lambda: 41}) as pool:
        for _ in range(3):
            with pool.instance() as i:
                check(i, 41)
                i.memory[100:50000] = b"\xaa" * 49900
                i.memory.grow(2)
        assert pool.n_free == 1
    second = warm(env={"host": lambda: 42})
    second.memory[4097] = 5
    again = warm.with_image(second.snapshot())
    third = again(env={"host": lambda: 43})
    assert third.memory[4097] == 5
    third.memory[4097] = 0
    check(third, 43)


def test_images_are_values(wat: Callable[[str], aot.Module]) -> None:
    module = wat(STATE)
    first = module(env={"host": lambda: 40})
    before = first.snapshot()
    first.change()
    image = first.snapshot()
    assert image == first.snapshot() != before
    copy = pickle.loads(pickle.dumps(image))
    assert copy == image and "204800 bytes" in repr(copy)
    check(module.with_image(copy)(env={"host": lambda: 1}), 1)


def test_it_outlives_what_it_was_made_from(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    module = aot.Module(engine, '(module (memory (export "m") 1) (func (export "f") (result i32) i32.const 12))')
    instance = module()
    instance.m[9] = 3
    warm = module.with_image(instance.snapshot())
    del module, instance
    second = warm()
    del warm
    assert second.m[9] == 3 and second.f() == 12


@pytest.mark.parametrize(
    ("text", "make", "words"),
    [
        (
            '(module (import "a" "m" (memory 1)))',
            lambda s: aot.Memory(s, aot.MemoryType(aot.Limits(1))),
            "memory 0 is imported",
        ),
        ("(module (memory 1 2 shared))", None, "memory 0 is shared"),
        (
            '(module (import "a" "m" (table 1 funcref)))',
            lambda s: aot.Table(s, aot.TableType(aot.ValType.funcref(), aot.Limits(1)), None),
            "table 0 is imported",
        ),
        (
            '(module (import "a" "m" (global (mut i32))))',
            lambda s: aot.Global(s, aot.GlobalType(aot.ValType.i32(), True), 1),
            "global 0 is imported and mutable",
        ),
    ],
)
def test_what_an_image_cannot_hold(
    wat: Callable[[str], aot.Module],
    store: aot.Store,
    text: str,
    make: Callable[[aot.Store], object] | None,
    words: str,
) -> None:
    instance = aot.Instance(store, wat(text), [] if make is None else [make(store)])
    with pytest.raises(aot.UsageError, match=words):
        instance.snapshot()


def test_references_to_what_is_outside(wat: Callable[[str], aot.Module], store: aot.Store) -> None:
    module = wat("""(module (global (export "e") (mut externref) (ref.null extern)) (table (export "o") 1 externref)
      (global (export "f") (mut funcref) (ref.null func)) (table (export "t") 1 funcref))""")
    func = aot.Func(store, aot.FuncType([], []), lambda: None)
    for name, value in (("e", "x"), ("f", func)):
        instance = aot.Instance(store, module, [])
        instance.exports[name].value = value
        with pytest.raises(aot.UsageError, match=r"global \d holds a"):
            instance.snapshot()
    for name, value in (("o", "x"), ("t", func)):
        instance = aot.Instance(store, module, [])
        instance.exports[name][0] = value
        with pytest.raises(aot.UsageError, match=r"table \d holds"):
            instance.snapshot()


def test_wrong_uses(wat: Callable[[str], aot.Module]) -> None:
    image = wat('(module (memory (export "m") 1))')().snapshot()
    with pytest.raises(aot.UsageError, match="another module"):
        wat('(module (memory (export "m") 2))').with_image(image)
    with pytest.raises(TypeError, match="expected an Image"):
        wat("(module)").with_image(b"")  # type: ignore[arg-type]
    module = wat('(module (import "a" "f" (func $f)) (func (export "g") call $f))')
    made: list[aot.Instance] = []
    made.append(module(a={"f": lambda: made[0].snapshot()}))
    instance = made[0]
    with pytest.raises(aot.UsageError, match="running"):
        instance.g()
    instance.store.close()
    with pytest.raises(aot.UsageError, match="closed"):
        instance.snapshot()


def test_limits_apply(wat: Callable[[str], aot.Module], engine: aot.Engine) -> None:
    module = wat('(module (memory (export "m") 1))')
    first = module()
    first.m.grow(9)
    warm = module.with_image(first.snapshot())
    store = aot.Store(engine)
    store.set_limits(memory_size=5 << 16)
    with pytest.raises(aot.ResourceError, match="10 pages exceeds"):
        aot.Instance(store, warm, [])
