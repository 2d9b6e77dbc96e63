"""Tags of exceptions."""

from __future__ import annotations

from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._store import check_owner
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import TagType, made_of
from aot.errors import WasmError


class Tag:
    """A kind of exceptions, of a store."""

    _item: embed.Tag

    def __init__(self, store: Any, ty: TagType) -> None:
        if not isinstance(ty, TagType):
            raise TypeError(f"expected a TagType, not {type(ty).__name__}")
        try:
            self._item = embed.Tag(store._context(), ty.ptr())
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def _of(cls, item: embed.Tag) -> Tag:
        made = cls.__new__(cls)
        made._item = item
        return made

    def type(self, store: Any) -> TagType:
        """The tag's type."""
        check_owner(store, self._item)
        return made_of(TagType, self._item.type())

    def eq(self, store: Any, other: Tag) -> bool:
        """Whether the two are the same tag."""
        check_owner(store, self._item)
        return self._item == other._item
