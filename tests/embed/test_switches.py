"""Features that are switched off: what needs them is refused, in types and in function bodies."""

from __future__ import annotations

from dataclasses import fields

import pytest

import aot
from aot.embed.wat import to_wasm
from aot.wasm.features import NOT_COMPILED, Features
from aot.wasm.opcodes import BY_NAME
from aot.wasm.switches import refused_codes

NEEDS = {
    "multi_value": ["(func (result i32 i32) unreachable)", "(func (block (result i32 i32) unreachable) drop drop)"],
    "bulk_memory": [
        "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(memory 1) (func (memory.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
        '(memory 1) (data $d "x") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 0)))',
        '(data $d "x") (func (data.drop $d))',
        "(table 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(table 1 funcref) (elem $e func) (func (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(elem $e func) (func (elem.drop $e))",
    ],
    "reference_types": [
        "(table 1 funcref) (table 1 funcref)",
        "(func (drop (ref.null func)))",
        "(func $f (drop (ref.func $f))) (elem declare func $f)",
        "(table 1 funcref) (func (drop (table.size)))",
        "(table 1 funcref) (func (drop (ref.is_null (table.get (i32.const 0)))))",
        "(func (drop (select (result i32) (i32.const 0) (i32.const 0) (i32.const 0))))",
    ],
    "multi_memory": ["(memory 1) (memory 1)"],
    "extended_const": ["(global i32 (i32.add (i32.const 1) (i32.const 2)))"],
    "memory64": ["(memory i64 1)", "(table i64 1 funcref)"],
    "function_references": ["(type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0)))"],
    "custom_page_sizes": ["(memory 1 (pagesize 1))"],
    "wide_arithmetic": ["(func (param i64) (local.get 0) (local.get 0) i64.mul_wide_s drop drop)"],
    "tail_call": [
        "(func $f (return_call $f))",
        "(table 1 funcref) (func (return_call_indirect (i32.const 0)))",
        "(type $t (func)) (func (param (ref null $t)) (return_call_ref $t (local.get 0)))",
    ],
    "simd": ["(func (drop (v128.const i64x2 0 0)))", "(func (param v128))"],
    "relaxed_simd": ["(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"],
    "threads": ["(memory 1 1 shared)", "(func atomic.fence)"],
    "exceptions": ["(tag)", "(func (try_table))"],
}


@pytest.mark.parametrize(("feature", "text"), [(f, text) for f, texts in NEEDS.items() for text in texts])
def test_what_needs_a_feature(feature: str, text: str) -> None:
    wasm = to_wasm(f"(module {text})")
    aot.Module.validate(aot.Engine(), wasm)
    config = aot.Config()
    setattr(config, f"wasm_{feature}", False)
    with pytest.raises(aot.ModuleError, match=f"the feature {feature} is switched off"):
        aot.Module.validate(aot.Engine(config), wasm)


@pytest.mark.parametrize(("feature", "text"), [(f, text) for f, texts in NEEDS.items() for text in texts])
def test_what_uses_a_feature(feature: str, text: str) -> None:
    used = aot.Module.features(to_wasm(f"(module {text})"))
    assert f"wasm_{feature}" in used
    config = aot.Config()
    for f in fields(Features):
        setattr(config, f"wasm_{f.name}", f"wasm_{f.name}" in used or f.name in NOT_COMPILED)
    aot.Module.validate(aot.Engine(config), to_wasm(f"(module {text})"))


def test_features_of_a_module() -> None:
    assert aot.Module.features(to_wasm("(module (func (param i32) (drop (i32.load (local.get 0)))) (memory 1))")) == []
    # try, catch_all: written in bytes, because the text parser does not know them
    legacy = b"\0asm\1\0\0\0" + b"\1\4\1\x60\0\0" + b"\3\2\1\0" + b"\x0a\x08\1\6\0\6\x40\x19\x0b\x0b"
    assert aot.Module.features(legacy) == ["wasm_exceptions", "wasm_legacy_exceptions"]
    invalid = to_wasm("(module (func (drop (v128.const i64x2 0 0)) (return_call 0)))").replace(b"\x1a", b"\x0f")
    assert aot.Module.features(invalid) == ["wasm_tail_call", "wasm_simd"]
    with pytest.raises(aot.DecodeError):
        aot.Module.features(b"\0asm")


def test_every_switch_is_tried() -> None:
    """Legacy exceptions have no text that the parser reads: tests/spec has them."""
    assert set(NEEDS) == {f.name for f in fields(Features)} - NOT_COMPILED - {"legacy_exceptions"}


def test_nothing_is_refused_by_default() -> None:
    assert refused_codes(Features()) == {}
    assert refused_codes(Features(tail_call=False)).keys() == {
        BY_NAME[name].code for name in ("return_call", "return_call_indirect", "return_call_ref")
    }


def test_a_cached_module_does_not_get_round_a_switch(cache_dir: object) -> None:
    text = "(module (func $f (return_call $f)))"
    aot.Module(aot.Engine(aot.Config(opt_level=0)), text)
    with pytest.raises(aot.UnsupportedError, match="the feature tail_call is switched off"):
        aot.Module(aot.Engine(aot.Config(opt_level=0, wasm_tail_call=False)), text)
