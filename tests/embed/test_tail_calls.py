"""Tail calls take no stack, whatever the signatures, the callee's module and the compiler's optimisation."""

from __future__ import annotations

import pytest
import wasmtime

import aot

PING = """(module
  (type $pong (func (param i64 f64 i32 i32 i32 i32 i32 i32) (result i32)))
  (table (export "table") 1 funcref)
  (func (export "ping") (param $n i64) (param $x f32) (result i32)
    (if (i64.eqz (local.get $n)) (then (return (i32.trunc_f32_s (local.get $x)))))
    (return_call_indirect (type $pong) (local.get $n) (f64.promote_f32 (local.get $x))
      (i32.const 1) (i32.const 2) (i32.const 3) (i32.const 4) (i32.const 5) (i32.const 6) (i32.const 0)))
  (func (export "count") (param $n i64) (param $sum i64) (result i64)
    (if (i64.eqz (local.get $n)) (then (return (local.get $sum))))
    (return_call 1 (i64.sub (local.get $n) (i64.const 1)) (i64.add (local.get $sum) (local.get $n)))))"""

PONG = """(module
  (import "ping" "ping" (func $ping (param i64 f32) (result i32)))
  (import "ping" "table" (table 1 funcref))
  (elem (i32.const 0) $pong)
  (func $pong (param $n i64) (param $x f64) (param i32 i32 i32 i32 i32 i32) (result i32)
    (return_call $ping (i64.sub (local.get $n) (i64.const 1)) (f32.demote_f64 (local.get $x)))))"""

DEEP = 10_000_000


@pytest.mark.parametrize("opt_level", [0, 2])
def test_ten_million_deep(opt_level: int) -> None:
    engine = aot.Engine(aot.Config(opt_level=opt_level))
    store = aot.Store(engine)
    ping = aot.Module(engine, bytes(wasmtime.wat2wasm(PING)))(store=store)
    aot.Module(engine, bytes(wasmtime.wat2wasm(PONG)))({"ping": ping}, store=store)
    assert ping.ping(DEEP // 2, 7.5) == 7  # through two modules and two signatures
    assert ping.count(DEEP, 0) == DEEP * (DEEP + 1) // 2


def test_a_trap_in_a_tail_called_function_leaves_the_store_usable() -> None:
    wat = """(module
      (func $crash (param i32) (result i32) (i32.div_s (i32.const 1) (local.get 0)))
      (func (export "f") (param i32) (result i32) (return_call $crash (local.get 0))))"""
    instance = aot.load(bytes(wasmtime.wat2wasm(wat)))()
    for _ in range(3):
        with pytest.raises(aot.Trap, match="integer divide by zero"):
            instance.f(0)
        assert instance.f(1) == 1


def test_several_results_and_host_functions() -> None:
    wat = """(module
      (import "env" "swap" (func $swap (param i32 i64) (result i64 i32)))
      (func (export "f") (param i32 i64) (result i64 i32) (return_call $swap (local.get 0) (local.get 1))))"""
    instance = aot.load(bytes(wasmtime.wat2wasm(wat)))(env={"swap": lambda a, b: (b, a)})
    assert instance.f(1, 2) == (2, 1)
