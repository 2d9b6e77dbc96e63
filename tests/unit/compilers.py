"""Compilers that misbehave on purpose, and modules to give them."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.wasm_builder import FUNC, I32, ModuleBuilder, i32_const

NOP = b"\x01"
CHUNK = 100_000
"""More bytes of code than go into one C file; of nops, so that compilers are done at once."""

HANG = 'sleep 600 & echo $! >> "$PIDS"; sleep 600'
CRASH = "kill -SEGV $$"
GARBAGE = 'for last; do :; done; echo garbage > "$last"; exit 0'
NOTHING = "exit 0"
REFUSE = "echo \"module.c:3:5: error: expected ';' before '}'\" >&2; exit 1"
BREAK_ABOVE_O0 = 'case " $* " in *" -O0 "*) ;; *) echo "internal compiler error: in expand" >&2; exit 4;; esac'


def a_compiler() -> str:
    """The path of a compiler that works."""
    found = shutil.which("gcc") or shutil.which("clang")
    assert found, "the tests need gcc or clang"
    return found


def fake_compiler(folder: Path, misdeed: str, when: str = "-c") -> str:
    """A compiler that runs ``misdeed`` if ``when`` is among its arguments, then (or else) does its work.

    Every such run leaves a line in ``folder / "runs"``; what ``misdeed`` writes to ``$PIDS`` is found by `left_over`.
    """
    script = folder / "fakecc"
    script.write_text(
        "#!/bin/sh\n"
        f'PIDS="{folder}/pids"\n'
        f'case " $* " in *" empty.c "*|*" trial.c "*) ;; '
        f'*" {when} "*) echo "$*" >> "{folder}/runs"\n{misdeed}\n;; esac\n'
        f'exec {a_compiler()} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def runs(folder: Path) -> list[str]:
    """The command lines of the fake compiler's runs so far."""
    log = folder / "runs"
    return log.read_text().splitlines() if log.exists() else []


def left_over(folder: Path) -> list[int]:
    """Processes that the fake compiler started and that are still running."""
    log = folder / "pids"
    pids = [int(line) for line in log.read_text().split()] if log.exists() else []
    wait_until(lambda: not any(map(_is_running, pids)), seconds=5)
    return [pid for pid in pids if _is_running(pid)]


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether ``condition`` came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def small_module(value: int = 42) -> bytes:
    """One function, exported as ``answer``."""
    builder = ModuleBuilder()
    index = builder.function(builder.type(b"", I32), i32_const(value))
    builder.export("answer", FUNC, index)
    return builder.build()


def chunked_module(n_chunks: int, bad: tuple[int, ...] = ()) -> bytes:
    """A module that makes ``n_chunks`` C files, one function each; the bodies of those in ``bad`` are invalid."""
    builder = ModuleBuilder()
    ty = builder.type(b"", I32)
    for k in range(n_chunks):
        last = b"\x20\x09" if k in bad else i32_const(k)  # local.get 9: there is none
        builder.export(f"f{k}", FUNC, builder.function(ty, NOP * CHUNK + last))
    return builder.build()
