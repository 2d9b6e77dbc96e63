"""A store that reaches beyond a guarded memory's end writes none of its bytes, whatever instructions it became."""

from __future__ import annotations

import itertools
import shutil

import pytest

import aot
from tests.wast.assemble import assemble

PAGE = 65536
VALUES = {
    "v128.store": ("v128", "(local.get 1)"),
    "v128.store of two numbers": (
        "i64 i64",
        "(i64x2.replace_lane 1 (i64x2.splat (local.get 1)) (local.get 2))",
    ),
    "v128.store of a constant": ("", "(v128.const i64x2 0x1122334455667788 0x99aabbccddeeff00)"),
    "v128.store of all ones": ("", "(v128.const i64x2 -1 -1)"),
    "v128.store of eight bytes twice": ("i64", "(i64x2.splat (local.get 1))"),
    "v128.store of a sum": ("v128", "(i8x16.add (local.get 1) (local.get 1))"),
}
NUMBERS = {
    "i64.store": ("i64", "(local.get 1)", 8),
    "i64.store of a constant": ("", "(i64.const 0x1122334455667788)", 8),
    "f64.store": ("f64", "(local.get 1)", 8),
    "f64.store of a constant": ("", "(f64.const 1.1)", 8),
    "i32.store": ("i32", "(local.get 1)", 4),
    "i64.store32": ("i64", "(local.get 1)", 4),
    "i32.store16": ("i32", "(local.get 1)", 2),
    "v128.store64_lane": ("v128", "(local.get 1)", 8),
    "v128.store32_lane": ("v128", "(local.get 1)", 4),
}
ARGUMENTS = {"v128": bytes(range(1, 17)), "i64": -2, "i32": -2, "f64": 1.7}


def functions() -> str:
    rows = [(name, types, value, "") for name, (types, value) in VALUES.items()]
    rows += [(name, types, value, " 1" if "lane" in name else "") for name, (types, value, _) in NUMBERS.items()]
    return "".join(
        f'(func (export "{name}") (param i32 {types}) ({name.partition(" ")[0]}{lane} (local.get 0) {value}))'
        for name, types, value, lane in rows
    )


@pytest.fixture(scope="module", params=itertools.product(("gcc", "clang"), (0, 1, 2)), ids=lambda p: f"{p[0]}-O{p[1]}")
def instance(request: pytest.FixtureRequest) -> aot.Instance:
    cc, opt = request.param
    if shutil.which(cc) is None:
        pytest.skip(f"no {cc}")
    engine = aot.Engine(aot.Config(cc=cc, opt_level=opt, memory="guard"))
    module = aot.Module(engine, assemble(f'(module (memory (export "memory") 1) {functions()})'.encode()))
    return aot.Instance(aot.Store(engine), module, [])


@pytest.mark.parametrize("name", [*VALUES, *NUMBERS])
def test_nothing_is_written_in_part(instance: aot.Instance, name: str) -> None:
    types, size = (VALUES[name][0], 16) if name in VALUES else (NUMBERS[name][0], NUMBERS[name][2])
    args = [ARGUMENTS[t] for t in types.split()]
    function, memory = instance.exports[name], instance.exports["memory"]
    memory.write(bytes(16), PAGE - 16)
    for inside in range(1, size):
        with pytest.raises(aot.Trap, match="out of bounds"):
            function(PAGE - inside, *args)
        assert memory.read(PAGE - 16) == bytes(16)
    function(PAGE - size, *args)
    assert memory.read(PAGE - size) != bytes(size)
