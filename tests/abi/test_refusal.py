"""A `.so` that is truncated, foreign, or made for another interface is refused before anything of it runs."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

import aot
from aot.abi import abi_digest
from tests.wast.assemble import assemble

WAT = b'(module (memory 1) (data (i32.const 0) "x") (func (export "f") (result i32) (i32.const 7)))'


@pytest.fixture(scope="module")
def shared_object(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("refusal") / "m.so"
    aot.compile(assemble(WAT), out, aot.Config(opt_level=0))
    assert aot.load(out)().f() == 7
    return out


def refused(path: Path) -> str:
    with pytest.raises(aot.FormatError) as caught:
        aot.load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_truncated_anywhere(shared_object: Path, tmp_path: Path) -> None:
    whole = shared_object.read_bytes()
    chance = random.Random(1)
    for size in [0, 1, 16, 63, 64, len(whole) - 1, *(chance.randrange(len(whole)) for _ in range(100))]:
        cut = tmp_path / "cut.so"
        cut.write_bytes(whole[:size])
        refused(cut)


def test_made_for_another_interface(shared_object: Path, tmp_path: Path) -> None:
    whole = shared_object.read_bytes()
    assert whole.count(abi_digest()) == 1
    stale = tmp_path / "stale.so"
    stale.write_bytes(whole.replace(abi_digest(), bytes(32)))
    assert "another" in refused(stale)


def test_another_programs_shared_object(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler is not None
    source, out = tmp_path / "other.c", tmp_path / "other.so"
    source.write_text("#include <stdlib.h>\n__attribute__((constructor)) static void run(void) { abort(); }\nint x;\n")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(out), str(source)], check=True, timeout=60)
    refused(out)


def test_not_a_shared_object_at_all(tmp_path: Path) -> None:
    for content in (b"\x7fELF", b"MZ" + bytes(100), b"\x7fELF\x02\x01\x01" + bytes(57)):
        path = tmp_path / "no.so"
        path.write_bytes(content)
        refused(path)
