"""Tables."""

from __future__ import annotations

from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._store import check_owner
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import TableType, made_of
from aot.compat.wasmtime._value import converter, to_python
from aot.errors import WasmError


class Table:
    """A table of a store."""

    _item: embed.Table

    def __init__(self, store: Any, ty: TableType, init: Any) -> None:
        inner = ty.ptr()
        value = converter(inner.element)(init)
        try:
            self._item = embed.Table(store._context(), inner, value)
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, item: embed.Table) -> Table:
        made = cls.__new__(cls)
        made._item = item
        return made

    def type(self, store: Any) -> TableType:
        """The table's type; its minimum is the current size."""
        check_owner(store, self._item)
        return made_of(TableType, self._item.type())

    def size(self, store: Any) -> int:
        """The number of elements."""
        check_owner(store, self._item)
        return self._item.size()

    def _value(self, val: Any) -> Any:
        return converter(self._item.type().element)(val)

    def grow(self, store: Any, amt: int, init: Any) -> int:
        """Add ``amt`` elements and return the old number. Raises WasmtimeError if it is not possible."""
        check_owner(store, self._item)
        value = self._value(init)
        if not isinstance(amt, int):
            raise TypeError(f"expected an int, not {type(amt).__name__}")
        try:
            return self._item.grow(amt, value)
        except (WasmError, OverflowError) as err:
            raise WasmtimeError(f"failed to grow table by `{amt}`: {err}") from None

    def get(self, store: Any, idx: int) -> Any | None:
        """The element at ``idx``; None if it is null, or there is none."""
        check_owner(store, self._item)
        return to_python(self._item.get(idx))

    def set(self, store: Any, idx: int, val: Any) -> None:
        """Set the element at ``idx``. Raises WasmtimeError if there is none."""
        check_owner(store, self._item)
        value = self._value(val)
        try:
            self._item.set(idx, value)
        except (IndexError, OverflowError):
            raise WasmtimeError(f"element {idx} is out of bounds of the table") from None
        except WasmError as err:
            raise translated(err) from None
