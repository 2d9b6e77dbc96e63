"""Values: what wasm functions take and give, with their type if it is to be said."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aot.embed as embed
from aot.compat.wasmtime._error import WasmtimeError
from aot.compat.wasmtime._types import ValType, made_of

if TYPE_CHECKING:
    from aot.compat.wasmtime._func import Func

_I32, _I64 = embed.ValType.i32(), embed.ValType.i64()
_F32, _F64 = embed.ValType.f32(), embed.ValType.f64()
_V128 = embed.ValType.v128()
_EXTERNREF, _FUNCREF = embed.ValType.externref(), embed.ValType.funcref()

Converter = Callable[[Any], Any]
"""From what programs give to what `aot.embed` takes. Raises TypeError."""


def _wrap(value: int, bits: int) -> int:
    """The signed number with the lowest ``bits`` bits of ``value``."""
    half = 1 << (bits - 1)
    return value if -half <= value < half else ((value + half) & ((1 << bits) - 1)) - half


class Val:
    """A value with its type."""

    def __init__(self, kind: embed.ValType, val: Any) -> None:
        self._kind = kind
        self._val = val

    @classmethod
    def i32(cls, val: int) -> Val:
        """An i32. Only its lowest 32 bits count."""
        if not isinstance(val, int):
            raise TypeError("expected an integer")
        return cls(_I32, _wrap(int(val), 32))

    @classmethod
    def i64(cls, val: int) -> Val:
        """An i64. Only its lowest 64 bits count."""
        if not isinstance(val, int):
            raise TypeError("expected an integer")
        return cls(_I64, _wrap(int(val), 64))

    @classmethod
    def f32(cls, val: float) -> Val:
        """An f32."""
        if not isinstance(val, float):
            raise TypeError("expected a float")
        from ctypes import c_float

        return cls(_F32, c_float(val).value)

    @classmethod
    def f64(cls, val: float) -> Val:
        """An f64."""
        if not isinstance(val, float):
            raise TypeError("expected a float")
        return cls(_F64, float(val))

    @classmethod
    def externref(cls, extern: Any | None) -> Val:
        """A reference to any object, null for None."""
        return cls(_EXTERNREF, extern)

    @classmethod
    def funcref(cls, f: Func | None) -> Val:
        """A reference to a function, null for None."""
        return cls(_FUNCREF, f)

    @classmethod
    def ref_null(cls, ty: ValType) -> Val:
        """A null reference. Raises WasmtimeError if ``ty`` is no reference type."""
        if not isinstance(ty, ValType) or ty.ptr() not in (_EXTERNREF, _FUNCREF):
            raise WasmtimeError(f"there is no null of type {ty}")
        return cls(ty.ptr(), None)

    def __eq__(self, rhs: Any) -> Any:
        if isinstance(rhs, Val):
            return self._kind == rhs._kind and self._val == rhs._val
        return self._val == rhs

    __hash__ = None  # type: ignore[assignment]  # it equals what it holds, which need not have one

    def __repr__(self) -> str:
        return f"<Val {self.type} {self._val!r}>"

    @property
    def value(self) -> Any:
        """The value alone."""
        return self._val

    def _as(self, kind: embed.ValType) -> Any:
        return self._val if self._kind == kind else None

    def as_i32(self) -> int | None:
        """The value if it is an i32, else None."""
        found: int | None = self._as(_I32)
        return found

    def as_i64(self) -> int | None:
        """The value if it is an i64, else None."""
        found: int | None = self._as(_I64)
        return found

    def as_f32(self) -> float | None:
        """The value if it is an f32, else None."""
        found: float | None = self._as(_F32)
        return found

    def as_f64(self) -> float | None:
        """The value if it is an f64, else None."""
        found: float | None = self._as(_F64)
        return found

    def as_externref(self) -> Any | None:
        """The object if it is an externref, else None."""
        return self._as(_EXTERNREF)

    def as_funcref(self) -> Func | None:
        """The function if it is a funcref, else None."""
        found: Func | None = self._as(_FUNCREF)
        return found

    @property
    def type(self) -> ValType:
        """The type."""
        return made_of(ValType, self._kind)


def _payload(ty: embed.ValType, value: Any) -> Any:
    if not isinstance(value, Val):
        return value
    if value._kind != ty:
        raise TypeError(f"a Val of type {value.type} where {ty} is expected")
    return value._val


def _refuse(ty: embed.ValType, value: Any) -> Exception:
    kind = WasmtimeError if type(value).__name__ == "Func" else TypeError
    return kind(f"{value!r} cannot be converted to {ty}")


def _int_converter(ty: embed.ValType, bits: int) -> Converter:
    half = 1 << (bits - 1)

    def convert(value: Any) -> int:
        if type(value) is not int:
            value = _payload(ty, value)
            if not isinstance(value, int):
                raise _refuse(ty, value)
        return value if -half <= value < half else _wrap(value, bits)

    return convert


def _float_converter(ty: embed.ValType) -> Converter:
    def convert(value: Any) -> float:
        if type(value) is float:
            return value
        value = _payload(ty, value)
        if not isinstance(value, float):
            raise _refuse(ty, value)
        return value

    return convert


def _ref_converter(ty: embed.ValType) -> Converter:
    from aot.compat.wasmtime._func import Func

    def convert(value: Any) -> Any:
        value = _payload(_FUNCREF, value)
        if isinstance(value, Func):
            return value._item
        if value is None:
            return None
        raise _refuse(ty, value)

    return convert


def converter(ty: embed.ValType) -> Converter:
    """What makes values of type ``ty`` of what programs give for them."""
    if ty in (_I32, _I64):
        return _int_converter(ty, 32 if ty == _I32 else 64)
    if ty in (_F32, _F64):
        return _float_converter(ty)
    if ty == _V128:
        return lambda value: value
    if ty == _EXTERNREF:
        return lambda value: _payload(ty, value)
    return _ref_converter(ty)


def to_python(value: Any) -> Any:
    """What programs get for a value of `aot.embed`."""
    if isinstance(value, embed.Func):
        from aot.compat.wasmtime._func import Func

        return Func._of(value)
    return value
