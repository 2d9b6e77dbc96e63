"""Objects that are closed explicitly or in a ``with`` statement, and of no use afterwards."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Managed(Generic[T]):
    """Holds what an object stands for, until it is closed or given away."""

    __held: T | None

    def _set_ptr(self, ptr: T) -> None:
        self.__held = ptr

    def ptr(self) -> T:
        """What the object stands for, of `aot.embed`. Raises ValueError once it is closed."""
        try:
            held = self.__held
        except AttributeError:
            raise ValueError("never initialized") from None
        if held is None:
            raise ValueError("already closed")
        return held

    def close(self) -> None:
        """Let go of what the object stands for: any further use raises ValueError. May be called again."""
        held = getattr(self, "_Managed__held", None)
        self.__held = None
        if held is not None:
            self._delete(held)

    def _delete(self, ptr: T) -> None:
        """Give back what is not given back by itself."""

    def _consume(self) -> T:
        """Give away what the object stands for."""
        held = self.ptr()
        self.__held = None
        return held

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()
