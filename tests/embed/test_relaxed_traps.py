"""``precise`` and ``--traps``: whether a load out of bounds whose value nobody uses still traps."""

from __future__ import annotations

from typing import Any

import pytest

import aot

TYPES = {"i32": "i32.load", "i64": "i64.load32_u", "f32": "f32.load", "f64": "f64.load", "v128": "v128.load"}
DROPPED = (
    "(module (memory 1)"
    + "".join(f'(func (export "{t}") (drop ({load} (i32.const -16))))' for t, load in TYPES.items())
    + '(func (export "used") (result i32) (i32.load (i32.const -16))))'
)


def exports(**options: Any) -> Any:
    engine = aot.Engine(aot.Config(opt_level=2, memory="guard", **options))
    return aot.Instance(aot.Store(engine), aot.Module(engine, DROPPED), []).exports


@pytest.mark.parametrize("t", TYPES)
def test_unused_loads_trap_unless_traps_are_relaxed(t: str) -> None:
    with pytest.raises(aot.Trap, match="out of bounds memory access"):
        exports()[t]()
    relaxed = exports(precise=False)
    assert relaxed[t]() is None
    with pytest.raises(aot.Trap, match="out of bounds memory access"):
        relaxed["used"]()
