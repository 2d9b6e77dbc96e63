"""`Linker`, `WasiConfig` and `Store.set_wasi`, in the shapes that wasmtime-py has."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import aot
from aot.wasi import DirPerms, FilePerms
from tests.wasi import direct, tool

WAT = """(module
  (import "env" "twice" (func $twice (param i32) (result i32)))
  (import "env" "memory" (memory 1))
  (func (export "run") (param i32) (result i32) (call $twice (i32.load8_u (local.get 0)))))"""
I32 = aot.ValType.i32()
UNARY = aot.FuncType([I32], [I32])


def linker(store: aot.Store) -> aot.Linker:
    made = aot.Linker(store.engine)
    made.define_func("env", "twice", UNARY, lambda x: 2 * x)
    memory = aot.Memory(store, aot.MemoryType(aot.Limits(1, None)))
    memory[5:6] = b"\x15"
    made.define(store, "env", "memory", memory)
    return made


def test_instantiate_by_name() -> None:
    store = aot.Store()
    instance = linker(store).instantiate(store, aot.Module(store.engine, WAT))
    run = instance.exports(store)["run"]
    assert run(store, 5) == 42


def test_get() -> None:
    store = aot.Store()
    made = linker(store)
    assert made.get(store, "env", "twice")(store, 4) == 8
    assert isinstance(made.get(store, "env", "memory"), aot.Memory)
    with pytest.raises(aot.LinkError, match='"env" "nothing"'):
        made.get(store, "env", "nothing")


def test_missing_and_wrong_definitions() -> None:
    store = aot.Store()
    module = aot.Module(store.engine, WAT)
    made = aot.Linker(store.engine)
    with pytest.raises(aot.LinkError, match='unknown import: "env" "twice"'):
        made.instantiate(store, module)
    made.define_func("env", "twice", aot.FuncType([], []), lambda: None)
    made.define(store, "env", "memory", aot.Memory(store, aot.MemoryType(aot.Limits(1, None))))
    with pytest.raises(aot.LinkError, match="incompatible import type"):
        made.instantiate(store, module)


def test_shadowing() -> None:
    store = aot.Store()
    made = linker(store)
    with pytest.raises(aot.UsageError, match="already defined"):
        made.define_func("env", "twice", UNARY, abs)
    made.allow_shadowing = True
    made.define_func("env", "twice", UNARY, lambda x: 3 * x)
    assert made.get(store, "env", "twice")(store, 4) == 12
    made.allow_shadowing = False
    made.define_wasi()
    with pytest.raises(aot.UsageError, match="already defined"):
        made.define_func("wasi_snapshot_preview1", "fd_close", UNARY, abs)
    other = aot.Linker(store.engine)
    other.define_func("wasi_unstable", "x", UNARY, abs)
    with pytest.raises(aot.UsageError, match="already defined"):
        other.define_wasi()


def test_define_instance() -> None:
    store = aot.Store()
    made = linker(store)
    made.define_instance(store, "first", made.instantiate(store, aot.Module(store.engine, WAT)))
    text = """(module (import "first" "run" (func $run (param i32) (result i32)))
      (func (export "again") (result i32) (call $run (i32.const 5))))"""
    assert made.instantiate(store, aot.Module(store.engine, text)).exports(store)["again"](store) == 42


def test_definitions_for_any_store_and_for_one() -> None:
    first, second = aot.Store(), aot.Store()
    made = linker(first)
    assert made.get(second, "env", "twice")(second, 1) == 2
    with pytest.raises(aot.UsageError, match="another store"):
        made.get(second, "env", "memory")
    with pytest.raises(aot.UsageError, match="another store"):
        made.define(second, "env", "other", made.get(first, "env", "memory"))


def test_caller_access() -> None:
    store = aot.Store()
    made = aot.Linker(store.engine)

    def peek(caller: aot.Caller, at: int) -> int:
        memory = caller["memory"]
        assert isinstance(memory, aot.Memory)
        return memory[at]

    made.define_func("env", "peek", UNARY, peek, access_caller=True)
    text = """(module (import "env" "peek" (func $peek (param i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 9) "A")
      (func (export "run") (result i32) (call $peek (i32.const 9))))"""
    assert made.instantiate(store, aot.Module(store.engine, text)).exports(store)["run"](store) == 65


WRONG: dict[str, Callable[[Any], object]] = {
    "engine": lambda store: aot.Linker(store),
    "item": lambda store: aot.Linker(store.engine).define(store, "a", "b", store),
    "callable": lambda store: aot.Linker(store.engine).define_func("a", "b", UNARY, store),
    "type": lambda store: aot.Linker(store.engine).define_func("a", "b", store, abs),
    "instance": lambda store: aot.Linker(store.engine).define_instance(store, "a", store),
    "store": lambda store: aot.Linker(store.engine).get(store.engine, "a", "b"),
}


@pytest.mark.parametrize("bad", WRONG.values(), ids=WRONG)
def test_wrong_arguments(bad: Callable[[aot.Store], object]) -> None:
    with pytest.raises(TypeError):
        bad(aot.Store())


# ---- WASI ----------------------------------------------------------------------------------------------------------


def run_classic(package: Any, folder: Path, configure: Callable[[Any], None]) -> int:
    """The same lines for either package: how its users run a program."""
    engine = package.Engine()
    store = package.Store(engine)
    made = package.Linker(engine)
    made.define_wasi()
    config = package.WasiConfig()
    configure(config)
    store.set_wasi(config)
    module = package.Module.from_file(engine, str(tool.PROGRAM))
    instance = made.instantiate(store, module)
    try:
        instance.exports(store)["_start"](store)
    except package.ExitTrap as trap:
        return int(trap.code)
    return 0


@pytest.mark.parametrize("package", [aot, wasmtime], ids=["wasm2so", "wasmtime-py"])
def test_same_program_same_lines(package: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "d").mkdir()
    (tmp_path / "in").write_bytes(b"input")

    def configure(*argv: str, read_only: bool = False) -> Callable[[Any], None]:
        def do(config: Any) -> None:
            config.argv = ["tool", *argv]
            config.env = [("A", "1"), ["B", "2"]]
            config.stdin_file = str(tmp_path / "in")
            config.stdout_file = str(out)
            config.stderr_file = str(tmp_path / "err")
            config.preopen_dir(str(tmp_path / "d"), "/d", not read_only)

        return do

    assert run_classic(package, tmp_path, configure("args", "x")) == 0
    assert out.read_bytes() == b"[x]\n"
    run_classic(package, tmp_path, configure("env"))
    assert out.read_bytes() == b"[A=1]\n[B=2]\n"
    run_classic(package, tmp_path, configure("cat"))
    assert out.read_bytes() == b"input"
    assert run_classic(package, tmp_path, configure("exit", "3", "5")) == 3
    assert (tmp_path / "err").read_bytes() == b"exit handler\n"
    assert run_classic(package, tmp_path, configure("save", "/d/file", "made")) == 0
    assert (tmp_path / "d/file").read_text() == "made"
    assert run_classic(package, tmp_path, configure("save", "/d/file", "again", read_only=True)) == 1
    assert (tmp_path / "d/file").read_text() == "made"


@pytest.mark.parametrize("package", [aot, wasmtime], ids=["wasm2so", "wasmtime-py"])
def test_custom_output(package: Any, tmp_path: Path) -> None:
    seen: list[bytes] = []

    def configure(config: Any) -> None:
        config.argv = ["tool", "exit", "0", "0"]
        config.stdout_custom = seen.append
        config.stderr_custom = lambda data: len(data)

    assert run_classic(package, tmp_path, configure) == 0
    assert seen == [b"no newline"]


def test_configuration_of_the_classic_kind(tmp_path: Path) -> None:
    config = aot.WasiConfig()
    config.argv = ["a", "b"]
    config.env = [("A", "1")]
    assert (config.argv, config.env) == (["a", "b"], [("A", "1")])
    config.inherit_env()
    assert dict(config.env) == dict(os.environ)
    config.inherit_argv()
    assert config.argv
    config.preopen_dir(tmp_path, "/a", DirPerms.READ_ONLY, FilePerms.READ_ONLY)
    config.preopen_dir(tmp_path, "/b", DirPerms.READ_WRITE, FilePerms.READ_ONLY)
    config.preopen_dir(tmp_path, "/c")
    guest = direct.Guest(config)
    assert [guest.mkdir(b"new", dir=fd) for fd in (3, 4, 5)][2] == direct.OK
    assert guest.mkdir(b"other", dir=3) != direct.OK
    assert guest.mkdir(b"other", dir=4) != direct.OK
    guest.close()
    with pytest.raises(FileNotFoundError):
        config.stdin_file = tmp_path / "missing"
    with pytest.raises(NotADirectoryError):
        config.preopen_dir(tmp_path / "missing", "/d")
    with pytest.raises(TypeError):
        config.stdout_custom = "callable"  # type: ignore[assignment]


def test_inherited_streams_of_the_classic_kind() -> None:
    import subprocess

    text = """
config = aot.WasiConfig()
config.argv = ["tool", "cat"]
config.inherit_stdin(), config.inherit_stdout(), config.inherit_stderr()
store = aot.Store()
store.set_wasi(config)
linker = aot.Linker(store.engine)
linker.define_wasi()
try:
    linker.instantiate(store, tool.module()).exports(store)["_start"](store)
except aot.ExitTrap as trap:
    assert trap.code == 0
"""
    done = subprocess.run(tool.script(text), input=b"as it is", capture_output=True, check=True)
    assert done.stdout == b"as it is"


def test_store_without_a_context() -> None:
    store = aot.Store()
    made = aot.Linker(store.engine)
    made.define_wasi()
    with pytest.raises(aot.UsageError, match="set_wasi"):
        made.instantiate(store, tool.module())


def test_instances_of_a_store_share_its_context(tmp_path: Path) -> None:
    store = aot.Store()
    store.set_wasi(aot.Wasi(dirs={"/": tmp_path}))
    first, second = direct.module()(store=store), direct.module()(store=store)
    assert first.wasi is second.wasi is store.wasi
    assert first.exports["fd_close"](3) == direct.OK
    assert second.exports["fd_close"](3) == direct.BADF
    own = direct.module()(store=store, wasi=aot.Wasi(dirs={"/": tmp_path}))
    assert own.exports["fd_close"](3) == direct.OK
    with pytest.raises(aot.UsageError, match="another store"):
        direct.module()(wasi=store.wasi)


def test_functions_of_ones_own_come_first() -> None:
    seen: list[int] = []

    def fd_write(fd: int, *_: int) -> int:
        seen.append(fd)
        return direct.IO

    instance = tool.module()({"wasi_snapshot_preview1": {"fd_write": fd_write}}, wasi=aot.Wasi(["tool", "args", "x"]))
    instance.exports["_start"]()
    assert seen == [1]


def test_a_module_called_wasi_is_none_of_ours() -> None:
    module = aot.Module(aot.Engine(), '(module (import "wasi" "f" (func)) (func (export "g") call 0))')
    seen: list[int] = []
    module(wasi={"f": lambda: seen.append(1)}).g()
    assert seen == [1]
