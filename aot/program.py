"""Runs a compiled WASI program as this process: no stores, modules and functions in Python, only the C runtime.

`aot.embed` is the way to use modules from Python. This is for the command, which should start a program as quickly as a
shell starts a native one, so it imports nothing but the extension.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence

from aot._runtime import ffi, lib

TYPE_CHECKING = False  # type checkers take it for typing's; loading that takes longer than all the rest

if TYPE_CHECKING:
    from typing import Any

FAILED = 1
"""The exit status for a program that could not be started."""


def run(
    compiled: str,
    shown: str,
    argv: Sequence[str],
    *,
    dirs: Sequence[str] = (),
    env: Sequence[str] = (),
    stdin: str | None = None,
    invoke: str | None = None,
) -> int:
    """Run the ``.so`` at ``compiled`` with the process's streams and return the exit status it should have.

    ``shown`` is its name in messages, which go to stderr. ``dirs``, ``env`` and ``invoke`` are spelled as in program.h.
    Signals end the process as they end a native one.
    """
    program, error = ffi.new("struct w2s_program *"), ffi.new("struct w2s_error *")

    def do(function: Callable[..., int], *values: str) -> bool:
        return bool(function(program, *map(os.fsencode, values), error) == lib.W2S_OK)

    def ready() -> bool:
        return (
            lib.w2s_program_open(program, error) == lib.W2S_OK
            and do(lib.w2s_program_load, compiled)
            and all(do(lib.w2s_program_add_arg, arg) for arg in argv)
            and all(do(lib.w2s_program_add_env, pair) for pair in env)
            and all(do(lib.w2s_program_add_dir, text) for text in dirs)
            and (stdin is None or do(lib.w2s_program_set_stdin, stdin))
        )

    try:
        if not ready():
            _complain(shown, error)
            return FAILED
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup and background jobs have them ignored
                signal.signal(number, signal.SIG_DFL)
        numbers = [ffi.new("char []", os.fsencode(arg)) for arg in argv[1:]] if invoke is not None else []
        name = ffi.NULL if invoke is None else os.fsencode(invoke)
        status = lib.w2s_program_run(program, name, numbers, len(numbers), error)
        exit_status = int(lib.w2s_program_exit_status(program, status, error))
        if status != lib.W2S_OK and not (status == lib.W2S_ERR_TRAP and error.trap == lib.W2S_TRAP_EXIT):
            _complain(shown, error)
            _show_trace(program)
        return exit_status
    finally:
        lib.w2s_program_close(program)


def _show_trace(program: Any) -> None:
    addresses, is_cut = ffi.new("uintptr_t **"), ffi.new("int32_t *")
    n = lib.w2s_program_trace(program, addresses, is_cut)
    if n == 0:
        return
    from aot.embed.backtrace import describe_trace  # only now: the program is over, and nobody waits for its start

    text = describe_trace(program.module, ffi.unpack(addresses[0], n), bool(is_cut[0]))
    if text:
        print(text, file=sys.stderr)


def can_reserve() -> bool:
    """Whether this process can have memories that need no checks."""
    return bool(lib.w2s_can_reserve())


def _complain(shown: str, error: object) -> None:
    message = ffi.string(error.message).decode("utf-8", "replace")  # type: ignore[attr-defined]
    kind = "trap" if error.status == lib.W2S_ERR_TRAP else "error"  # type: ignore[attr-defined]
    print(f"wasm2so: {shown}: {kind}: {message}", file=sys.stderr)
