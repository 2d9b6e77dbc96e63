"""Traps, what they were in the code, and why."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import aot.embed as embed
from aot.compat.wasmtime._error import ExitTrap, WasmtimeError
from aot.compat.wasmtime._managed import Managed
from aot.errors import WasmError

if TYPE_CHECKING:
    from collections.abc import Sequence


class TrapCode(Enum):
    """Reasons for traps. Those from CANNOT_ENTER_COMPONENT on are never met here."""

    STACK_OVERFLOW = 0
    MEMORY_OUT_OF_BOUNDS = 1
    HEAP_MISALIGNED = 2
    TABLE_OUT_OF_BOUNDS = 3
    INDIRECT_CALL_TO_NULL = 4
    BAD_SIGNATURE = 5
    INTEGER_OVERFLOW = 6
    INTEGER_DIVISION_BY_ZERO = 7
    BAD_CONVERSION_TO_INTEGER = 8
    UNREACHABLE = 9
    INTERRUPT = 10
    OUT_OF_FUEL = 11
    ATOMIC_WAIT_NON_SHARED_MEMORY = 12
    NULL_REFERENCE = 13
    ARRAY_OUT_OF_BOUNDS = 14
    ALLOCATION_TOO_LARGE = 15
    CAST_FAILURE = 16
    CANNOT_ENTER_COMPONENT = 17
    NO_ASYNC_RESULT = 18
    UNHANDLED_TAG = 19
    CONTINUATION_ALREADY_CONSUMED = 20
    DISABLED_OPCODE = 21
    ASYNC_DEADLOCK = 22
    CANNOT_LEAVE_COMPONENT = 23
    CANNOT_BLOCK_SYNC_TASK = 24
    INVALID_CHAR = 25
    DEBUG_ASSERT_STRING_ENCODING_FINISHED = 26
    DEBUG_ASSERT_EQUAL_CODE_UNITS = 27
    DEBUG_ASSERT_POINTER_ALIGNED = 28
    DEBUG_ASSERT_UPPER_BITS_UNSET = 29
    STRING_OUT_OF_BOUNDS = 30
    LIST_OUT_OF_BOUNDS = 31
    INVALID_DISCRIMINANT = 32
    UNALIGNED_POINTER = 33
    TASK_CANCEL_NOT_CANCELLED = 34
    TASK_CANCEL_OR_RETURN_TWICE = 35
    SUBTASK_CANCEL_AFTER_TERMINAL = 36
    TASK_RETURN_INVALID = 37
    WAITABLE_SET_DROP_HAS_WAITERS = 38
    SUBTASK_DROP_NOT_RESOLVED = 39
    THREAD_NEW_INDIRECT_INVALID_TYPE = 40
    THREAD_NEW_INDIRECT_UNINITIALIZED = 41
    BACKPRESSURE_OVERFLOW = 42
    UNSUPPORTED_CALLBACK_CODE = 43
    CANNOT_RESUME_THREAD = 44
    CONCURRENT_FUTURE_STREAM_OP = 45
    REFERENCE_COUNT_OVERFLOW = 46
    STREAM_OP_TOO_BIG = 47
    WAITABLE_SYNC_AND_ASYNC = 48
    UNCAUGHT_EXCEPTION = 49


_ELSEWHERE = {
    embed.TrapCode.UNDEFINED_ELEMENT: TrapCode.TABLE_OUT_OF_BOUNDS,
    embed.TrapCode.WAIT_ON_UNSHARED: TrapCode.ATOMIC_WAIT_NON_SHARED_MEMORY,
    embed.TrapCode.OUT_OF_MEMORY: TrapCode.ALLOCATION_TOO_LARGE,
}
"""Codes that have another name here."""

_TEXTS = {
    TrapCode.STACK_OVERFLOW: "call stack exhausted",
    TrapCode.HEAP_MISALIGNED: "unaligned atomic",
    TrapCode.TABLE_OUT_OF_BOUNDS: "undefined element: out of bounds table access",
    TrapCode.INDIRECT_CALL_TO_NULL: "uninitialized element",
    TrapCode.BAD_SIGNATURE: "indirect call type mismatch",
    TrapCode.UNREACHABLE: "wasm `unreachable` instruction executed",
    TrapCode.INTERRUPT: "interrupt",
    TrapCode.OUT_OF_FUEL: "all fuel consumed by WebAssembly",
}
"""What programs look for in messages; the specification's words otherwise."""


class Frame(Managed[Any]):
    """A function that was running when a trap happened."""

    @classmethod
    def _of(cls, frame: Any) -> Frame:
        made = cls.__new__(cls)
        made._set_ptr(frame)
        return made

    @property
    def func_index(self) -> int:
        """The function's index in its module."""
        return int(self.ptr().func_index or 0)

    @property
    def func_name(self) -> str | None:
        """The function's name in the name section, or None."""
        name: str | None = self.ptr().func_name
        return name

    @property
    def module_name(self) -> str | None:
        """The module's name in the name section, or None."""
        name: str | None = self.ptr().module_name
        return name

    @property
    def module_offset(self) -> int:
        """Where the instruction is, in bytes from the start of the module."""
        return int(self.ptr().module_offset or 0)

    @property
    def func_offset(self) -> int:
        """Where the instruction is, in bytes from the start of the function's body."""
        return int(self.ptr().func_offset or 0)


class Trap(Exception, Managed[str]):  # noqa: N818, wasmtime-py's name
    """Wasm code stopped. Made with a message and raised by a host function, it passes through wasm as it is."""

    def __init__(self, message: str) -> None:
        if not isinstance(message, str):
            raise TypeError(f"expected a str, not {type(message).__name__}")
        super().__init__(message)
        self._set_ptr(message)
        self._origin: WasmError | None = None
        self._code: TrapCode | None = None

    @classmethod
    def _of(cls, origin: WasmError, reason: str, code: TrapCode | None) -> Trap:
        """Where it happened is looked up when somebody asks."""
        trap: Trap | None = getattr(origin, "_translated", None)
        if trap is None:
            trap = cls(reason)
            trap._origin = origin
            trap._code = code
            origin._translated = trap  # type: ignore[attr-defined]  # it may come by again, see `untranslated`
        return trap

    @property
    def message(self) -> str:
        """What happened and where: a backtrace and the reason."""
        reason, frames = self.ptr(), self.frames
        return f"{_backtrace(frames)}{reason}\n" if frames else reason

    @property
    def frames(self) -> list[Frame]:
        """The functions that were running, the innermost first."""
        self.ptr()
        return [Frame._of(frame) for frame in getattr(self._origin, "frames", ())]

    @property
    def trap_code(self) -> TrapCode | None:
        """Why; None if no code says it."""
        self.ptr()
        return self._code

    def __str__(self) -> str:
        return self.message


def translated(err: WasmError) -> Exception:
    """What stands here for an exception of `aot.embed`."""
    if isinstance(err, embed.ExitTrap):
        return ExitTrap._of_status(err.exit_status)
    if isinstance(err, embed.WasmException):
        return Trap._of(err, "thrown Wasm exception", None)
    if isinstance(err, embed.Trap) and err.trap_code is not None:
        code = _ELSEWHERE.get(err.trap_code) or TrapCode.__members__.get(err.trap_code.name)
        text = err.message if code is None else _TEXTS.get(code, err.message)
        return Trap._of(err, f"wasm trap: {text}", code)
    return WasmtimeError(str(err))


def untranslated(trap: Trap) -> Exception:
    """What a host function is to raise for a trap that comes out of it: the functions around it become frames of the
    same trap then.
    """
    return trap if trap._origin is None else trap._origin


def _backtrace(frames: Sequence[Frame]) -> str:
    lines = ["error while executing at wasm backtrace:"]
    for n, frame in enumerate(frames):
        module = frame.module_name or "<unknown>"
        func = frame.func_name or f"<wasm function {frame.func_index}>"
        lines.append(f"{n:5}: {frame.module_offset:#8x} - {module}!{func}")
    return "\n".join([*lines, "", "Caused by:", "    "])
