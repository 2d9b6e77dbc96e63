"""Types as the embedder sees them, in the shapes of wasmtime-py: immutable, compared by structure.

A concrete reference type's heap is a canonical type id of this process, so that types of different modules compare.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aot.embed._native import ffi, lib
from aot.errors import UsageError
from aot.wasm.types import NUM_TYPES, PAGE_LOG2, HeapKind, RefType


@dataclass(frozen=True, slots=True)
class ValType:
    """The type of a value. Made by its class methods: ``ValType.i32()``, ``ValType.funcref()`` ..."""

    _code: int
    _heap: int = 0

    @classmethod
    def i32(cls) -> ValType:
        return cls(lib.W2S_I32)

    @classmethod
    def i64(cls) -> ValType:
        return cls(lib.W2S_I64)

    @classmethod
    def f32(cls) -> ValType:
        return cls(lib.W2S_F32)

    @classmethod
    def f64(cls) -> ValType:
        return cls(lib.W2S_F64)

    @classmethod
    def v128(cls) -> ValType:
        return cls(lib.W2S_V128)

    @classmethod
    def funcref(cls) -> ValType:
        return cls(lib.W2S_REF_NULL, HeapKind.FUNC)

    @classmethod
    def externref(cls) -> ValType:
        return cls(lib.W2S_REF_NULL, HeapKind.EXTERN)

    @property
    def is_ref(self) -> bool:
        """Whether values of the type are references."""
        return self._code in (lib.W2S_REF, lib.W2S_REF_NULL)

    @property
    def is_nullable(self) -> bool:
        """Whether null is a value of the type."""
        return bool(self._code == lib.W2S_REF_NULL)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.is_ref and self._heap >= 0:
            raise TypeError(f"cannot pickle {self!r}: its type index has a meaning in this process only")
        return ValType, (self._code, self._heap)

    def __str__(self) -> str:
        if self.is_ref:
            return str(RefType(self._code == lib.W2S_REF_NULL, self._heap))
        return NUM_TYPES[self._code].name

    def __repr__(self) -> str:
        return f"<ValType {self}>"


def _check_types(types: Iterable[ValType]) -> tuple[ValType, ...]:
    checked = tuple(types)
    for t in checked:
        if not isinstance(t, ValType):
            raise TypeError(f"expected a ValType, not {type(t).__name__}")
    return checked


def _c_types(types: tuple[ValType, ...]) -> Any:
    return ffi.new("struct w2s_valtype[]", [(t._code, 0, t._heap) for t in types])


def _python_types(pointer: Any, n: int) -> tuple[ValType, ...]:
    return tuple(ValType(int(pointer[i].code), int(pointer[i].heap)) for i in range(n))


@dataclass(frozen=True)
class FuncType:
    """A function type: parameters and results in order."""

    params: tuple[ValType, ...]
    results: tuple[ValType, ...]

    def __init__(self, params: Iterable[ValType], results: Iterable[ValType]) -> None:
        object.__setattr__(self, "params", _check_types(params))
        object.__setattr__(self, "results", _check_types(results))

    def __reduce__(self) -> tuple[Any, ...]:
        return FuncType, (self.params, self.results)  # without the id, which other processes give anew

    @classmethod
    def _of_id(cls, type_id: int) -> FuncType:
        """The type with canonical id ``type_id``. Raises UsageError if that is no function type."""
        params, results = ffi.new("struct w2s_valtype const *[1]"), ffi.new("struct w2s_valtype const *[1]")
        n_params, n_results = ffi.new("size_t *"), ffi.new("size_t *")
        if not lib.w2s_type_func(type_id, params, n_params, results, n_results):
            raise UsageError(f"type {type_id} is not a function type")
        return cls(_python_types(params[0], n_params[0]), _python_types(results[0], n_results[0]))

    @cached_property
    def _id(self) -> int:
        """The canonical type id: equal types have equal ones, in the whole process."""
        params, results = _c_types(self.params), _c_types(self.results)
        return int(lib.w2s_type_intern_func(params, len(self.params), results, len(self.results)))

    def __str__(self) -> str:
        return f"[{' '.join(map(str, self.params))}] -> [{' '.join(map(str, self.results))}]"

    def __repr__(self) -> str:
        return f"<FuncType {self}>"


@dataclass(frozen=True, slots=True)
class GlobalType:
    """The type of a global."""

    content: ValType
    mutable: bool

    def __str__(self) -> str:
        return f"(mut {self.content})" if self.mutable else str(self.content)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a memory (in pages) or a table (in elements); ``max`` is None where there is none."""

    min: int
    max: int | None = None

    def __str__(self) -> str:
        return str(self.min) if self.max is None else f"{self.min} {self.max}"


@dataclass(frozen=True, slots=True)
class TableType:
    """The type of a table."""

    element: ValType
    limits: Limits
    is_64: bool = False

    def __post_init__(self) -> None:
        if not self.element.is_ref:
            raise UsageError(f"the elements of a table are references, not {self.element}")
        _check_limits(self.limits, 1 << (64 if self.is_64 else 32))

    def __str__(self) -> str:
        return f"{'i64 ' if self.is_64 else ''}{self.limits} {self.element}"


@dataclass(frozen=True, slots=True)
class MemoryType:
    """The type of a memory. Limits count pages of ``2**page_size_log2`` bytes."""

    limits: Limits
    is_64: bool = False
    is_shared: bool = False
    page_size_log2: int = PAGE_LOG2

    def __post_init__(self) -> None:
        _check_limits(self.limits, (1 << (64 if self.is_64 else 32) >> self.page_size_log2) + 1)

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return 1 << self.page_size_log2

    def __str__(self) -> str:
        return f"{'i64 ' if self.is_64 else ''}{self.limits}{' shared' if self.is_shared else ''}"


def _check_limits(limits: Limits, end: int) -> None:
    if not 0 <= limits.min < end:
        raise UsageError(f"minimum {limits.min} is out of range")
    if limits.max is not None and not limits.min <= limits.max < end:
        raise UsageError(f"maximum {limits.max} is out of range")


@dataclass(frozen=True, slots=True)
class TagType:
    """The type of an exception tag: ``functype`` has the values of its exceptions as parameters, and no results."""

    functype: FuncType

    def __post_init__(self) -> None:
        if not isinstance(self.functype, FuncType):
            raise TypeError(f"expected a FuncType, not {type(self.functype).__name__}")
        if self.functype.results:
            raise UsageError(f"a tag has no results, unlike {self.functype}")

    def __str__(self) -> str:
        return f"({' '.join(map(str, self.functype.params))})"


ExternType = FuncType | TableType | MemoryType | GlobalType | TagType


@dataclass(frozen=True, slots=True)
class ImportType:
    """One import of a module."""

    module: str
    name: str
    type: ExternType


@dataclass(frozen=True, slots=True)
class ExportType:
    """One export of a module."""

    name: str
    type: ExternType


def kind_name(type_: ExternType) -> str:
    """The keyword of the text format: func, table, memory, global or tag."""
    kinds = {FuncType: "func", TableType: "table", MemoryType: "memory", GlobalType: "global", TagType: "tag"}
    return kinds[type(type_)]
