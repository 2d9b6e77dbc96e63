"""Running a compiler: limits hold, nothing outlives the run, and nothing of the environment leaks in."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from aot.build.run import LOG_BYTES, Outcome, RunLimits, RunResult, compiler_environment, run_compiler
from tests.unit.compilers import left_over


def run(tmp: Path, script: str, limits: RunLimits | None = None) -> RunResult:
    """Run a shell script as a compiler would be run."""
    return run_compiler(("/bin/sh", "-c", script), tmp, limits or RunLimits(), compiler_environment(tmp))


def python(code: str) -> str:
    return f"{sys.executable} -S -c '{code}'"


def test_output_and_status_come_back(tmp_path: Path) -> None:
    result = run(tmp_path, "echo out; echo err >&2; exit 3")
    assert (result.outcome, result.returncode, result.log) == (Outcome.FAILED, 3, "out\nerr\n")
    assert result.peak_bytes > 100_000


def test_environment_is_scrubbed(tmp_path: Path) -> None:
    hostile = {"PATH": "/bin", "CPATH": "/evil", "LD_PRELOAD": "/evil.so", "COMPILER_PATH": "/evil", "LANG": "de_DE"}
    env = compiler_environment(tmp_path, hostile)
    assert not {"CPATH", "LD_PRELOAD", "COMPILER_PATH", "LANG"} & env.keys()
    assert (env["PATH"], env["LC_ALL"], env["TMPDIR"]) == ("/bin", "C", str(tmp_path))


def test_endless_output_is_cut(tmp_path: Path) -> None:
    result = run(tmp_path, "head -c 3000000 /dev/zero | tr '\\0' x; exit 1")
    assert (result.outcome, len(result.log)) == (Outcome.FAILED, LOG_BYTES)


def test_hung_run_ends_with_all_that_it_started(tmp_path: Path) -> None:
    start = time.monotonic()
    result = run(tmp_path, "sleep 600 & echo $! > pids; sleep 600", RunLimits(wall_seconds=0.5))
    assert result.outcome is Outcome.TIMEOUT
    assert time.monotonic() - start < 5
    assert left_over(tmp_path) == []


def test_what_stays_behind_a_finished_run_is_ended(tmp_path: Path) -> None:
    start = time.monotonic()
    result = run(tmp_path, "sleep 600 & echo $! > pids; exit 0")
    assert result.outcome is Outcome.OK
    assert time.monotonic() - start < 5
    assert left_over(tmp_path) == []


def test_cpu_limit(tmp_path: Path) -> None:
    result = run(tmp_path, python("while True: pass"), RunLimits(wall_seconds=30, cpu_seconds=1))
    assert result.outcome is Outcome.TIMEOUT
    assert result.seconds < 20


@pytest.mark.parametrize("prefix", ["exec ", "", "sleep 0.1; "], ids=["itself", "child", "later child"])
def test_memory_limit_reaches_every_process(tmp_path: Path, prefix: str) -> None:
    script = prefix + python("import time; time.sleep(0.3); bytearray(1 << 30)")
    result = run(tmp_path, script, RunLimits(memory_bytes=400 << 20))
    assert result.returncode != 0
    assert "MemoryError" in result.log


def test_file_size_limit(tmp_path: Path) -> None:
    result = run(tmp_path, "sleep 0.3; head -c 100000 /dev/zero > big", RunLimits(file_bytes=5000))
    assert result.outcome is not Outcome.OK
    assert (tmp_path / "big").stat().st_size <= 5000


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("kill -SEGV $$", Outcome.CRASHED),
        ("kill -KILL $$", Outcome.MEMORY),
        ("echo 'internal compiler error: in foo'; exit 1", Outcome.CRASHED),
        ("echo 'cc: fatal error: Killed signal terminated program cc1'; exit 1", Outcome.MEMORY),
        ("echo 'virtual memory exhausted: Cannot allocate memory'; exit 1", Outcome.MEMORY),
        ("echo 'gcc: fatal error: CPU time limit exceeded signal terminated program cc1'; exit 1", Outcome.TIMEOUT),
        ("echo 'x.c:1: error: no'; exit 1", Outcome.FAILED),
    ],
)
def test_outcomes(tmp_path: Path, script: str, outcome: Outcome) -> None:
    assert run(tmp_path, script).outcome is outcome


def test_missing_program_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        run_compiler(("/nonexistent/cc",), tmp_path, RunLimits(), compiler_environment(tmp_path))
