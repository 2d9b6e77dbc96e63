"""Compiled modules as values: bytes, pickles, other processes."""

from __future__ import annotations

import contextlib
import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

import aot
from tests.embed.conftest import Compile
from tests.embed.test_modules import GCD

STATE = """(module (memory (export "m") 1) (data (i32.const 8) "image") (global (export "g") (mut i32) (i32.const 7))
  (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "boom") unreachable))"""


def _gcd(module: aot.Module, a: int, b: int) -> tuple[int, int]:
    return os.getpid(), module().gcd(a, b)


def _trap(module: aot.Module) -> str:
    instance = module()
    with pytest.raises(aot.Trap) as far:
        instance.load(1 << 20)
    with pytest.raises(aot.Trap):
        instance.boom()
    return f"{far.value.trap_code!r} {bytes(instance.m[8:13])!r}"


def test_bytes_and_back(wat: Compile, engine: aot.Engine, tmp_path: Path) -> None:
    data = wat(GCD).serialize()
    assert aot.Module.deserialize(engine, data)().gcd(6, 9) == 3
    assert aot.Module.deserialize(engine, bytearray(data)).serialize() == data
    path = tmp_path / "gcd.so"
    path.write_bytes(data)
    assert aot.Module.deserialize_file(engine, path)().gcd(12, 18) == 6
    assert aot.load(path).serialize() == data


def test_the_bytes_are_those_of_the_compiled_file(tmp_path: Path, engine: aot.Engine) -> None:
    path = tmp_path / "gcd.so"
    (tmp_path / "gcd.wat").write_text(GCD)
    aot.compile(tmp_path / "gcd.wat", path, engine.config)
    module = aot.Module.deserialize_file(engine, path)
    there = path.read_bytes()
    path.unlink()
    assert module.serialize() == there
    assert aot.Module(engine, GCD).serialize() == there


def test_images_traps_and_types_survive(wat: Compile, engine: aot.Engine) -> None:
    module = aot.Module.deserialize(engine, wat(STATE).serialize())
    assert [str(export.type) for export in module.exports] == ["1", "(mut i32)", "[i32] -> [i32]", "[] -> []"]
    assert _trap(module) == "<TrapCode.MEMORY_OUT_OF_BOUNDS: 1> b'image'"
    del module


def test_where_code_cannot_run_from_memory(
    wat: Compile, engine: aot.Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(name: str, flags: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "memfd_create", refuse)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert aot.Module.deserialize(engine, wat(STATE).serialize())().load(8) == ord("i")
    assert list(tmp_path.iterdir()) == []


def test_damaged_bytes(wat: Compile, engine: aot.Engine) -> None:
    data = wat(GCD).serialize()
    for bad in (b"", b"\0asm\1\0\0\0", data[:-1], data[: len(data) // 2], b"\x7fELF" + data[4:64]):
        with pytest.raises(aot.FormatError, match=r"^serialized module: "):
            aot.Module.deserialize(engine, bad)
    with pytest.raises(TypeError, match="expected an Engine"):
        aot.Module.deserialize(None, data)  # type: ignore[arg-type]


def test_nothing_is_left_open(wat: Compile, engine: aot.Engine) -> None:
    data = wat(GCD).serialize()
    aot.Module.deserialize(engine, data)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        aot.Module.deserialize(engine, data)
        with contextlib.suppress(aot.FormatError):
            aot.Module.deserialize(engine, data[:-1])
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_pickles_keep_name_and_engine(tmp_path: Path, cache_dir: Path) -> None:
    path = tmp_path / "gcd.wat"
    path.write_text(GCD)
    module = aot.load(path, aot.Config(opt_level=0, wasm_simd=False))
    for again in (pickle.loads(pickle.dumps(module)), copy.copy(module), copy.deepcopy([module])[0]):
        assert repr(again) == repr(module)
        assert again.engine.config == module.engine.config
        assert again().gcd(6, 9) == 3


def test_unpickling_needs_no_compiler(wat: Compile, tmp_path: Path) -> None:
    pickled = tmp_path / "module.pickle"
    pickled.write_bytes(pickle.dumps(wat(GCD)))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb'))().gcd(6, 9))"
    environment = {"PATH": "", "PYTHONPATH": str(Path(aot.__file__).parents[1]), "WASM2SO_CACHE_DIR": "/nowhere"}
    done = subprocess.run([sys.executable, "-c", code, pickled], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("3\n", "")


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_modules_in_other_processes(wat: Compile, method: str) -> None:
    context = multiprocessing.get_context(method)
    gcd, state = wat(GCD), wat(STATE)
    with ProcessPoolExecutor(2, context) as pool:
        answers = [pool.submit(_gcd, gcd, 6 * n, 9 * n) for n in range(1, 5)]
        assert [answer.result()[1] for answer in answers] == [3, 6, 9, 12]
        assert os.getpid() not in {answer.result()[0] for answer in answers}
        assert pool.submit(_trap, state).result() == "<TrapCode.MEMORY_OUT_OF_BOUNDS: 1> b'image'"


def test_instances_in_a_forked_child(wat: Compile) -> None:
    instance = wat(STATE)()
    instance.m[8:13] = b"other"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            good = instance.load(8) == ord("o")
            instance.m[8] = 0
            try:
                instance.load(1 << 20)
            except aot.Trap:
                status = 0 if good else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert instance.load(8) == ord("o")


def test_types_mean_the_same_in_other_processes(wat: Compile) -> None:
    """Type ids belong to a process: a pickle must not carry one."""
    i32, i64 = aot.ValType.i32(), aot.ValType.i64()
    types = [aot.FuncType([i64], [i32, i64]), aot.TableType(aot.ValType.funcref(), aot.Limits(1, 2))]
    assert isinstance(types[0], aot.FuncType)
    assert types[0]._id
    pickled = pickle.dumps(types)
    assert b"_id" not in pickled
    assert pickle.loads(pickled) == types
    code = """
import pickle, sys, aot
i64 = aot.ValType.i64()
aot.FuncType([i64] * 7, [])._id
type_, _ = pickle.load(sys.stdin.buffer)
print(aot.Func(aot.Store(), type_, lambda a: (1, a))(5))
"""
    done = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == (b"(1, 5)\n", b"")
    typed = wat('(module (type $t (func)) (func (export "f") (param (ref null $t))))').exports[0].type
    with pytest.raises(TypeError, match="has a meaning in this process only"):
        pickle.dumps(typed)


def test_modules_with_images(wat: Compile) -> None:
    base = wat(STATE)
    instance = base()
    instance.m[8:13] = b"later"
    module = base.with_image(instance.snapshot())
    with pytest.raises(aot.UsageError, match="no compiled file"):
        module.serialize()
    again = pickle.loads(pickle.dumps(module))
    assert again().m[8:13] == b"later"
    assert repr(again) == repr(module)
    assert base().m[8:13] == b"image"


def test_what_lives_in_a_store_is_not_pickled(wat: Compile) -> None:
    instance = wat(STATE)()
    with pytest.raises(TypeError, match="pickle its module"):
        pickle.dumps(instance)
    for item in (instance.store, instance.load, instance.m, instance.g):
        with pytest.raises(TypeError, match="cannot pickle"):
            pickle.dumps(item)
