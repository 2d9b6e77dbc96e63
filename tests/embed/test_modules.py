"""Modules: sources, types of imports and exports, compiled files, the package's face."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import aot
from tests.embed.conftest import Compile

ALL = """(module
  (import "a" "f" (func (param i32 externref) (result i64 f32)))
  (import "a" "m" (memory 1 2)) (import "b" "t" (table 3 funcref)) (import "b" "g" (global (mut f64)))
  (func (export "nop")) (memory (export "mem") 5) (table (export "tab") 1 2 externref)
  (global (export "glob") i64 (i64.const 1)))"""
GCD = """(module (func (export "gcd") (param i32 i32) (result i32) (local i32)
  (block (loop (br_if 1 (i32.eqz (local.get 1)))
    (local.set 2 (i32.rem_u (local.get 0) (local.get 1)))
    (local.set 0 (local.get 1)) (local.set 1 (local.get 2)) (br 0))) (local.get 0)))"""


def test_imports_and_exports(wat: Compile) -> None:
    module = wat(ALL)
    i32, i64, f32, f64 = (getattr(aot.ValType, n)() for n in ("i32", "i64", "f32", "f64"))
    extern, func = aot.ValType.externref(), aot.ValType.funcref()
    assert module.imports == [
        aot.ImportType("a", "f", aot.FuncType([i32, extern], [i64, f32])),
        aot.ImportType("a", "m", aot.MemoryType(aot.Limits(1, 2))),
        aot.ImportType("b", "t", aot.TableType(func, aot.Limits(3))),
        aot.ImportType("b", "g", aot.GlobalType(f64, True)),
    ]
    assert module.exports == [
        aot.ExportType("nop", aot.FuncType([], [])),
        aot.ExportType("mem", aot.MemoryType(aot.Limits(5))),
        aot.ExportType("tab", aot.TableType(extern, aot.Limits(1, 2))),
        aot.ExportType("glob", aot.GlobalType(i64, False)),
    ]
    assert [str(i.type) for i in module.imports] == ["[i32 externref] -> [i64 f32]", "1 2", "3 funcref", "(mut f64)"]
    assert repr(module) == "<Module (no name): 4 imports, 4 exports>"


def test_value_types() -> None:
    names = ["i32", "i64", "f32", "f64", "v128", "funcref", "externref"]
    types = [getattr(aot.ValType, name)() for name in names]
    assert [str(t) for t in types] == names
    assert len(set(types)) == len(names)
    assert aot.ValType.i32() == aot.ValType.i32()
    assert repr(aot.FuncType(types[:1], [])) == "<FuncType [i32] -> []>"
    with pytest.raises(TypeError, match="expected a ValType, not str"):
        aot.FuncType(["i32"], [])  # type: ignore[list-item]


def test_load_takes_files_and_bytes(cache_dir: Path, tmp_path: Path, engine: aot.Engine) -> None:
    import wasmtime

    config = aot.Config(opt_level=0)
    text, binary, native = (tmp_path / f"gcd.{suffix}" for suffix in ("wat", "wasm", "so"))
    text.write_text(GCD)
    binary.write_bytes(wasmtime.wat2wasm(GCD))
    aot.compile(text, native, config)
    for source in (text, str(text), binary, native, binary.read_bytes(), bytearray(binary.read_bytes())):
        module = aot.load(source, config)
        assert module().gcd(6, 9) == 3
    assert repr(aot.load(binary, config)).startswith("<Module gcd.wasm")
    assert aot.Module.from_file(engine, binary)().gcd(12, 18) == 6
    assert len(list((cache_dir / "so").glob("*.so"))) >= 1
    with pytest.raises(FileNotFoundError):
        aot.load(tmp_path / "missing.wasm")


def test_without_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))
    module = aot.Module(aot.Engine(aot.Config(opt_level=0, cache=False)), GCD)
    assert module().gcd(6, 9) == 3
    assert not (tmp_path / "cache" / "so").exists()


def test_bad_modules(engine: aot.Engine) -> None:
    with pytest.raises(aot.DecodeError):
        aot.Module(engine, b"\0asm\2\0\0\0")
    with pytest.raises(aot.DecodeError):
        aot.Module(engine, "(module (nonsense))")
    invalid = bytes.fromhex("0061736d01000000010401600000030201000a0501030041010b")
    with pytest.raises(aot.ModuleError):
        aot.Module(engine, invalid)
    with pytest.raises(aot.ModuleError):
        aot.Module.validate(engine, invalid)
    aot.Module.validate(engine, b"\0asm\1\0\0\0")


def test_files_that_are_not_ours(engine: aot.Engine, tmp_path: Path) -> None:
    good = tmp_path / "good.so"
    aot.compile(b"\0asm\1\0\0\0", good)
    data = good.read_bytes()
    for name, content in {"half": data[: len(data) // 2], "text": b"\x7fELF nonsense", "empty": b""}.items():
        bad = tmp_path / name
        bad.write_bytes(content)
        with pytest.raises(aot.FormatError, match=name):
            aot.Module.deserialize_file(engine, bad)
    extension = next(Path(aot.__file__).parent.glob("_runtime*.so"))
    with pytest.raises(aot.FormatError, match="not a wasm2so object"):
        aot.Module.deserialize_file(engine, extension)


def test_one_module_many_stores(wat: Compile) -> None:
    module = wat('(module (global (export "g") (mut i32) (i32.const 0)) (memory (export "m") 1))')
    a, b = module(), module()
    a.g.value = 5
    a.m[0] = 5
    assert (b.g.value, b.m[0]) == (0, 0)
    assert a.store is not b.store
    assert a.g != b.g


def test_the_package_is_light_and_complete() -> None:
    code = """
import sys, time
start = time.perf_counter()
import aot
light = time.perf_counter() - start
heavy = {"aot.build", "pycparser", "ctypes", "click", "elftools"} & set(sys.modules)
assert not heavy, heavy
assert "aot._runtime" not in sys.modules
for name in aot.__all__:
    assert getattr(aot, name) is not None
assert set(aot.__all__) <= set(dir(aot))
heavy = {"aot.build", "pycparser", "click", "elftools"} & set(sys.modules)
assert not heavy, heavy
assert light < 1, light
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        aot.nothing  # noqa: B018
