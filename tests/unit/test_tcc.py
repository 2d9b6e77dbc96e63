"""Builds in the least time: what tcc compiles, what it must not, and what is done without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aot
from aot.abi import include_dir
from aot.build import BuildOptions, BuildReport, compile_to_file, find_toolchain
from aot.build.tcc import MAX_FRAME_BYTES, Tcc, check_frames, find_tcc
from aot.build.toolchain import QUICKEST, with_tcc
from aot.cli import main
from aot.embed import wat
from tests.unit.compilers import a_compiler, chunked_module, small_module
from tests.wasm_builder import FUNC, I32, ModuleBuilder, i32_const, uleb

ROOT = Path(__file__).parents[2]
needs_tcc = pytest.mark.skipif(
    find_tcc(find_toolchain(a_compiler()).machine, include_dir()) is None, reason="there is no tcc that can be used"
)


def fast(data: bytes, folder: Path, **options: object) -> BuildReport:
    return compile_to_file(data, folder / "m.so", BuildOptions(fast=True, **options))  # type: ignore[arg-type]


def loaded(report: BuildReport) -> aot.Instance:
    return aot.load(report.out)()


def broken_tcc(folder: Path, said: str) -> None:
    """A tcc first on the PATH that answers every run with ``said``."""
    script = folder / "tcc"
    script.write_text(f"#!/bin/sh\n{said}\n")
    script.chmod(0o755)


@needs_tcc
def test_functions_are_compiled_by_tcc(tmp_path: Path) -> None:
    report = fast(chunked_module(3), tmp_path, jobs=2)
    assert [unit.compiler.split()[0] for unit in report.units[1:]] == ["tcc"] * 3
    assert report.units[0].compiler.split()[0] != "tcc", "descriptor and stubs are another's"
    assert report.not_by_tcc == ()
    instance = loaded(report)
    assert [instance.exports[f"f{k}"]() for k in range(3)] == [0, 1, 2]


@needs_tcc
def test_only_the_descriptor_is_exported(tmp_path: Path) -> None:
    if (nm := shutil.which("nm")) is None:
        pytest.skip("nm is not installed")
    report = fast(chunked_module(2), tmp_path)
    listed = subprocess.run([nm, "-D", "--defined-only", report.out], capture_output=True, text=True, check=True)
    assert [line.split()[-1] for line in listed.stdout.splitlines()] == ["w2s_module_descriptor"]


@needs_tcc
def test_what_tcc_lacks_another_compiler_has(tmp_path: Path) -> None:
    vector = wat.to_wasm('(func (export "f") (result i32) (i32x4.extract_lane 1 (v128.const i32x4 1 7 3 4)))')
    atomic = wat.to_wasm(
        '(memory 1 1 shared) (func (export "f") (result i32) (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))'
    )
    for data, lacking, result in ((vector, "vectors", 7), (atomic, "atomic operations", 0)):
        report = fast(data, tmp_path)
        ((compiler, reason, n),) = report.not_by_tcc
        assert (reason, n) == (f"{lacking}, which tcc lacks", 1)
        assert not compiler.startswith("tcc")
        assert loaded(report).exports["f"]() == result


def frame_module(n_locals: int) -> bytes:
    """A function that calls itself without end, and all of whose locals are used."""
    builder = ModuleBuilder()
    code = b"".join(b"\x20" + uleb(k) + i32_const(1) + b"\x6a\x21" + uleb(k + 1) for k in range(n_locals - 1))
    body = code + b"\x20" + uleb(n_locals - 1) + b"\x10\x00"
    builder.export("f", FUNC, builder.function(builder.type(I32, I32), body, ((n_locals, I32),)))
    return builder.build()


@needs_tcc
def test_large_frames_are_left_to_compilers_that_touch_their_pages(tmp_path: Path) -> None:
    report = fast(frame_module(20_000), tmp_path)
    ((_, reason, _),) = report.not_by_tcc
    assert reason.startswith("a function has a frame of ")
    assert int(reason.split()[-2]) > MAX_FRAME_BYTES


@needs_tcc
@pytest.mark.parametrize("n_locals", [1, 4000])
def test_endless_recursion_traps(n_locals: int, tmp_path: Path) -> None:
    report = fast(frame_module(n_locals), tmp_path)
    assert report.not_by_tcc == ()
    program = f"import aot\ntry: aot.load({str(report.out)!r})().f(1)\nexcept aot.Trap as trap: print(trap.message)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "call stack exhausted"), done.stderr[-2000:]


@needs_tcc
def test_frames_of_other_compilers_are_not_taken_for_small_ones(tmp_path: Path) -> None:
    (tmp_path / "f.c").write_text("int f(int x) { char large[100000]; large[x] = 1; return large[x / 2]; }\n")
    subprocess.run([a_compiler(), "-O1", "-c", "f.c"], cwd=tmp_path, check=True)
    assert check_frames(tmp_path / "f.o") == "a function does not begin as it should"


@needs_tcc
def test_unused_loads_trap(tmp_path: Path) -> None:
    text = '(memory 1) (func (export "f") (param i32) (drop (i32.load (local.get 0))))'
    instance = loaded(fast(wat.to_wasm(text), tmp_path))
    with pytest.raises(aot.Trap, match="out of bounds memory access"):
        instance.exports["f"](-4)


@pytest.mark.parametrize("said", ["exit 1", "echo tcc version 0.9.26; [ $1 = -v ]", 'echo "tcc version 0.9.27"'])
def test_a_tcc_that_fails_the_trial_is_not_used(said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken_tcc(tmp_path, said)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    found = find_tcc("x86_64", include_dir())
    if said.startswith('echo "'):
        # It claims to have run the trial, but leaves no object: the other compiler steps in.
        assert found is not None
        report = fast(small_module(), tmp_path)
        assert [row[2] for row in report.not_by_tcc] == [1]
        assert loaded(report).exports["answer"]() == 42
    else:
        assert found is None


def test_the_trial_finds_wrong_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a broken conversion in place of tcc.h's own, the trial must fail."""
    if shutil.which("tcc") is None:
        pytest.skip("tcc is not installed")
    headers = tmp_path / "include"
    shutil.copytree(include_dir(), headers)
    assert find_tcc("x86_64", headers) is not None
    text = (headers / "wasm2so" / "tcc.h").read_text()
    bent = tmp_path / "bent"
    shutil.copytree(include_dir(), bent)
    (bent / "wasm2so" / "tcc.h").write_text(text.replace("(x >> 1 | (x & 1))", "(x >> 1)"))
    assert find_tcc("x86_64", bent) is None


def test_other_machines_have_no_tcc() -> None:
    assert find_tcc("aarch64", include_dir()) is None


def test_without_tcc_the_quickest_compiler_does_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("clang", "gcc"):
        if found := shutil.which(name):
            (tmp_path / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv("WASM2SO_CC", raising=False)
    toolchain = find_toolchain(fast=True)
    assert toolchain.tcc is None
    assert toolchain.command[0] == next(str(tmp_path / name) for name in QUICKEST if (tmp_path / name).exists())


def test_fast_is_level_0_without_offsets() -> None:
    options = BuildOptions(fast=True, opt_level=3)
    assert (options.opt_level, options.has_offsets) == (0, False)


def test_the_cache_tells_fast_builds_apart() -> None:
    toolchain = find_toolchain(a_compiler())
    assert BuildOptions(opt_level=0, offsets=False).code_key(toolchain) != BuildOptions(fast=True).code_key(toolchain)
    other = Tcc(("/usr/bin/tcc",), "tcc version 9")
    assert with_tcc(toolchain).identity != toolchain.identity or with_tcc(toolchain).tcc is None
    assert (
        "tcc version 9"
        in type(toolchain)(**{f: getattr(toolchain, f) for f in toolchain.__slots__} | {"tcc": other}).identity
    )


@needs_tcc
def test_the_command_and_the_engine_compile_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))
    Path("m.wasm").write_bytes(small_module(7))
    assert main(("compile", "--fast", "-v", "m.wasm")) == 0
    assert "tcc -w " in capfd.readouterr().err
    assert aot.load(tmp_path / "m.so")().answer() == 7
    assert main(("run", "--fast", "--invoke", "answer", "m.wasm")) == 0
    assert capfd.readouterr().out == "7\n"
    engine = aot.Engine(aot.Config(fast=True))
    assert aot.Instance(aot.Store(engine), aot.Module(engine, small_module(9)), []).exports["answer"]() == 9
    Path("v.wasm").write_bytes(wat.to_wasm("(func (result v128) (v128.const i64x2 1 2))"))
    assert main(("compile", "--fast", "v.wasm")) == 0
    assert "note: 1 of 2 files compiled by " in capfd.readouterr().err
