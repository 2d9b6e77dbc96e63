"""simd.h gives the same results on every machine, with every compiler and at every level."""

from __future__ import annotations

import importlib.util
import itertools
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from aot.abi import include_dir
from aot.build.toolchain import OPTIONAL, REQUIRED, native_cpu_level
from tests.simd.driver import program

INPUTS = 2000
FLAGS = (*(flag for flag in REQUIRED if flag != "-w"), "-Wall", "-Wextra", "-Wno-unused-function", "-Werror")
QEMU = "qemu-aarch64"


def printed(command: Sequence[str], folder: Path, run: Sequence[str] = ()) -> str:
    """What the program prints when compiled by ``command``, run by ``run``."""
    (folder / "driver.c").write_text(program(INPUTS))
    flags = (*FLAGS, f"-I{include_dir()}", "driver.c", "-o", "driver")
    subprocess.run([*command, *flags, "-lm"], cwd=folder, check=True)
    return subprocess.run([*run, "./driver"], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The plain form, without optimisation: loops over lanes of scalar instructions."""
    return printed(("gcc", "-O0", "-march=x86-64"), tmp_path_factory.mktemp("reference"))


def test_arithmetic_never_gives_a_signalling_nan(reference: str) -> None:
    assert reference.count("\n") > 250
    assert "SIGNALLING" not in reference


CHOICES = [
    pytest.param(cc, level, opt, marks=() if (cc, opt) == ("gcc", 2) or level == 2 and opt else pytest.mark.slow)
    for cc, level, opt in itertools.product(("gcc", "clang"), (1, 2, 3), (0, 1, 2))
]


@pytest.mark.parametrize(("cc", "level", "opt"), CHOICES)
def test_x86(cc: str, level: int, opt: int, reference: str, tmp_path: Path) -> None:
    if shutil.which(cc) is None or level > native_cpu_level():
        pytest.skip(f"{cc} for x86-64-v{level} cannot run here")
    march = "x86-64" if level == 1 else f"x86-64-v{level}"
    assert printed((cc, f"-O{opt}", f"-march={march}", *(OPTIONAL if cc == "gcc" else ())), tmp_path) == reference


@pytest.mark.slow
@pytest.mark.parametrize("opt", [0, 2])
def test_aarch64(opt: int, reference: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("NOT TESTED on aarch64: the ziglang package, which compiles for it, is not installed")
    if shutil.which(QEMU) is None:
        pytest.skip(f"NOT TESTED on aarch64: {QEMU} is not installed (Debian: apt-get install qemu-user)")
    zig = (sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-linux-musl", "-static", "-fno-sanitize=undefined")
    assert printed((*zig, f"-O{opt}"), tmp_path, (QEMU,)) == reference
