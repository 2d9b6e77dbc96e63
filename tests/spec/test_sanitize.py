"""The suite's run with sanitizers sees what it should: errors in generated code and in the runtime end the process."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

import aot
from tests.spec.sanitize import COMPILER, FLAGS, environment_of_run

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc: nothing was sanitized")

PLANTED = """
#include <stdlib.h>
int shift(int n) { return 1 << n; }
int heap(int n) { char *p = malloc(8); int x = ((volatile char *)p)[n]; free(p); return x; }
int cast(int n) { volatile float f = n * 1e30f; return (int)f; }
int wrap(int n) { return n + 0x7fffffff; }
int divide(int n) { volatile float f = 1.0f / n; return f > 1; }
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    (folder / "planted.c").write_text(PLANTED)
    made = folder / "planted.so"
    flags = [*FLAGS, "-fwrapv", "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, str(folder / "planted.c"), "-o", str(made)], check=True)
    return made


def call(planted: Path, function: str, argument: int) -> subprocess.CompletedProcess[str]:
    code = f"import ctypes; ctypes.CDLL({str(planted)!r}).{function}({argument})"
    return subprocess.run(
        [sys.executable, "-c", code], env=environment_of_run(), capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("function", "good", "bad", "report"),
    [
        ("shift", 31, 32, "shift exponent 32 is too large"),
        ("heap", 7, 8, "heap-buffer-overflow"),
        ("cast", 0, 1, "is outside the range of representable values"),
    ],
)
def test_errors_end_the_process(planted: Path, function: str, good: int, bad: int, report: str) -> None:
    assert call(planted, function, good).returncode == 0
    found = call(planted, function, bad)
    assert found.returncode < 0
    assert report in found.stderr


@pytest.mark.parametrize(("function", "argument"), [("wrap", 1), ("divide", 0)])
def test_what_the_flags_define_is_no_error(planted: Path, function: str, argument: int) -> None:
    assert call(planted, function, argument).returncode == 0


def test_generated_code_is_sanitized(tmp_path: Path) -> None:
    data = bytes.fromhex("0061736d01000000010501600001 7f0302010005030100010a0901070041002802000b".replace(" ", ""))
    aot.compile(data, tmp_path / "out.so", aot.Config(cc=COMPILER, opt_level=0, memory="guard"))
    with (tmp_path / "out.so").open("rb") as file:
        section = ELFFile(file).get_section_by_name(".dynsym")
        assert isinstance(section, SymbolTableSection)
        names = {symbol.name for symbol in section.iter_symbols()}
    assert any(name.startswith("__asan_report_load") for name in names)
    assert any(name.startswith("__ubsan_handle") for name in names)
