"""``import`` of WebAssembly modules. Each test runs in a process of its own, so that sys.modules starts afresh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

import aot

ROOT = Path(__file__).parents[2]
GCD = '(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))'
ONE, TWO = (f'(module (func (export "number") (result i32) (i32.const {n})))' for n in (1, 2))


def wasm(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


def python(folder: Path, code: str) -> tuple[str, str]:
    """What a program prints that runs in ``folder``, and the last line of its traceback."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "WASM2SO_CACHE_DIR": str(folder / "cache")}
    command = [sys.executable, "-c", "import aot.importer\n" + code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return done.stdout, done.stderr.strip().rpartition("\n")[2]


@pytest.mark.parametrize("suffix", ["wasm", "wat", "so"])
def test_files_become_modules(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"adder.{suffix}"
    if suffix == "so":
        aot.compile(wasm(GCD), file, aot.Config(opt_level=0))
    else:
        file.write_bytes(GCD.encode() if suffix == "wat" else wasm(GCD))
    code = """
import adder
from adder import add
print(add(2, 3), adder.add is add, adder.__all__, adder.__file__, "add" in dir(adder), hasattr(adder, "nothing"))
print(aot.importer.instance_of(adder).add(1, 1))
"""
    assert python(tmp_path, code) == (f"5 True ['add'] {file} True False\n2\n", "")


def test_a_compiled_file_needs_no_compiler_and_no_cache(tmp_path: Path) -> None:
    aot.compile(wasm(GCD), tmp_path / "adder.so", aot.Config(opt_level=0))
    code = "import os; os.environ.update(PATH='', WASM2SO_CC='/bin/false'); import adder; print(adder.add(2, 3))"
    assert python(tmp_path, code) == ("5\n", "")
    assert not (tmp_path / "cache").exists()


def test_what_is_current_is_used(tmp_path: Path) -> None:
    aot.compile(wasm(ONE), tmp_path / "m.so", aot.Config(opt_level=0))
    (tmp_path / "m.wasm").write_bytes(wasm(TWO))
    code = "import m; print(m.number(), m.__file__)"
    assert python(tmp_path, code) == (f"2 {tmp_path / 'm.wasm'}\n", "")
    (tmp_path / "m.wasm").write_bytes(wasm(ONE))
    assert python(tmp_path, code) == (f"1 {tmp_path / 'm.so'}\n", "")


def test_python_comes_first(tmp_path: Path) -> None:
    for name in ("both", "json", "late"):
        (tmp_path / f"{name}.wasm").write_bytes(wasm(ONE))
    (tmp_path / "both.py").write_text("number = 'python'")
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "late.py").write_text("number = 'earlier'")
    code = """
import sys; sys.path.insert(0, "first")
import both, late, math, _cffi_backend
print(both.number, late.number)
"""
    assert python(tmp_path, code) == ("python earlier\n", "")


LIBRARY = '(module (memory (export "memory") 1) (func (export "touch") (i32.store8 (i32.const 0) (i32.const 65))))'
USER = """(module (import "library" "memory" (memory 1)) (import "library" "touch" (func $touch))
  (import "env" "log" (func $log (param i32)))
  (func (export "_initialize") (call $touch) (call $log (i32.load8_u (i32.const 0))))
  (func (export "nothing")))"""


def test_imports_within_a_package(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "library.wasm").write_bytes(wasm(LIBRARY))
    (package / "user.wasm").write_bytes(wasm(USER))
    (package / "host.py").write_text("from os import abort as log2\ndef log(x: int) -> None: print('log', x)\n")
    (package / "__init__.py").write_text(
        "import aot.importer\nfrom . import host\naot.importer.provide('env', host, package=__name__)\n"
    )
    code = """
from pack import user, library
print("imported")
user.nothing()
print(library.memory[0], aot.importer.instance_of(user).store is aot.importer.instance_of(library).store)
"""
    assert python(tmp_path, code) == ("imported\nlog 65\n65 True\n", "")


@pytest.mark.parametrize("name", ["os", "helper", "builtins", "..", "a b", "pack.other"])
def test_guests_cannot_reach_python_modules(tmp_path: Path, name: str) -> None:
    (tmp_path / "evil.wasm").write_bytes(wasm(f'(module (import "{name}" "abort" (func)) (func (export "f")))'))
    (tmp_path / "helper.py").write_text("print('helper was imported')\ndef abort(): print('called')\n")
    out, error = python(tmp_path, "import evil; evil.f()")
    assert out == ""
    assert error == f"ImportError: evil imports from {name!r}: give it with aot.importer.provide({name!r}, ...)"


def test_a_python_module_offers_what_it_defines(tmp_path: Path) -> None:
    (tmp_path / "evil.wasm").write_bytes(
        wasm('(module (import "env" "getpid" (func (result i32))) (func (export "f")))')
    )
    (tmp_path / "host.py").write_text("from os import getpid\n")
    code = "import evil, host; aot.importer.provide('env', host); evil.f()"
    assert python(tmp_path, code)[1].startswith('aot.errors.UnknownImportError: unknown import: "env" "getpid"')
    (tmp_path / "host.py").write_text("from os import getpid\n__all__ = ['getpid']\n")
    assert python(tmp_path, code) == ("", "")


def test_wasi(tmp_path: Path) -> None:
    hello = r"""(module
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (memory (export "memory") 1) (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
      (func (export "_start") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 64)))))"""
    (tmp_path / "hello.wasm").write_bytes(wasm(hello))
    assert python(tmp_path, "import hello; hello._start()") == ("hello\n", "")
    code = "aot.importer.provide_wasi(aot.Wasi(stdout=lambda data: print(data))); import hello; hello._start()"
    assert python(tmp_path, "import aot\n" + code) == ("b'hello\\n'\n", "")


def test_errors_are_import_errors(tmp_path: Path) -> None:
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0\xff")
    out, error = python(tmp_path, "import bad")
    assert error.startswith(f"ImportError: {tmp_path / 'bad.wasm'}: ")
    for a, b in (("one", "two"), ("two", "one")):
        (tmp_path / f"{a}.wasm").write_bytes(wasm(f'(module (import "{b}" "f" (func)) (func (export "f")))'))
    assert python(tmp_path, "import one; one.f()")[1] == "ImportError: one imports itself, through other modules"
    assert python(tmp_path, "import json; aot.importer.instance_of(json)")[1] == (
        "TypeError: json was not loaded by aot.importer"
    )
