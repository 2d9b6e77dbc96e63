"""What is in memory after a trap, where it is exact: in checked memories, and without optimisation."""

from __future__ import annotations

import shutil

import pytest

import aot
from tests.wast.assemble import assemble

GUEST = """(module (memory (export "memory") 1) (global (export "global") (mut i32) (i32.const 0))
  (func (export "load between") (param i32)
    (i32.store (i32.const 8) (i32.const 1))
    (drop (i32.load (i32.const 0xfffffff0)))
    (i32.store (i32.const 8) (i32.const 2)))
  (func (export "store between") (param i32)
    (i32.store (i32.const 8) (i32.const 1))
    (i32.store (i32.const 65536) (i32.const 5))
    (i32.store (i32.const 8) (i32.const 2)))
  (func (export "side by side") (param i32)
    (i32.store (local.get 0) (i32.const 1))
    (i32.store offset=4 (local.get 0) (i32.const 2)))
  (func (export "wider") (param i32)
    (i32.store (local.get 0) (i32.const 1))
    (i64.store (local.get 0) (i64.const -1)))
  (func (export "loop") (param i32) (local i32)
    (loop
      (i32.store (i32.add (local.get 0) (i32.shl (local.get 1) (i32.const 2))) (i32.const 1))
      (local.set 1 (i32.add (local.get 1) (i32.const 1)))
      (br_if 0 (i32.lt_u (local.get 1) (i32.const 64)))))
  (func (export "counted") (param i32)
    (loop
      (global.set 0 (i32.add (global.get 0) (i32.const 1)))
      (drop (i32.load (local.get 0)))
      (local.set 0 (i32.add (local.get 0) (i32.const 4)))
      (br_if 0 (global.get 0)))))
"""
END = 65536
CASES = {
    "load between": (0, 8, b"\1\0\0\0"),
    "store between": (0, 8, b"\1\0\0\0"),
    "side by side": (END - 4, END - 4, b"\1\0\0\0"),
    "wider": (END - 4, END - 4, b"\1\0\0\0"),
    "loop": (END - 42, END - 42, b"\1\0\0\0" * 10 + bytes(2)),
}
WAYS = [
    ("gcc", 0, "guard"),
    ("clang", 0, "guard"),
    *((cc, opt, "checked") for cc in ("gcc", "clang") for opt in (0, 2, 3)),
]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: f"{way[0]}-O{way[1]}-{way[2]}")
def module(request: pytest.FixtureRequest) -> aot.Module:
    cc, opt, memory = request.param
    if shutil.which(cc) is None:
        pytest.skip(f"no {cc}")
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt, memory=memory))
    return aot.Module(engine, assemble(GUEST.encode()))


@pytest.mark.parametrize("name", CASES)
def test_stores_before_a_trap_are_in_memory(module: aot.Module, name: str) -> None:
    argument, at, expected = CASES[name]
    instance = module()
    with pytest.raises(aot.Trap, match="out of bounds"):
        instance.exports[name](argument)
    assert bytes(instance.memory.read(at, at + len(expected))) == expected


def test_globals_have_the_value_of_the_moment(module: aot.Module) -> None:
    instance = module()
    with pytest.raises(aot.Trap, match="out of bounds"):
        instance.counted(END - 40)
    assert instance.exports["global"].value == 11
