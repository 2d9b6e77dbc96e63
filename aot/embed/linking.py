"""Finding a module's imports among what the embedder gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aot.embed._native import BoundFunc, GlobalBase, Item, MemoryBase, SharedMemoryBase, TableBase, TagBase
from aot.embed.annotations import contradiction, signature_of
from aot.embed.func import Func, make_host_func
from aot.embed.global_ import Global
from aot.embed.store import Store
from aot.embed.types import ExternType, FuncType, GlobalType, ImportType, MemoryType, TableType, TagType, kind_name
from aot.embed.wasi import WASI_MODULES, WasiContext
from aot.errors import ImportCountError, ImportTypeError, UnknownImportError, UsageError

Linkable = Item | SharedMemoryBase

_BASES: tuple[tuple[type[Linkable], type], ...] = (
    (BoundFunc, FuncType),
    (MemoryBase, MemoryType),
    (SharedMemoryBase, MemoryType),
    (TableBase, TableType),
    (GlobalBase, GlobalType),
    (TagBase, TagType),
)


def resolve_imports(
    store: Store,
    wanted: Sequence[ImportType],
    given: Mapping[str, Any] | Sequence[Any],
    wasi: WasiContext | None = None,
) -> tuple[Linkable, ...]:
    """One item of ``store`` for each import, made where a plain callable or value was given. WASI's functions come from
    ``wasi`` unless they are given by name.

    Raises LinkError naming an import that is missing or of another kind. Types are the runtime's to compare.
    """
    find = find_imports(wanted, given, wasi)
    return tuple(item_of(store, import_, find(n, import_)) for n, import_ in enumerate(wanted))


def find_imports(
    wanted: Sequence[ImportType], given: Mapping[str, Any] | Sequence[Any], wasi: WasiContext | None = None
) -> Callable[[int, ImportType], Any]:
    """A function that finds what was given for the n-th import. It raises LinkError if nothing was."""
    return _by_name(given, wasi) if isinstance(given, Mapping) else _by_position(wanted, given)


def describe(import_: ImportType) -> str:
    return f'"{import_.module}" "{import_.name}" ({kind_name(import_.type)} {import_.type})'


def _by_position(wanted: Sequence[ImportType], given: Sequence[Any]) -> Callable[[int, ImportType], Any]:
    if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
        raise TypeError(f"imports must be a mapping or a sequence, not {type(given).__name__}")
    if len(given) != len(wanted):
        raise ImportCountError(f"expected {len(wanted)} imports, {len(given)} given")
    return lambda n, import_: given[n]


def wasi_function(wasi: WasiContext | None, import_: ImportType) -> Func:
    """The function of WASI that an import names. Raises LinkError if there is none."""
    if import_.module in WASI_MODULES and wasi is None:
        raise UnknownImportError(
            f"unknown import: {describe(import_)}; programs that need WASI are given wasi=aot.Wasi(...)"
        )
    found = None if wasi is None else wasi._function(import_.module, import_.name)
    if found is None:
        raise UnknownImportError(f"unknown import: {describe(import_)}")
    return found


def _by_name(given: Mapping[str, Any], wasi: WasiContext | None) -> Callable[[int, ImportType], Any]:
    def find(n: int, import_: ImportType) -> Any:
        names = given.get(import_.module)
        if names is None:
            return wasi_function(wasi, import_)
        members = names if isinstance(names, Mapping) else getattr(names, "exports", None)
        if not isinstance(members, Mapping):
            raise TypeError(
                f'imports of module "{import_.module}" must be a mapping or an Instance, not {type(names).__name__}'
            )
        try:
            return members[import_.name]
        except KeyError:
            return wasi_function(wasi, import_)

    return find


def item_of(store: Store, import_: ImportType, value: Any) -> Linkable:
    """The item that an import's value is, or is made into."""
    wanted = import_.type
    if isinstance(value, (Item, SharedMemoryBase)):
        if isinstance(value, Item) and value.store is not store:
            raise UsageError(f"import {describe(import_)} belongs to another store")
        found = next(t for base, t in _BASES if isinstance(value, base))
        if not isinstance(wanted, found):
            raise ImportTypeError(f"incompatible import type: {describe(import_)} was given a {type(value).__name__}")
        return value
    if isinstance(wanted, FuncType) and callable(value):
        return _host_func(store, import_, wanted, value)
    if isinstance(wanted, GlobalType) and not wanted.mutable:
        return _global_of(store, import_, wanted, value)
    raise ImportTypeError(f"incompatible import type: {describe(import_)} was given {_what(wanted, value)}")


def _host_func(store: Store, import_: ImportType, wanted: FuncType, func: Callable[..., Any]) -> Func:
    """Raises LinkError if the callable's annotations say that it cannot be called so."""
    said = signature_of(func)
    if said is not None and (problem := contradiction(said, wanted)) is not None:
        raise ImportTypeError(f"incompatible import type: {describe(import_)}: {problem}")
    name = f"{import_.module}.{import_.name}"
    caller = said is not None and said.wants_caller
    return make_host_func(Func, store, wanted._id, func, name=name, access_caller=caller)


def _global_of(store: Store, import_: ImportType, wanted: GlobalType, value: Any) -> Global:
    try:
        return Global(store, wanted, value)
    except (TypeError, OverflowError) as err:
        raise ImportTypeError(f"incompatible import type: {describe(import_)}: {err}") from err


def _what(wanted: ExternType, value: Any) -> str:
    hint = "; a mutable global needs a Global" if isinstance(wanted, GlobalType) else ""
    return f"{type(value).__name__}{hint}"
