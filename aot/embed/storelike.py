"""The optional leading store of wasmtime-py's call shapes: ``memory.size()`` and ``memory.size(store)`` both work."""

from __future__ import annotations

from typing import Any, Protocol, TypeGuard

from aot.embed._native import Item, StoreBase
from aot.errors import UsageError


class HasStore(Protocol):
    """What stands for a store, such as the `Caller` that a host function gets."""

    @property
    def store(self) -> StoreBase: ...


Storelike = StoreBase | HasStore


def is_storelike(value: object) -> TypeGuard[Storelike]:
    return isinstance(value, StoreBase) or getattr(type(value), "is_storelike", False) is True


def store_of(value: Storelike) -> StoreBase:
    return value if isinstance(value, StoreBase) else value.store


def check_store(item: Item, store: Storelike | None) -> None:
    """Raises UsageError if ``store`` is given and not the item's."""
    if store is None:
        return
    if not is_storelike(store):
        raise TypeError(f"expected a Store, not {type(store).__name__}")
    if store_of(store) is not item.store:
        raise UsageError(f"the {type(item).__name__.lower()} belongs to another store")


def without_store(item: Item, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """``args`` without a leading store, which must be the item's own."""
    if args and is_storelike(args[0]):
        check_store(item, args[0])
        return args[1:]
    return args
