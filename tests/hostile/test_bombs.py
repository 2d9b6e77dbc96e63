"""Modules of extreme shape: translated or refused within a minute of CPU time and 4 GiB (`make hostile`)."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hostile.modules import BOMBS, REFUSED

REPOSITORY = Path(__file__).parents[2]
CPU_SECONDS = 60
ADDRESS_SPACE = 4 << 30


def set_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb(bomb: str, record_property: Callable[[str, object], None]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.measure", bomb],
        cwd=REPOSITORY,
        preexec_fn=set_limits,
        capture_output=True,
        text=True,
        timeout=10 * CPU_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    for key, value in report.items():
        record_property(key, value)
    if bomb in REFUSED:
        assert report["outcome"] in ("DecodeError", "InvalidError", "LimitError")
        assert report["message"]
    else:
        assert report["outcome"] == "done", report["message"]
