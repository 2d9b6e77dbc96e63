"""Telling jumps from calls in an object: the check that tail calls as jumps rest on, and what happens if it fails."""

from __future__ import annotations

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from aot.build import BuildOptions, compile_to_file
from aot.build.jumps import all_jumps
from aot.errors import FormatError
from tests.unit.compilers import fake_compiler, runs
from tests.wast.assemble import assemble

COMPILERS = [cc for cc in ("gcc", "clang") if shutil.which(cc)]
TAIL_CALLS = """(module
  (func $even (export "even") (param i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 1))))
    (return_call $odd (i64.sub (local.get 0) (i64.const 1))))
  (func $odd (param i64) (result i64)
    (if (i64.eqz (local.get 0)) (then (return (i64.const 0))))
    (return_call $even (i64.sub (local.get 0) (i64.const 1)))))"""


def object_of(tmp_path: Path, cc: str, body: str, *flags: str) -> Path:
    (tmp_path / "m.c").write_text(f"int w_j7(int); int w_k3(int); int w_f7(int);\n{body}\n")
    command = [cc, "-O2", "-fPIC", "-foptimize-sibling-calls", *flags, "-c", "m.c", "-o", "m.o"]
    subprocess.run(command, cwd=tmp_path, check=True)
    return tmp_path / "m.o"


@pytest.mark.parametrize("cc", COMPILERS)
@pytest.mark.parametrize("name", ["w_j7", "w_k3"])
def test_jumps_and_calls_are_told_apart(tmp_path: Path, cc: str, name: str) -> None:
    assert all_jumps(object_of(tmp_path, cc, f"int f(int x) {{ return {name}(x + 1); }}"))
    assert all_jumps(object_of(tmp_path, cc, f"int f(int x) {{ if (x) return {name}(x); return w_f7(x) + 1; }}"))
    assert not all_jumps(object_of(tmp_path, cc, f"int f(int x) {{ return {name}(x) + 1; }}"))
    assert not all_jumps(
        object_of(tmp_path, cc, f"int f(int x) {{ return {name}(x); }} int g(int x) {{ return 1 + {name}(x); }}")
    )
    assert not all_jumps(
        object_of(tmp_path, cc, f"int f(int x) {{ return {name}(x); }}", "-fno-optimize-sibling-calls")
    )
    assert not all_jumps(object_of(tmp_path, cc, f"int (*f(void))(int) {{ return {name}; }}"))
    assert not all_jumps(object_of(tmp_path, cc, f"int f(int x) {{ return {name}(x); }}", "-fno-plt"))


@pytest.mark.parametrize("cc", COMPILERS)
def test_other_calls_do_not_matter(tmp_path: Path, cc: str) -> None:
    assert all_jumps(object_of(tmp_path, cc, "int f(int x) { return w_f7(x) + 1; }", "-g"))


def test_damaged_objects(tmp_path: Path) -> None:
    path = object_of(tmp_path, COMPILERS[0], "int f(int x) { return w_j7(x); }")
    path.write_bytes(path.read_bytes()[:70])
    with pytest.raises(FormatError, match="damaged ELF file"):
        all_jumps(path)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the fake compiler is made for this machine's")
def test_a_compiler_that_makes_calls_is_given_the_other_form(tmp_path: Path) -> None:
    """A compiler that does not do as the flag says: the file is compiled again, and its tail calls are requests."""
    cc = fake_compiler(
        tmp_path, f'exec {shutil.which("gcc") or shutil.which("clang")} "$@" -fno-optimize-sibling-calls'
    )
    report = compile_to_file(assemble(TAIL_CALLS.encode()), tmp_path / "m.so", BuildOptions(cc=cc, opt_level=2))
    (unit,) = report.units
    assert not unit.jumps
    assert unit.opt == 2
    compiles = runs(tmp_path)
    assert ["-DW2S_JUMPS=1" in line for line in compiles] == [True, False]


def test_modules_without_tail_calls_are_compiled_as_ever(tmp_path: Path) -> None:
    wasm = assemble(b'(module (func (export "f") (result i32) (i32.const 1)))')
    (unit,) = compile_to_file(wasm, tmp_path / "m.so", BuildOptions(opt_level=1, keep=tmp_path / "c")).units
    assert not unit.jumps
    assert all("-foptimize-sibling-calls" not in command for command in unit.commands)
    assert "W2S_" not in (tmp_path / "c" / "f0.c").read_text()
