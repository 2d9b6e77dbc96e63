"""Runs one compiler: no shell, a scrubbed environment, limits on time, memory and files, and nothing left behind.

The command is started as the leader of a session of its own, so that all it starts can be ended together. Limits are
set on the started tree with prlimit, never between fork and exec: the caller may have threads.
"""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aot.build.folders import cache_root

LOG_BYTES = 64 << 10
"""What is kept of a compiler's output; the rest is read and dropped."""

_CPU_GRACE = 5
_TICK_SECONDS = 0.05
_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"

# How compilers say that a resource ran out, or that they broke, when they catch it themselves.
_MEMORY_SIGNS = ("out of memory", "memory exhausted", "cannot allocate memory", "bad_alloc", "killed signal terminated")
_TIME_SIGNS = ("cpu time limit exceeded",)
_CRASH_SIGNS = (
    "internal compiler error",
    "submit a bug report",
    "signal terminated program",
    "unable to execute command",
)


class Outcome(StrEnum):
    """How a run ended. Only FAILED is the compiler's own verdict on its input."""

    OK = "ok"
    FAILED = "failed"
    TIMEOUT = "ran out of time"
    MEMORY = "ran out of memory"
    CRASHED = "crashed"


@dataclass(frozen=True, slots=True)
class RunLimits:
    """``wall_seconds`` covers the whole run; the other limits hold for each process of it."""

    wall_seconds: float = 600.0
    cpu_seconds: int = 120
    memory_bytes: int = 4 << 30
    file_bytes: int = 2 << 30


@dataclass(frozen=True, slots=True)
class RunResult:
    """``log`` is standard output and error together; ``cpu_seconds`` are those of all processes. ``peak_bytes`` is the
    largest one's resident memory, and never less than this process's own when it started the command: Linux counts from
    the fork on.
    """

    outcome: Outcome
    returncode: int
    log: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int


def compiler_environment(tmp: Path, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The few variables that a compiler gets. CPATH, LIBRARY_PATH, LD_PRELOAD and their like do not pass."""
    source = os.environ if environ is None else environ
    return {
        "PATH": source.get("PATH") or _DEFAULT_PATH,
        "LC_ALL": "C",
        "HOME": str(tmp),
        "TMPDIR": str(tmp),
        # zig builds its own libc stubs once, in some twenty seconds, and keeps them here.
        "ZIG_GLOBAL_CACHE_DIR": source.get("ZIG_GLOBAL_CACHE_DIR") or str(cache_root() / "zig"),
        "ZIG_LOCAL_CACHE_DIR": str(tmp / "zig-local"),
    }


def run_compiler(command: Sequence[str], cwd: Path, limits: RunLimits, env: Mapping[str, str]) -> RunResult:
    """Run ``command`` in ``cwd`` to its end, or to the end of its limits. Raises OSError if it cannot be started.

    Whatever happens, KeyboardInterrupt included, no process of the command's session outlives this call.
    """
    start = time.monotonic()
    deadline = start + limits.wall_seconds
    process: subprocess.Popen[bytes] | None = None
    ended = False
    log = bytearray()
    try:
        with interrupts_held():
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _limit_tree(process.pid, limits)
        ended = _drain(process, log, deadline)
    finally:
        if process is not None:
            with interrupts_held():
                status, cpu, peak = _end_session(process)
    text = log.decode("utf-8", "replace")
    outcome = _classify(status, text) if ended else Outcome.TIMEOUT
    return RunResult(outcome, status, text, time.monotonic() - start, cpu, peak)


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Put off SIGINT and SIGTERM to the end of the block, so that no process is started and then forgotten.

    What is started in the block inherits this, which matters to nothing that is ended with SIGKILL.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _limit_tree(pid: int, limits: RunLimits) -> None:
    """Set the limits on ``pid`` and on what it has started meanwhile; later children inherit them."""
    wanted = {
        # The hard limit kills without saying why, so it lies a little higher.
        resource.RLIMIT_CPU: (limits.cpu_seconds, limits.cpu_seconds + _CPU_GRACE),
        resource.RLIMIT_AS: (limits.memory_bytes, limits.memory_bytes),
        resource.RLIMIT_FSIZE: (limits.file_bytes, limits.file_bytes),
        resource.RLIMIT_CORE: (0, 0),
    }
    with contextlib.suppress(ProcessLookupError, PermissionError):
        for kind, (soft, hard) in wanted.items():
            _, ceiling = resource.prlimit(pid, kind)
            if ceiling != resource.RLIM_INFINITY:
                soft, hard = min(soft, ceiling), min(hard, ceiling)
            resource.prlimit(pid, kind, (soft, hard))
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
            _limit_tree(int(child), limits)


def _drain(process: subprocess.Popen[bytes], log: bytearray, deadline: float) -> bool:
    """Read the output until the leader has exited; False if the deadline came first."""
    assert process.stdout is not None
    fd = process.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(fd, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if selector.select(min(left, _TICK_SECONDS)):
                block = os.read(fd, 1 << 16)
                if not block:
                    return _await_exit(process.pid, deadline)
                log += block[: LOG_BYTES - len(log)]
            elif _has_exited(process.pid):  # something that it started still holds the pipe
                return True
    return False


def _await_exit(pid: int, deadline: float) -> bool:
    """Wait for the leader, whose output has ended, to exit; False if the deadline came first."""
    pause = 0.0001
    while time.monotonic() < deadline:
        if _has_exited(pid):
            return True
        time.sleep(pause)
        pause = min(2 * pause, _TICK_SECONDS)
    return False


def _has_exited(pid: int) -> bool:
    """Has our child ended? It is not reaped."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None
    except ChildProcessError:  # the host ignores SIGCHLD, so the system has reaped it
        return True


def _end_session(process: subprocess.Popen[bytes]) -> tuple[int, float, int]:
    """Kill what is left of the session, then reap its leader: (return code, CPU seconds, peak resident bytes).

    The leader is not reaped before the kill, so that its number cannot have become somebody else's.
    """
    assert process.stdout is not None
    process.stdout.close()
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except ChildProcessError:
        process.returncode = 0
        return 0, 0.0, 0
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def _classify(status: int, log: str) -> Outcome:
    if status == 0:
        return Outcome.OK
    low = log.lower()
    if status == -signal.SIGXCPU or any(sign in low for sign in _TIME_SIGNS):
        return Outcome.TIMEOUT
    if status == -signal.SIGKILL or any(sign in low for sign in _MEMORY_SIGNS):
        return Outcome.MEMORY
    if status < 0 or any(sign in low for sign in _CRASH_SIGNS):
        return Outcome.CRASHED
    return Outcome.FAILED
