"""Modules of extreme shape (`make hostile`): translated within a minute and 4 GiB, and compiled or refused."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.modules import BOMBS, REFUSED

REPOSITORY = Path(__file__).parents[2]
CPU_SECONDS = 60
COMPILE_SECONDS = 900
ADDRESS_SPACE = 4 << 30

pytestmark = pytest.mark.slow


def limit_translation() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def measure(*arguments: str, timeout: float, limit: Callable[[], None] | None = None) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.hostile.measure", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, preexec_fn=limit, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    return report


@pytest.mark.parametrize("bomb", BOMBS)
def test_translation(bomb: str, record_property: Callable[[str, object], None]) -> None:
    report = measure(bomb, timeout=10 * CPU_SECONDS, limit=limit_translation)
    for key, value in report.items():
        record_property(key, value)
    if bomb in REFUSED:
        assert report["outcome"] in ("DecodeError", "InvalidError", "LimitError")
        assert report["message"]
    else:
        assert report["outcome"] == "done", report["message"]


@pytest.mark.parametrize("bomb", [bomb for bomb in BOMBS if bomb not in REFUSED])
def test_compilation(bomb: str, record_property: Callable[[str, object], None]) -> None:
    """The C compiler has limits of its own; where they are reached, the error says so."""
    report = measure(bomb, "--compile", timeout=COMPILE_SECONDS)
    for key, value in report.items():
        record_property(key, value)
    assert report["compiler_megabytes"] <= ADDRESS_SPACE >> 20
    assert report["outcome"] in ("done", "BuildError"), report["message"]
    assert report["outcome"] == "done" or "ran out of" in report["message"]
