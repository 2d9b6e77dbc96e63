"""Types, made and read as in wasmtime-py, each over one of `aot.embed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import aot.embed as embed
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._managed import Managed
from aot.errors import UsageError

_M = TypeVar("_M", bound="Managed[Any]")

_NAMES = {embed.ValType.externref(): "anyref", embed.ValType.funcref(): "funcref"}
"""The words of wasmtime-py where they are not the text format's."""


def made_of(cls: type[_M], inner: Any) -> _M:
    """An object of a class that cannot be called, over one of `aot.embed`."""
    made = cls.__new__(cls)
    made._set_ptr(inner)
    return made


class ValType(Managed[embed.ValType]):
    """The type of a value. Made by its class methods."""

    @classmethod
    def i32(cls) -> ValType:
        return made_of(cls, embed.ValType.i32())

    @classmethod
    def i64(cls) -> ValType:
        return made_of(cls, embed.ValType.i64())

    @classmethod
    def f32(cls) -> ValType:
        return made_of(cls, embed.ValType.f32())

    @classmethod
    def f64(cls) -> ValType:
        return made_of(cls, embed.ValType.f64())

    @classmethod
    def v128(cls) -> ValType:
        """Not in wasmtime-py, which has no values of this type; they are 16 bytes."""
        return made_of(cls, embed.ValType.v128())

    @classmethod
    def externref(cls) -> ValType:
        return made_of(cls, embed.ValType.externref())

    @classmethod
    def funcref(cls) -> ValType:
        return made_of(cls, embed.ValType.funcref())

    def __init__(self) -> None:
        raise WasmtimeError("value types are made by ValType.i32() and so on")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValType) and self.ptr() == other.ptr()

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self.ptr())

    def __str__(self) -> str:
        inner = self.ptr()
        return _NAMES.get(inner) or str(inner)

    def __repr__(self) -> str:
        return str(self)


def _inner_type(ty: ValType, name: str) -> embed.ValType:
    if not isinstance(ty, ValType):
        raise TypeError(f"expected {name}")
    return ty.ptr()


class FuncType(Managed[embed.FuncType]):
    """The type of a function."""

    def __init__(self, params: Sequence[ValType], results: Sequence[ValType]) -> None:
        self._set_ptr(
            embed.FuncType([_inner_type(t, "ValType") for t in params], [_inner_type(t, "ValType") for t in results])
        )

    @property
    def params(self) -> list[ValType]:
        """The types of the parameters."""
        return [made_of(ValType, t) for t in self.ptr().params]

    @property
    def results(self) -> list[ValType]:
        """The types of the results."""
        return [made_of(ValType, t) for t in self.ptr().results]


class GlobalType(Managed[embed.GlobalType]):
    """The type of a global."""

    def __init__(self, valtype: ValType, mutable: bool) -> None:
        self._set_ptr(embed.GlobalType(_inner_type(valtype, "valtype"), bool(mutable)))

    @property
    def content(self) -> ValType:
        """The type of its value."""
        return made_of(ValType, self.ptr().content)

    @property
    def mutable(self) -> bool:
        """Whether its value can be set."""
        return self.ptr().mutable


class Limits:
    """Bounds of a memory, in pages, or a table, in elements; ``max`` is None if there is none."""

    def __init__(self, min: int, max: int | None) -> None:
        self.min = min
        self.max = max

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Limits) and (self.min, self.max) == (other.min, other.max)

    def __hash__(self) -> int:
        return hash((self.min, self.max))

    def __repr__(self) -> str:
        return f"Limits({self.min}, {self.max})"


def _inner_limits(limits: Limits) -> embed.Limits:
    if not isinstance(limits, Limits):
        raise TypeError("expected Limits")
    return embed.Limits(limits.min, limits.max)


class TableType(Managed[embed.TableType]):
    """The type of a table."""

    def __init__(self, valtype: ValType, limits: Limits) -> None:
        bounds = _inner_limits(limits)
        try:
            self._set_ptr(embed.TableType(_inner_type(valtype, "valtype"), bounds))
        except UsageError as err:
            raise WasmtimeError(f"no such table type: {err}") from None

    @property
    def element(self) -> ValType:
        """The type of its elements."""
        return made_of(ValType, self.ptr().element)

    @property
    def limits(self) -> Limits:
        """Its bounds, in elements."""
        return Limits(self.ptr().limits.min, self.ptr().limits.max)


class MemoryType(Managed[embed.MemoryType]):
    """The type of a memory."""

    def __init__(self, limits: Limits, is_64: bool = False, shared: bool = False, page_size_log2: int = 16) -> None:
        bounds = _inner_limits(limits)
        if page_size_log2 not in (0, 16):
            raise WasmtimeError(f"the page size 2**{page_size_log2} is neither 1 nor 65536")
        if shared and bounds.max is None:
            raise WasmtimeError("shared memory must have maximum")
        try:
            self._set_ptr(embed.MemoryType(bounds, bool(is_64), bool(shared), page_size_log2))
        except UsageError as err:
            raise WasmtimeError(f"no such memory type: {err}") from None

    @property
    def limits(self) -> Limits:
        """Its bounds, in pages."""
        return Limits(self.ptr().limits.min, self.ptr().limits.max)

    @property
    def is_64(self) -> bool:
        """Whether its addresses have 64 bits."""
        return self.ptr().is_64

    @property
    def is_shared(self) -> bool:
        """Whether threads can share it."""
        return self.ptr().is_shared

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return self.ptr().page_size

    @property
    def page_size_log2(self) -> int:
        """The binary logarithm of `page_size`."""
        return self.ptr().page_size_log2


class TagType(Managed[embed.TagType]):
    """The type of an exception tag: a function type whose parameters are the values of its exceptions."""

    def __init__(self, functype: FuncType) -> None:
        if not isinstance(functype, FuncType):
            raise TypeError("expected a FuncType")
        try:
            self._set_ptr(embed.TagType(functype.ptr()))
        except UsageError as err:
            raise WasmtimeError(f"no such tag type: {err}") from None

    @property
    def functype(self) -> FuncType:
        """The values of its exceptions, as parameters."""
        return made_of(FuncType, self.ptr().functype)


AsExternType = FuncType | TableType | MemoryType | GlobalType | TagType


def extern_type(inner: embed.types.ExternType) -> AsExternType:
    """The type of an import or export."""
    if isinstance(inner, embed.FuncType):
        return made_of(FuncType, inner)
    if isinstance(inner, embed.TableType):
        return made_of(TableType, inner)
    if isinstance(inner, embed.MemoryType):
        return made_of(MemoryType, inner)
    if isinstance(inner, embed.GlobalType):
        return made_of(GlobalType, inner)
    return made_of(TagType, inner)


class ImportType(Managed[embed.ImportType]):
    """An import of a module."""

    @property
    def module(self) -> str:
        """The module name it is asked from."""
        return self.ptr().module

    @property
    def name(self) -> str | None:
        """Its name in that module."""
        return self.ptr().name

    @property
    def type(self) -> AsExternType:
        """Its type."""
        return extern_type(self.ptr().type)


class ExportType(Managed[embed.ExportType]):
    """An export of a module."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.ptr().name

    @property
    def type(self) -> AsExternType:
        """Its type."""
        return extern_type(self.ptr().type)
