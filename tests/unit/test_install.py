"""The package as users get it: built as a wheel, installed elsewhere, used with and without a compiler."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")

CODE = """
import sys
from pathlib import Path
import aot
target = Path(sys.argv[1])
assert Path(aot.__file__).is_relative_to(target), aot.__file__
print(aot.load(sys.argv[2])().gcd(48, 36))
"""


def run(*command: str | Path, cwd: Path, env: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


@pytest.mark.slow
@pytest.mark.skipif(int(version("setuptools").split(".")[0]) < 77, reason="builds need setuptools 77")
def test_the_wheel_is_complete(tmp_path: Path) -> None:
    source, target, work = tmp_path / "source", tmp_path / "target", tmp_path / "work"
    work.mkdir()
    made = ("__pycache__", "_runtime*.so")
    shutil.copytree(ROOT / "aot", source / "aot", ignore=shutil.ignore_patterns(*made))
    shutil.copytree(ROOT / "runtime_c", source / "runtime_c", ignore=shutil.ignore_patterns(*made, "build"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    offline = ("--no-deps", "--no-index")
    into = ("-w", str(tmp_path / "wheels"))
    subprocess.run([*PIP, "wheel", *offline, "--no-build-isolation", *into, source], check=True, timeout=600)
    (wheel,) = (tmp_path / "wheels").iterdir()
    subprocess.run([*PIP, "install", *offline, "--target", target, wheel], check=True, timeout=600)

    shutil.copy(ROOT / "tests" / "docs" / "files" / "gcd.wat", work / "gcd.wat")
    paths = {"PYTHONPATH": str(target), "WASM2SO_CACHE_DIR": str(tmp_path / "cache")}
    full = {"PATH": os.environ["PATH"], **paths}
    wasm2so = (sys.executable, "-m", "aot")
    assert run(*wasm2so, "gcd.wat", cwd=work, env=full) == ""
    assert run(*wasm2so, "run", "--invoke", "gcd", "gcd.wat", "48", "36", cwd=work, env=full) == "12\n"
    assert run(*wasm2so, "header", "gcd.so", cwd=work, env=full) == ""
    assert run(*wasm2so, "runtime", "-o", "sdk", cwd=work, env=full) == ""
    assert (work / "sdk" / "include" / "wasm2so" / "runtime.h").exists()
    bare = {"PATH": "", "WASM2SO_CC": "/no/compiler", **paths}
    assert run(sys.executable, "-c", CODE, target, "gcd.so", cwd=work, env=bare) == "12\n"
