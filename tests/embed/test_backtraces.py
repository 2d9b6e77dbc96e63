"""Backtraces: which functions a trap ended, and where in them it happened."""

from __future__ import annotations

import functools
import pickle
import shutil
import subprocess
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import aot

FAILING = """(module $failing
  (import "env" "host" (func $host (param i32)))
  (memory 1)
  (table 2 funcref)
  (elem (i32.const 0) $outer)
  (type $t (func (param i32) (result i32)))
  (func $load (param i32) (result i32) (drop (i32.const 1)) (i32.load offset=8 (local.get 0)))
  (func $store (param i32) (i32.store8 (local.get 0) (i32.const 1)))
  (func $divide (param i32) (result i32)
    (i32.add (i32.div_s (i32.const 7) (local.get 0)) (i32.rem_u (i32.const 9) (local.get 0))))
  (func $convert (param f32) (result i32) (i32.trunc_f32_s (local.get 0)))
  (func $stop unreachable)
  (func $outer (export "outer") (param $kind i32) (result i32)
    (block $b5 (block $b4 (block $b3 (block $b2 (block $b1 (block $b0
      (br_table $b0 $b1 $b2 $b3 $b4 $b5 (local.get $kind)))
      (return (call $load (i32.const 70000))))
      (call $store (i32.const -1)))
      (return (call $divide (i32.const 0))))
      (return (call $convert (f32.const nan))))
      (call $stop))
    (call_indirect (type $t) (i32.const 0) (i32.const 1)))
  (func (export "nameless") (param i32) (result i32) (call $outer (local.get 0)))
  (func $through (export "through") (param i32) (call $host (local.get 0)))
  (func $indirect (export "indirect") (param i32) (result i32)
    (call_indirect (type $t) (local.get 0) (i32.const 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (local.get 0) (then (i32.add (i32.const 1) (call $deep (local.get 0)))) (else (i32.const 0))))
)"""

KINDS = range(6)
COMPILERS = [(cc, level) for cc in ("gcc", "clang") for level in (0, 1, 2)] + [("zig", 2)]

Row = tuple[str | None, int | None, str | None, int | None, int | None]


def rows(frames: Any) -> list[Row]:
    """Frames of either implementation."""
    return [(f.module_name, f.func_index, f.func_name, f.func_offset, f.module_offset) for f in frames]


@functools.cache
def compiled(text: str, cc: str | None = None, level: int = 0, memory: Any = "auto") -> aot.Module:
    return aot.Module(aot.Engine(aot.Config(opt_level=level, cc=cc, memory=memory)), text)


def theirs(text: str, name: str, *args: int) -> list[Row]:
    """The frames that wasmtime gives; its host function calls back as ours does."""
    store = wasmtime.Store()
    exports: Any = None

    def host(kind: int) -> None:
        exports["outer"](store, kind)

    func = wasmtime.Func(store, wasmtime.FuncType([wasmtime.ValType.i32()], []), host)
    exports = wasmtime.Instance(store, wasmtime.Module(store.engine, text), [func]).exports(store)
    with pytest.raises(wasmtime.Trap) as caught:
        exports[name](store, *args)
    return rows(caught.value.frames)


def trap_of(run: Callable[[], object]) -> aot.Trap:
    with pytest.raises(aot.Trap) as caught:
        run()
    return caught.value


def instance_of(module: aot.Module) -> aot.Instance:
    instance: aot.Instance = module(env={"host": lambda kind: instance.outer(kind) and None})
    return instance


@pytest.mark.parametrize(("cc", "level"), COMPILERS)
def test_frames_are_those_of_wasmtime(cc: str, level: int, cache_dir: Path) -> None:
    if cc != "zig" and shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")
    if cc == "zig":
        pytest.importorskip("ziglang")
    instance = instance_of(compiled(FAILING, cc, level))
    for kind in KINDS:
        for name in ("outer", "nameless", "through"):
            trap = trap_of(lambda name=name, kind=kind: instance.exports[name](kind))  # type: ignore[misc]
            assert rows(trap.frames) == theirs(FAILING, name, kind), (name, kind, str(trap))
    trap = trap_of(lambda: instance.indirect(1))
    assert rows(trap.frames) == theirs(FAILING, "indirect", 1)


def test_checked_memories(cache_dir: Path) -> None:
    instance = instance_of(compiled(FAILING, level=2, memory="checked"))
    for kind in (0, 1):
        assert rows(trap_of(lambda kind=kind: instance.outer(kind)).frames) == theirs(FAILING, "outer", kind)  # type: ignore[misc]


@pytest.mark.parametrize("level", [0, 2])
def test_deep_stacks_show_their_innermost_frames(level: int, cache_dir: Path) -> None:
    instance = instance_of(compiled(FAILING, level=level))
    trap = trap_of(lambda: instance.deep(1))
    assert trap.trap_code is aot.TrapCode.STACK_OVERFLOW
    assert 20 <= len(trap.frames) <= 64
    assert {f.func_name for f in trap.frames} == {"deep"}
    expected = theirs(FAILING, "deep", 1)[1]
    offsets = {row[3:] for row in rows(trap.frames)[1:]}
    assert expected[3:] in offsets
    assert offsets <= {expected[3:], (None, None)}, (
        "what a compiler has made of the recursion may be unknown, not wrong"
    )
    assert str(trap).endswith("... and more")


def test_what_a_trap_says(cache_dir: Path) -> None:
    instance = instance_of(compiled(FAILING))
    trap = trap_of(lambda: instance.nameless(4))
    offsets = [f.module_offset for f in trap.frames]
    assert None not in offsets
    assert str(trap) == "\n".join(
        [
            "unreachable",
            "wasm backtrace:",
            f"  0: failing!stop (func 5) at 0x{offsets[0]:x}",
            f"  1: failing!outer (func 6) at 0x{offsets[1]:x}",
            f"  2: failing!<unnamed> (func 7) at 0x{offsets[2]:x}",
        ]
    )
    assert trap.message == "unreachable"
    copied = pickle.loads(pickle.dumps(trap))
    assert copied.frames == trap.frames and str(copied) == str(trap)


def test_frames_outlive_store_and_module(cache_dir: Path) -> None:
    trap = trap_of(lambda: aot.Module(aot.Engine(aot.Config(opt_level=0)), FAILING)(env={"host": print}).outer(4))
    assert [f.func_name for f in trap.frames] == ["stop", "outer"]
    store = aot.Store()
    again = compiled(FAILING)(store=store, env={"host": print})
    trap = trap_of(lambda: again.outer(2))
    store.close()
    assert [f.func_name for f in trap.frames] == ["divide", "outer"]


def test_host_exceptions_come_back_with_a_note(cache_dir: Path) -> None:
    def fail(kind: int) -> None:
        raise KeyError("mine")

    instance = compiled(FAILING)(env={"host": fail})
    for _ in range(2):
        with pytest.raises(KeyError, match="mine") as caught:
            instance.through(1)
        (note,) = caught.value.__notes__
        assert note.startswith("wasm backtrace:\n  0: failing!through (func 8) at 0x")
        assert "fail" in [entry.name for entry in traceback.extract_tb(caught.value.__traceback__)]


def test_notes_of_nested_activations(cache_dir: Path) -> None:
    def host(kind: int) -> None:
        if kind:
            instance.through(kind - 1)
        else:
            raise KeyError("deep down")

    instance = compiled(FAILING)(env={"host": host})
    with pytest.raises(KeyError) as caught:
        instance.through(2)
    assert len(caught.value.__notes__) == 3


def test_a_trap_that_a_host_function_handles_has_only_its_own_frames(cache_dir: Path) -> None:
    seen: list[aot.Trap] = []

    def host(kind: int) -> None:
        seen.append(trap_of(lambda: instance.outer(kind)))

    instance = compiled(FAILING)(env={"host": host})
    instance.through(4)
    assert [f.func_name for f in seen[0].frames] == ["stop", "outer"]
    assert [f.func_name for f in trap_of(lambda: instance.outer(3)).frames] == ["convert", "outer"]


def test_traps_of_host_functions(cache_dir: Path) -> None:
    def host(kind: int) -> None:
        raise aot.Trap("enough")

    instance = compiled(FAILING)(env={"host": host})
    trap = trap_of(lambda: instance.through(1))
    assert [f.func_name for f in trap.frames] == ["through"]
    assert aot.Trap("never raised").frames == ()


def test_exceptions_that_nothing_catches(cache_dir: Path) -> None:
    module = compiled("""(module (tag $t (param i32))
      (func $throw (param i32) (throw $t (local.get 0)))
      (func $run (export "run") (param i32) (call $throw (local.get 0))))""")
    with pytest.raises(aot.WasmException) as caught:
        module().run(3)
    (note,) = caught.value.__notes__
    assert note.startswith("wasm backtrace:") and "!run (func 1)" in note


@pytest.mark.parametrize("level", [0, 2])
def test_tail_calls_leave_no_frame_twice(level: int, cache_dir: Path) -> None:
    text = """(module
      (func $bottom (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
      (func $tail (param i32) (result i32)
        (if (i32.eq (local.get 0) (i32.const 9)) (then (return (i32.add (i32.const 1) (call $bottom (i32.const 0))))))
        (return_call $tail2 (i32.add (local.get 0) (i32.const 1))))
      (func $tail2 (param i32) (result i32) (return_call $tail (i32.add (local.get 0) (i32.const 1))))
      (func $top (export "top") (param i32) (result i32) (i32.add (i32.const 1) (call $tail (local.get 0)))))"""
    trap = trap_of(lambda: compiled(text, level=level)().top(1))
    names = [f.func_name for f in trap.frames]
    assert names[:2] == ["bottom", "tail"] and names[-1] == "top"
    assert names.count("bottom") == 1 and len(names) <= 4, "functions that were left by tail calls are gone"


STRIPPED = """(module (func $stop unreachable) (func $run (export "run") (call $stop)))"""


@pytest.mark.parametrize(
    ("option", "expected"),
    [("--strip-debug", [("stop", None), ("run", None)]), ("--strip-all", [(None, None)] * 2)],
)
def test_stripped_files(option: str, expected: list[tuple[Any, Any]], tmp_path: Path, cache_dir: Path) -> None:
    if shutil.which("strip") is None:
        pytest.skip("strip is not installed")
    file = tmp_path / "m.so"
    aot.compile(bytes(wasmtime.wat2wasm(STRIPPED)), file, aot.Config(opt_level=0))
    subprocess.run(["strip", option, str(file)], check=True)
    trap = trap_of(aot.load(file)().run)
    assert {(f.func_name, f.module_offset) for f in trap.frames} == set(expected)
    if option == "--strip-all":
        assert all(f.func_index is None for f in trap.frames)
    assert str(trap).startswith("unreachable\nwasm backtrace:\n")


def test_modules_for_debuggers_know_their_functions(cache_dir: Path) -> None:
    module = aot.Module(aot.Engine(aot.Config(opt_level=0, debug=True)), STRIPPED)
    trap = trap_of(module().run)
    assert [(f.func_name, f.module_offset) for f in trap.frames] == [("stop", None), ("run", None)]


def test_several_modules(cache_dir: Path) -> None:
    store = aot.Store()
    inner = compiled('(module $inner (func $stop (export "stop") unreachable))')(store=store)
    outer = compiled(
        '(module $outer (import "m" "stop" (func $f)) (func $other unreachable) (func $run (export "run") (call $f)))'
    )(store=store, m=inner)
    trap = trap_of(outer.run)
    assert [(f.module_name, f.func_name) for f in trap.frames] == [("inner", "stop"), ("outer", "run")]


def test_several_files_of_code(cache_dir: Path) -> None:
    """A module of more than one chunk: each has lines of its own."""
    filler = "(i32.add (local.get 0)" * 60 + "(i32.const 1)" + ")" * 60
    functions = "".join(f"(func $f{k} (param i32) (result i32) (i32.mul {filler} {filler}))" for k in range(500))
    text = f"""(module {functions}
      (func $last (param i32) (result i32) (i32.div_u (call $f0 (i32.const 1)) (local.get 0)))
      (func $run (export "run") (result i32) (call $last (i32.const 0))))"""
    trap = trap_of(compiled(text)().run)
    assert rows(trap.frames) == theirs_plain(text)


def theirs_plain(text: str) -> list[Row]:
    store = wasmtime.Store()
    run: Any = wasmtime.Instance(store, wasmtime.Module(store.engine, text), []).exports(store)["run"]
    with pytest.raises(wasmtime.Trap) as caught:
        run(store)
    return rows(caught.value.frames)
