"""Conventions of toolchains: commands, which run once from `_start`, and reactors, which are initialised and stay; and
what may stand for imports that nobody provides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from aot.embed.exception import Tag
from aot.embed.func import Func
from aot.embed.global_ import Global
from aot.embed.instance import Instance
from aot.embed.memory import Memory
from aot.embed.shared import SharedMemory
from aot.embed.store import Store
from aot.embed.table import Table
from aot.embed.trap import Trap
from aot.embed.types import (
    ExternType,
    FuncType,
    GlobalType,
    ImportType,
    MemoryType,
    TableType,
    TagType,
    ValType,
    kind_name,
)
from aot.errors import ImportTypeError, LinkError

if TYPE_CHECKING:
    from aot.embed.module import Module

START = "_start"
INITIALIZE = "_initialize"

_LINKER_DATA: dict[str, type] = {
    "memory": MemoryType,
    "table": TableType,
    "__indirect_function_table": TableType,
    "__data_end": GlobalType,
    "__heap_base": GlobalType,
    "__dso_handle": GlobalType,
    "__rtti_base": GlobalType,
}
"""What commands may export beside functions: toolchains put it there, and nobody can use it between two runs."""


def is_command(module: Module) -> bool:
    """Whether the module is a command; else it is a reactor.

    Raises LinkError if it claims to be both, or exports something else than a function under a name that tells.
    """
    types = {export.name: export.type for export in module.exports if export.name in (START, INITIALIZE)}
    if len(types) == 2:
        raise LinkError(f'the module cannot be both a command and a reactor: it exports "{START}" and "{INITIALIZE}"')
    for name, type_ in types.items():
        if not isinstance(type_, FuncType):
            raise LinkError(f'"{name}" must be a function, not a {kind_name(type_)}')
    return START in types


def command_functions(store: Store, module: Module, imports: list[Any]) -> dict[str, Func]:
    """The functions of a command. Each call of one makes an instance of its own, which lives as long as the store.

    Raises LinkError if the command exports anything else that could be used.
    """
    for export in module.exports:
        if not isinstance(export.type, (FuncType, _LINKER_DATA.get(export.name, FuncType))):
            raise LinkError(f'the command\'s export "{export.name}" is not a function but a {kind_name(export.type)}')

    def runner(name: str) -> Callable[..., Any]:
        def run(*args: Any) -> Any:
            return Instance(store, module, imports).exports[name](*args)

        return run

    functions = {e.name: e.type for e in module.exports if isinstance(e.type, FuncType)}
    return {name: Func(store, type_, runner(name)) for name, type_ in functions.items()}


def initialize(instance: Instance) -> None:
    """Call a reactor's initialisation function, if it has one. Raises what that raises."""
    if instance.get_func(INITIALIZE) is not None:
        instance.get_typed_func(INITIALIZE, FuncType([], []))()


# ---- what stands for missing imports -----------------------------------------------------------------------------


def trapping(import_: ImportType) -> Callable[..., NoReturn]:
    """A host function that traps, and says for which import it stands."""

    def unknown(*_args: Any) -> NoReturn:
        raise Trap(f'unknown import: "{import_.module}" "{import_.name}" has not been defined')

    return unknown


def default_item(store: Store, import_: ImportType) -> Any:
    """An item of the import's type with as little in it as can be: functions that return zeros and null, globals and
    tables of zeros and null, memories of the smallest size.

    Raises ImportTypeError for references that cannot be null, and ResourceError.
    """
    type_: ExternType = import_.type
    if isinstance(type_, FuncType):
        values = tuple(default_value(result, import_) for result in type_.results)
        result = values[0] if len(values) == 1 else (values or None)
        return Func(store, type_, lambda *_args: result)
    if isinstance(type_, GlobalType):
        return Global(store, type_, default_value(type_.content, import_))
    if isinstance(type_, TableType):
        return Table(store, type_, default_value(type_.element, import_))
    if isinstance(type_, MemoryType):
        return SharedMemory(store.engine, type_) if type_.is_shared else Memory(store, type_)
    assert isinstance(type_, TagType)
    return Tag(store, type_)


def default_value(type_: ValType, import_: ImportType) -> Any:
    """Zero or null. Raises ImportTypeError if the type has no such value."""
    if type_.is_ref:
        if not type_.is_nullable:
            raise ImportTypeError(f'"{import_.module}" "{import_.name}": {type_} has no default value')
        return None
    return bytes(16) if type_ == ValType.v128() else 0
