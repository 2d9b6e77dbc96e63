"""Functions: exports of instances, and Python callables made callable from wasm."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from aot.embed._native import BoundFunc, ffi, lib
from aot.embed.annotations import func_type_of, wants_caller
from aot.embed.async_ import call_async
from aot.embed.store import Store
from aot.embed.storelike import Storelike, check_store
from aot.embed.types import FuncType

if TYPE_CHECKING:
    from aot.embed.instance import InstanceExports


class Caller:
    """What a host function gets as its first argument if that is annotated so: a view of the calling instance.

    ``caller.memory``, ``caller["memory"]`` and ``caller.get("memory")`` find an export of the instance that imported
    the function; the first takes the same names as attributes of `Instance`.
    """

    __slots__ = ("_exports", "_instance", "store")

    is_storelike = True

    def __init__(self, store: Store, instance: int) -> None:
        self.store = store
        self._instance = instance
        self._exports: InstanceExports | None = None

    def get(self, name: str) -> Any:
        """The export ``name``, or None if there is none or the caller is no instance."""
        if self._exports is None:
            self._exports = self._find_exports()
        return None if self._exports is None else self._exports.get(name)

    def _find_exports(self) -> InstanceExports | None:
        from aot.embed.instance import InstanceExports

        if self._instance == 0:
            return None
        pointer = lib.w2s_instance_module(ffi.cast("struct w2s_instance *", self._instance))
        module = self.store._modules.get(int(ffi.cast("uintptr_t", pointer)))
        return None if module is None else InstanceExports(self.store, module, self._instance)

    def __getitem__(self, name: str) -> Any:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __getattr__(self, name: str) -> Any:
        # a guest must not take part in Python's protocols by the names of its exports
        found = None if name.startswith("__") and name.endswith("__") else self.get(name)
        if found is None:
            raise AttributeError(f"the caller has no export {name!r}", name=name, obj=self)
        return found

    def __repr__(self) -> str:
        return f"<Caller of instance {self._instance:#x}>"


class Func(BoundFunc):
    """A function of a store, called with or without the store in front: ``func(6, 9)``, ``func(store, 6, 9)``.

    Integers may be given signed or unsigned and come back signed; several results come as a tuple. What a host
    function raises inside comes out as the same object; wasm that stops raises `Trap`. A wrong number of arguments
    raises UsageError, a wrong type TypeError, a number that does not fit OverflowError.
    """

    __slots__ = ("__weakref__",)

    @overload
    def __new__(cls, store: Store, func: Callable[..., Any], /) -> Self: ...
    @overload
    def __new__(
        cls, store: Store, ty: FuncType, func: Callable[..., Any], access_caller: bool | None = None
    ) -> Self: ...
    def __new__(
        cls, store: Store, ty: Any, func: Callable[..., Any] | None = None, access_caller: bool | None = None
    ) -> Self:
        """Make ``func`` callable from wasm: ``Func(store, ty, func)``. It must return None, one value, or a tuple or
        list, as ``ty`` has none, one or several results. With ``access_caller``, or if its first parameter is annotated
        `Caller`, it gets one as its first argument.

        It may be asynchronous if it is reached through `call_async` only: what it returns is awaited. An awaitable that
        is no coroutine counts as the result itself where ``ty`` has an externref as its only one.

        ``Func(store, func)`` takes the type from annotations, see `from_callable`.
        """
        if not isinstance(store, Store):
            raise TypeError(f"expected a Store, not {type(store).__name__}")
        if func is None and callable(ty):
            return cls.from_callable(store, ty)
        if not isinstance(ty, FuncType):
            raise TypeError(f"expected a FuncType, not {type(ty).__name__}")
        if func is not None and access_caller is None:
            access_caller = wants_caller(func)
        return make_host_func(cls, store, ty._id, func, access_caller=bool(access_caller))

    @classmethod
    def from_callable(cls, store: Store, func: Callable[..., Any]) -> Self:
        """Make ``func`` callable from wasm with the type that its annotations say: `aot.i32`, `aot.f64` and so on; a
        tuple of them for several results. A first parameter annotated `Caller` is not part of the type.

        Raises UsageError if a parameter or the result says no WebAssembly type (``int`` may be i32 or i64).
        """
        return cls(store, func_type_of(func), func)

    call_async = call_async

    def type(self, store: Storelike | None = None) -> FuncType:
        """The function's type."""
        check_store(self, store)
        return FuncType._of_id(self._type_id)

    def __repr__(self) -> str:
        return f"<Func {self.name or '(no name)'} {self.type()}>"


F = TypeVar("F", bound=Func)


def make_host_func(
    cls: type[F],
    store: Store,
    type_id: int,
    func: Callable[..., Any] | None,
    *,
    name: str = "",
    access_caller: bool = False,
) -> F:
    """A host function of the type with canonical id ``type_id``; ``name`` is for messages."""
    if not callable(func):
        raise TypeError(f"expected a callable, not {type(func).__name__}")
    label = name or getattr(func, "__name__", "") or "host function"
    address = store._new_host(type_id, func, str(label), Caller if access_caller else None)
    return BoundFunc.__new__(cls, store, address, str(label))
