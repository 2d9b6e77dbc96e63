"""Finding a module's imports among what the embedder gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aot.embed._native import BoundFunc, GlobalBase, Item, MemoryBase, TableBase
from aot.embed.func import Func, make_host_func
from aot.embed.global_ import Global
from aot.embed.store import Store
from aot.embed.types import ExternType, FuncType, GlobalType, ImportType, MemoryType, TableType, kind_name
from aot.errors import LinkError, UsageError

_BASES: tuple[tuple[type[Item], type], ...] = (
    (BoundFunc, FuncType),
    (MemoryBase, MemoryType),
    (TableBase, TableType),
    (GlobalBase, GlobalType),
)


def resolve_imports(
    store: Store, wanted: Sequence[ImportType], given: Mapping[str, Any] | Sequence[Any]
) -> tuple[Item, ...]:
    """One item of ``store`` for each import, made where a plain callable or value was given.

    Raises LinkError naming an import that is missing or of another kind. Types are the runtime's to compare.
    """
    find = _by_name(given) if isinstance(given, Mapping) else _by_position(wanted, given)
    return tuple(_as_item(store, import_, find(n, import_)) for n, import_ in enumerate(wanted))


def describe(import_: ImportType) -> str:
    return f'"{import_.module}" "{import_.name}" ({kind_name(import_.type)} {import_.type})'


def _by_position(wanted: Sequence[ImportType], given: Sequence[Any]) -> Callable[[int, ImportType], Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise TypeError(f"imports must be a mapping or a sequence, not {type(given).__name__}")
    if len(given) != len(wanted):
        raise LinkError(f"expected {len(wanted)} imports, {len(given)} given")
    return lambda n, import_: given[n]


def _by_name(given: Mapping[str, Any]) -> Callable[[int, ImportType], Any]:
    def find(n: int, import_: ImportType) -> Any:
        names = given.get(import_.module)
        if names is None:
            raise LinkError(f"unknown import: {describe(import_)}")
        members = names if isinstance(names, Mapping) else getattr(names, "exports", None)
        if not isinstance(members, Mapping):
            raise TypeError(
                f'imports of module "{import_.module}" must be a mapping or an Instance, not {type(names).__name__}'
            )
        try:
            return members[import_.name]
        except KeyError:
            raise LinkError(f"unknown import: {describe(import_)}") from None

    return find


def _as_item(store: Store, import_: ImportType, value: Any) -> Item:
    wanted = import_.type
    if isinstance(value, Item):
        if value.store is not store:
            raise UsageError(f"import {describe(import_)} belongs to another store")
        found = next(t for base, t in _BASES if isinstance(value, base))
        if not isinstance(wanted, found):
            raise LinkError(f"incompatible import type: {describe(import_)} was given a {type(value).__name__}")
        return value
    if isinstance(wanted, FuncType) and callable(value):
        return make_host_func(Func, store, wanted._id, value, name=f"{import_.module}.{import_.name}")
    if isinstance(wanted, GlobalType) and not wanted.mutable:
        return _global_of(store, import_, wanted, value)
    raise LinkError(f"incompatible import type: {describe(import_)} was given {_what(wanted, value)}")


def _global_of(store: Store, import_: ImportType, wanted: GlobalType, value: Any) -> Global:
    try:
        return Global(store, wanted, value)
    except (TypeError, OverflowError) as err:
        raise LinkError(f"incompatible import type: {describe(import_)}: {err}") from err


def _what(wanted: ExternType, value: Any) -> str:
    hint = "; a mutable global needs a Global" if isinstance(wanted, GlobalType) else ""
    return f"{type(value).__name__}{hint}"
