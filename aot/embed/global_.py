"""Globals."""

from __future__ import annotations

from typing import Any, Self, overload

from aot.embed._native import GlobalBase
from aot.embed.store import Store
from aot.embed.storelike import Storelike, check_store, without_store
from aot.embed.types import GlobalType, ValType


class Global(GlobalBase):
    """A global. ``value`` reads it, and sets it if it is mutable (else UsageError)."""

    __slots__ = ("__weakref__",)

    def __new__(cls, store: Store, ty: GlobalType, value: Any) -> Self:
        if not isinstance(ty, GlobalType):
            raise TypeError(f"expected a GlobalType, not {type(ty).__name__}")
        return GlobalBase.__new__(cls, store, ty.content._code, ty.content._heap, ty.mutable, value)

    def type(self, store: Storelike | None = None) -> GlobalType:
        """The global's type."""
        check_store(self, store)
        return GlobalType(ValType(*self._type), self.mutable)

    @overload
    def set_value(self, value: Any, /) -> None: ...
    @overload
    def set_value(self, store: Storelike, value: Any, /) -> None: ...
    def set_value(self, *args: Any) -> None:
        """``set_value(value)`` or ``set_value(store, value)``: the same as ``global.value = value``."""
        (self.value,) = without_store(self, args)

    def __repr__(self) -> str:
        return "<Global of a closed store>" if self.store.closed else f"<Global {self.type()} = {self.value!r}>"
