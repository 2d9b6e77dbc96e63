"""Traps: why wasm code stopped."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from aot.embed._native import lib
from aot.embed.backtrace import Frame, Trace, describe
from aot.errors import WasmError


class TrapCode(IntEnum):
    """The reasons for a trap, numbered as in ``enum w2s_trap_code`` (and, as far as both have them, wasmtime)."""

    STACK_OVERFLOW = lib.W2S_TRAP_STACK_OVERFLOW
    MEMORY_OUT_OF_BOUNDS = lib.W2S_TRAP_MEMORY_OUT_OF_BOUNDS
    HEAP_MISALIGNED = lib.W2S_TRAP_HEAP_MISALIGNED
    TABLE_OUT_OF_BOUNDS = lib.W2S_TRAP_TABLE_OUT_OF_BOUNDS
    INDIRECT_CALL_TO_NULL = lib.W2S_TRAP_INDIRECT_CALL_TO_NULL
    BAD_SIGNATURE = lib.W2S_TRAP_BAD_SIGNATURE
    INTEGER_OVERFLOW = lib.W2S_TRAP_INTEGER_OVERFLOW
    INTEGER_DIVISION_BY_ZERO = lib.W2S_TRAP_INTEGER_DIVISION_BY_ZERO
    BAD_CONVERSION_TO_INTEGER = lib.W2S_TRAP_BAD_CONVERSION_TO_INTEGER
    UNREACHABLE = lib.W2S_TRAP_UNREACHABLE
    INTERRUPT = lib.W2S_TRAP_INTERRUPT
    OUT_OF_FUEL = lib.W2S_TRAP_OUT_OF_FUEL
    NULL_REFERENCE = lib.W2S_TRAP_NULL_REFERENCE
    CAST_FAILURE = lib.W2S_TRAP_CAST_FAILURE
    ARRAY_OUT_OF_BOUNDS = lib.W2S_TRAP_ARRAY_OUT_OF_BOUNDS
    UNDEFINED_ELEMENT = lib.W2S_TRAP_UNDEFINED_ELEMENT
    HOST = lib.W2S_TRAP_HOST
    WAIT_ON_UNSHARED = lib.W2S_TRAP_WAIT_ON_UNSHARED
    OUT_OF_MEMORY = lib.W2S_TRAP_OUT_OF_MEMORY
    EXIT = lib.W2S_TRAP_EXIT


class Trap(WasmError):  # noqa: N818, a trap is what the specification calls it
    """Wasm code stopped. ``message`` is in the words of the specification's tests.

    Host functions may raise one of their own; it has no code unless they give one. The text of a trap shows where it
    happened, ``frames`` tells it.
    """

    _traces: tuple[Trace, ...] = ()
    _frames: tuple[Frame, ...] | None = None
    _is_cut: bool = False

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.trap_code = None if code is None else TrapCode(code)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The calls of wasm functions that the trap has ended, innermost first, through host functions in between.

        Of very deep stacks only the innermost ones are known. Empty if no wasm function was running.
        """
        if self._frames is None or self._traces:
            found = [frame for trace in self._traces for frame in trace.frames()]
            self._is_cut = any(trace.is_cut for trace in self._traces)
            self._frames, self._traces = (*(self._frames or ()), *found), ()
        return self._frames

    def __str__(self) -> str:
        frames = self.frames
        return f"{self.message}\n{describe(frames, self._is_cut)}" if frames else self.message

    @property
    def code(self) -> TrapCode | None:
        """The same as ``trap_code``."""
        return self.trap_code

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.trap_code), {"_frames": self.frames, "_is_cut": self._is_cut}


class TimeoutTrap(Trap, TimeoutError):  # noqa: N818
    """The time that `Store.timeout` gave is over. Its code is TrapCode.INTERRUPT."""


class ExitTrap(Trap):
    """A WASI program ended itself with ``proc_exit``: no failure, unless its status says so."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exited with status {status}", lib.W2S_TRAP_EXIT)
        self.exit_status = status

    @property
    def code(self) -> int:  # type: ignore[override]  # as in wasmtime-py
        """The same as ``exit_status``."""
        return self.exit_status

    def __reduce__(self) -> tuple[type[Trap], tuple[Any, ...]]:
        return type(self), (self.exit_status,)
