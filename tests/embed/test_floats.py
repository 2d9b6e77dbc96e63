"""Arithmetic makes NaNs quiet, whatever the compiler knows of the operands (spec: Numerics, NaN Propagation)."""

from __future__ import annotations

import shutil
from typing import Literal

import pytest

import aot

SIGNALLING = {"f32": 0x7FA00000, "f64": 0x7FF4000000000000}
QUIET = {"f32": 0x00400000, "f64": 0x0008000000000000}

ZEROS = {
    "local": "(local.get $zero)",
    "loaded": "(block (result {t}) (i64.store (i32.const 0) (i64.const 0)) ({t}.load (i32.const 0)))",
    "lane": "({x}.extract_lane 1 (v128.const i64x2 0 0))",
    "converted": "({t}.convert_i32_s (i32.const 0))",
    "constant": "({t}.const 0)",
}


def module(t: str, zero: str) -> str:
    i, x = {"f32": ("i32", "f32x4"), "f64": ("i64", "f64x2")}[t]
    hidden = zero.format(t=t, x=x)
    return f"""(module (memory 1) (global $nan (mut {t}) ({t}.const nan:0x{SIGNALLING[t] & (2 * QUIET[t] - 1):x}))
      (func (export "f") (result {i}) (local $zero {t})
        ({i}.reinterpret_{t} ({t}.sub (global.get $nan) {hidden}))))"""


@pytest.mark.parametrize("cc", ["gcc", "clang"])
@pytest.mark.parametrize("memory", ["guard", "checked"])
@pytest.mark.parametrize("zero", ZEROS)
@pytest.mark.parametrize("t", ["f32", "f64"])
def test_subtracting_zero_quiets(t: str, zero: str, memory: Literal["guard", "checked"], cc: str) -> None:
    if shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")
    engine = aot.Engine(aot.Config(opt_level=2, memory=memory, cc=cc))
    got = aot.Instance(aot.Store(engine), aot.Module(engine, module(t, ZEROS[zero])), []).exports["f"]()
    assert got & QUIET[t]
