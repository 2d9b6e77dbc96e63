"""Tables of references."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self, overload

from aot.embed._native import TableBase, ffi
from aot.embed.store import Store
from aot.embed.storelike import Storelike, check_store, without_store
from aot.embed.types import Limits, TableType, ValType
from aot.errors import ResourceError, UsageError


class Table(TableBase):
    """A table. ``table[i]`` reads and sets elements; a null reference is None, a function a `Func`, and an element of
    an externref table the very object that was put there.

    Each method takes the store as an optional first argument, as in wasmtime-py.
    """

    __slots__ = ("__weakref__",)

    def __new__(cls, store: Store, ty: TableType, init: Any = None) -> Self:
        """Make a table with every element ``init``. Raises ResourceError if limits do not allow it."""
        if not isinstance(ty, TableType):
            raise TypeError(f"expected a TableType, not {type(ty).__name__}")
        limits = ty.limits
        return TableBase.__new__(cls, store, ty.element._code, ty.element._heap, limits.min, limits.max, ty.is_64, init)

    @property
    def _table(self) -> Any:
        return ffi.cast("struct w2s_table *", self._address)

    def type(self, store: Storelike | None = None) -> TableType:
        """The table's type; its minimum is the current size."""
        check_store(self, store)
        table = self._table
        limits = Limits(len(self), int(table.declared_max_elems) if table.has_max else None)
        return TableType(ValType(int(table.type.code), int(table.type.heap)), limits, bool(table.is64))

    def size(self, store: Storelike | None = None) -> int:
        """The current number of elements."""
        check_store(self, store)
        return len(self)

    @overload
    def grow(self, delta: int, init: Any = None, /) -> int: ...
    @overload
    def grow(self, store: Storelike, delta: int, init: Any = None, /) -> int: ...
    def grow(self, *args: Any) -> int:
        """Add ``delta`` elements of value ``init`` and return the old number of elements.

        Raises ResourceError if the table's maximum or the store's limits do not allow it.
        """
        delta, init = (*without_store(self, args), None)[:2]
        if delta < 0:
            raise UsageError("a table cannot shrink")
        old = self._grow(delta, init)
        if old is None:
            raise ResourceError(f"table cannot grow from {len(self)} by {delta} elements")
        return old

    @overload
    def get(self, index: int, /) -> Any: ...
    @overload
    def get(self, store: Storelike, index: int, /) -> Any: ...
    def get(self, *args: Any) -> Any:
        """The element at ``index``, None if it is null or there is none. ``table[index]`` tells the two apart."""
        (index,) = without_store(self, args)
        return self[index] if 0 <= index < len(self) else None

    def set(self, *args: Any) -> None:
        """``set(index, value)`` or ``set(store, index, value)``: the same as ``table[index] = value``."""
        index, value = without_store(self, args)
        if index < 0:
            raise IndexError(f"element {index}")
        self[index] = value

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return "<Table of a closed store>" if self.store.closed else f"<Table {self.type()}>"
