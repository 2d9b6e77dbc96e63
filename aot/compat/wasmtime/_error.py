"""What is raised when something fails, traps of wasm code excepted."""

from __future__ import annotations

from aot.compat.wasmtime._managed import Managed


class WasmtimeError(Exception, Managed[str]):
    """Something failed: a module is bad, imports do not fit, a limit was reached."""

    def __init__(self, message: str) -> None:
        if not isinstance(message, str):
            raise TypeError(f"expected a str, not {type(message).__name__}")
        super().__init__(message)
        self._set_ptr(message)

    def __str__(self) -> str:
        return self.ptr()


class ExitTrap(WasmtimeError):  # noqa: N818, wasmtime-py's name
    """A WASI program ended itself with ``proc_exit``; ``code`` is its exit status."""

    code: int

    @classmethod
    def _of_status(cls, status: int) -> ExitTrap:
        trap = cls(f"Exited with i32 exit status {status}")
        trap.code = status
        return trap
