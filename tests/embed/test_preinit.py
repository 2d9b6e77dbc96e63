"""Set-up that runs while a module is compiled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import aot
from aot.embed.wat import to_wasm

SETUP = """(module (import "env" "later" (func $later (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "cold") (global $n (export "n") (mut i32) (i32.const 0))
  (table (export "t") 2 funcref) (elem declare func $seven) (func $seven (result i32) i32.const 7)
  (func $start (global.set $n (i32.add (global.get $n) (i32.const 1)))) (start $start)
  (func (export "_initialize") (global.set $n (i32.add (global.get $n) (i32.const 10))))
  (func (export "setup") (global.set $n (i32.add (global.get $n) (i32.const 100)))
    (drop (memory.grow (i32.const 2))) (i32.store (i32.const 150000) (i32.const 0x6d726177))
    (table.set (i32.const 1) (ref.func $seven)))
  (func (export "bad") (drop (call $later))) (func (export "takes") (param i32)) (func (export "stops") unreachable)
  (func (export "later") (result i32) call $later))"""
CONFIG = aot.Config(opt_level=0)


def check(module: aot.Module) -> None:
    for _ in range(2):
        i = module(env={"later": lambda: 5})
        assert i.n.value == 111 and len(i.memory) == 3 << 16 and i.later() == 5
        assert i.memory[0:4] == b"cold" and i.memory[150000:150004] == b"warm" and i.t[1]() == 7 and i.t[0] is None
        i.memory[150000] = 0
    assert [e.name for e in module.exports if e.name in ("setup", "_initialize", "n")] == ["n"]


def test_instances_begin_behind_it(engine: aot.Engine, tmp_path: Path) -> None:
    aot.compile(to_wasm(SETUP), tmp_path / "m.so", CONFIG, preinit="setup")
    module = aot.Module.deserialize_file(engine, tmp_path / "m.so")
    check(module)
    with module.pool(env={"later": lambda: 5}) as pool:
        for _ in range(2):
            with pool.instance() as i:
                assert i.n.value == 111 and i.memory[150000:150004] == b"warm"
                i.memory[150000], i.n.value = 0, 1
        assert pool.n_free == 1


def test_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        aot.compile(to_wasm(SETUP), tmp_path / f"{name}.so", CONFIG, preinit="setup")
    assert (tmp_path / "a.so").read_bytes() == (tmp_path / "b.so").read_bytes()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("nothing", "exports no function 'nothing'"),
        ("memory", "exports no function 'memory'"),
        ("takes", "takes and returns nothing"),
        ("bad", "no host yet"),
    ],
)
def test_wrong_uses(tmp_path: Path, function: str, words: str) -> None:
    with pytest.raises(aot.UsageError, match=words):
        aot.compile(to_wasm(SETUP), tmp_path / "m.so", CONFIG, preinit=function)
    assert list(tmp_path.iterdir()) == []


def test_a_trap_comes_out(tmp_path: Path) -> None:
    with pytest.raises(aot.Trap, match="unreachable"):
        aot.compile(to_wasm(SETUP), tmp_path / "m.so", CONFIG, preinit="stops")


@pytest.mark.parametrize("text", ['(import "a" "m" (memory 1))', '(import "a" "g" (global i32))'])
def test_what_cannot_be_had_yet(tmp_path: Path, text: str) -> None:
    with pytest.raises(aot.UsageError, match="cannot depend on it"):
        aot.compile(to_wasm(f'(module {text} (func (export "f")))'), tmp_path / "m.so", CONFIG, preinit="f")


WASI = """(module (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 100) "hello\\n")
  (func (export "setup") (drop (call $random (i32.const 0) (i32.const 8)))
    (i32.store (i32.const 16) (i32.const 100)) (i32.store (i32.const 20) (i32.const 6))
    (drop (call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 24))))
  (func (export "_start")))"""


def test_wasi(engine: aot.Engine, tmp_path: Path) -> None:
    with pytest.raises(aot.UsageError, match="say what the module sees"):
        aot.compile(to_wasm(WASI), tmp_path / "m.so", CONFIG, preinit="setup")
    aot.compile(to_wasm(WASI), tmp_path / "m.so", CONFIG, preinit="setup", wasi=aot.Wasi(seed=1))
    module = aot.Module.deserialize_file(engine, tmp_path / "m.so")
    first, second = (module(wasi=aot.Wasi()).memory[0:8] for _ in range(2))
    assert first == second != bytes(8)


def test_command_line(engine: aot.Engine, tmp_path: Path) -> None:
    (tmp_path / "m.wasm").write_bytes(to_wasm(SETUP))
    (tmp_path / "w.wasm").write_bytes(to_wasm(WASI))

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "aot", "compile", *args, "-O0"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert run("m.wasm", "--preinit", "setup", "-o", "m.so").returncode == 0
    check(aot.Module.deserialize_file(engine, tmp_path / "m.so"))
    done = run("w.wasm", "--preinit", "setup", "-o", "w.so")
    assert (done.returncode, done.stdout[:6]) == (0, "hello\n")
    wrong = run("m.wasm", "--preinit", "nothing", "-o", "n.so")
    assert wrong.returncode == 2 and "exports no function 'nothing'" in wrong.stderr
    trapped = run("m.wasm", "--preinit", "stops", "-o", "n.so")
    assert trapped.returncode == 1 and "unreachable" in trapped.stderr and not (tmp_path / "n.so").exists()
    assert run("m.wasm", "--preinit", "setup", "--emit", "exe", "-o", "n").returncode == 1
    assert run("w.wasm", "--preinit", "setup", "--emit", "exe", "-o", "w").returncode == 0
    assert subprocess.run([tmp_path / "w"], capture_output=True).stdout == b""
