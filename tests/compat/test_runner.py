"""The command that runs wasmtime-py's own tests: what it counts, lists and reports."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.compat.__main__ import REPOSITORY

pytest.importorskip("wasmtime")

FILES = {
    "tests/__init__.py": "",
    "tests/test_good.py": "from wasmtime import *\ndef test_a(): Store()\ndef test_b(): Limits(1, 2)\n",
    "tests/test_bad.py": "import wasmtime\ndef test_c(): wasmtime.no_such_name\ndef test_d(): wasmtime.Store()\n",
    "tests/test_broken.py": "import no_such_module\n",
    "tests/component/test_x.py": "def test_e(): assert False\n",
    "examples/good.py": "from wasmtime import wat2wasm\nassert len(wat2wasm('(module)')) == 8\n",
    "examples/bad.py": "raise ValueError('this one')\n",
    "wasmtime/__init__.py": "raise AssertionError('not the clone\\'s package')\n",
}


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.compat", str(folder)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)


def test_counts_by_file(tmp_path: Path) -> None:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    done = run(tmp_path)
    lines = done.stdout.splitlines()
    assert done.returncode == 1, done.stderr
    for line in (
        "   2 of   2  tests/test_good.py",
        "   1 of   2  tests/test_bad.py",
        "   0 of   1  tests/test_broken.py",
        "3 of 5 tests passed",
        "ran      examples/good.py",
        "failed   examples/bad.py",
        "not run  tests/component/test_x.py: components",
        "examples/bad.py: ValueError: this one",
    ):
        assert line in lines
    assert any(line.startswith("tests/test_bad.py::test_c: failed: AttributeError") for line in lines)
    for name in ("tests/test_bad.py", "tests/test_broken.py", "examples/bad.py"):
        (tmp_path / name).unlink()
    assert run(tmp_path).returncode == 0
