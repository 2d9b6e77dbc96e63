"""Globals."""

from __future__ import annotations

from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._store import check_owner
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import GlobalType, made_of
from aot.compat.wasmtime._value import converter, to_python
from aot.errors import WasmError


class Global:
    """A global of a store."""

    _item: embed.Global

    def __init__(self, store: Any, ty: GlobalType, val: Any) -> None:
        if not isinstance(ty, GlobalType):
            raise TypeError(f"expected a GlobalType, not {type(ty).__name__}")
        inner = ty.ptr()
        value = converter(inner.content)(val)
        try:
            self._item = embed.Global(store._context(), inner, value)
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, item: embed.Global) -> Global:
        made = cls.__new__(cls)
        made._item = item
        return made

    def type(self, store: Any) -> GlobalType:
        """The global's type."""
        check_owner(store, self._item)
        return made_of(GlobalType, self._item.type())

    def value(self, store: Any) -> Any:
        """The value; None for a null reference."""
        check_owner(store, self._item)
        return to_python(self._item.value)

    def set_value(self, store: Any, val: Any) -> None:
        """Set the value. Raises WasmtimeError if the global is not mutable."""
        check_owner(store, self._item)
        value = converter(self._item.type().content)(val)
        try:
            self._item.value = value
        except WasmError as err:
            raise translated(err) from None
