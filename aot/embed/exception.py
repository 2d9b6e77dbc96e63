"""Exceptions that wasm code throws and catches, and the tags that tell their kinds apart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from aot.embed._native import TagBase
from aot.embed.store import Store
from aot.embed.storelike import Storelike, check_store
from aot.embed.types import FuncType, TagType
from aot.errors import UsageError, WasmError


class Tag(TagBase):
    """A kind of exceptions. Two tags are equal if they are the same one, whatever instances they were exported from."""

    __slots__ = ("__weakref__",)

    def __new__(cls, store: Store, ty: TagType) -> Self:
        """Make a tag that is different from all others."""
        if not isinstance(ty, TagType):
            raise TypeError(f"expected a TagType, not {type(ty).__name__}")
        return TagBase.__new__(cls, store, ty.functype._id)

    def type(self, store: Storelike | None = None) -> TagType:
        """The tag's type."""
        check_store(self, store)
        return TagType(FuncType._of_id(self._type_id))

    def eq(self, store: Storelike, other: Tag) -> bool:
        """The same as ``tag == other``."""
        check_store(self, store)
        return self == other

    def __repr__(self) -> str:
        return "<Tag of a closed store>" if self.store.closed else f"<Tag {self.type()}>"


class WasmException(WasmError):  # noqa: N818, an exception is what the specification calls it
    """An exception of wasm code that no wasm code caught: its ``tag`` and its ``values``. A reference to an exception
    cannot be used in Python; among the values it is ``...``, or None if it is null.

    Raised by a host function, it is thrown in the wasm code that called the function, which can catch it. Other Python
    exceptions, and traps, pass through wasm code uncaught.
    """

    def __init__(self, tag: Tag, values: Iterable[Any] = ()) -> None:
        if not isinstance(tag, Tag):
            raise TypeError(f"expected a Tag, not {type(tag).__name__}")
        self.tag = tag
        self.values = tuple(values)
        n = len(tag.type().functype.params)
        if len(self.values) != n:
            raise UsageError(f"the tag takes {n} values, {len(self.values)} given")
        super().__init__(tag, self.values)

    def __str__(self) -> str:
        kind = "closed store" if self.tag.store.closed else str(self.tag.type())
        return f"unhandled exception: tag {kind}, values ({', '.join(map(repr, self.values))})"
