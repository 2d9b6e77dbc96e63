"""Python stubs (``.pyi``): what type checkers and editors know of a module.

Names are the guest's. Those that are plain identifiers are written as they are, all others as ASCII string literals.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterable, Iterator

from aot.embed import Instance
from aot.embed.wasi import WASI_MODULES
from aot.interface.model import Interface, Item, Value
from aot.wasm.module import ExternKind

_OWN = frozenset(("_abc", "_aot", "_b", "_t", "_Func", "_Host", "_P", "_R", "Exports", "Imports"))
"""Names that the stub needs itself."""

_INSTANCE = frozenset((*dir(Instance), "_address", "_found", "exports", "module", "store", "wasi"))
"""Attributes that instances have whatever the module exports."""

_KINDS = {
    ExternKind.TABLE: "_aot.Table",
    ExternKind.MEMORY: "_aot.Memory",
    ExternKind.GLOBAL: "_aot.Global",
    ExternKind.TAG: "_aot.Tag",
}
_VALUES = {"i32": "int", "i64": "int", "f32": "float", "f64": "float", "v128": "bytes"}

_HEAD = """\
import builtins as _b
import collections.abc as _abc
import typing as _t

import aot as _aot

_P = _t.ParamSpec("_P")
_R = _t.TypeVar("_R", covariant=True)

@_t.type_check_only
class _Func(_aot.Func, _t.Generic[_P, _R]):
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R: ...

_Host: _t.TypeAlias = (
    _abc.Callable[_P, _R | _abc.Awaitable[_R]]
    | _abc.Callable[_t.Concatenate[_aot.Caller, _P], _R | _abc.Awaitable[_R]]
    | _aot.Func
)
"""


def python_stub(interface: Interface, name: str) -> str:
    """The text of ``<module>.pyi`` for a module made from the file called ``name``.

    The file's own names are the exports, for modules that `aot.importer` loads; the class ``Exports`` is for type
    checkers the type of any instance of the module, and ``Imports`` that of what it is given.
    """
    lines = [f"# Types of {ascii(name)}, written by `wasm2so stubs`: SHA-256 {interface.digest.hex()}", _HEAD]
    exports = [(export.name, _type(export.item), export.item) for export in interface.exports]
    lines += _attributes(exports, "", _OWN)
    lines += ["", "@_t.type_check_only", "class Exports(_aot.Instance):"]
    lines += _attributes(exports, "    ", _OWN | _INSTANCE) + ["    ..."]
    lines += ["", *_imports(interface)]
    return "\n".join(lines) + "\n"


def is_attribute(name: str) -> bool:
    """Whether an export's name can be written as an attribute and means the same there."""
    return (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name
        and not (name.startswith("__") and name.endswith("__"))
    )


def _attributes(exports: Iterable[tuple[str, str, Item]], indent: str, taken: frozenset[str]) -> list[str]:
    return [
        f"{indent}{name}: {type_}"
        if is_attribute(name) and name not in taken
        else f"{indent}# exports[{ascii(name)}]: {item.kind.name.lower()} {item.text}"
        for name, type_, item in exports
    ]


def _imports(interface: Interface) -> Iterator[str]:
    modules: dict[str, dict[str, str]] = {}
    for item in interface.imports:
        if item.module in WASI_MODULES:
            continue  # given as wasi=aot.Wasi(...)
        modules.setdefault(item.module, {})[item.name] = _given(item.item)
    for n, names in enumerate(modules.values()):
        yield f"_Imports{n} = _t.TypedDict("
        yield f'    "_Imports{n}", {{'
        yield from (f"        {ascii(name)}: {ascii(type_)}," for name, type_ in names.items())
        yield "    }"
        yield ")"
    yield "Imports = _t.TypedDict("
    yield '    "Imports", {'
    yield from (f"        {ascii(module)}: '_Imports{n} | _aot.Instance'," for n, module in enumerate(modules))
    yield "    }"
    yield ")"


def _type(item: Item) -> str:
    if item.kind is ExternKind.FUNC:
        return f"_Func[[{', '.join(map(_value, item.params))}], {_result(item)}]"
    if item.shared:
        return "_aot.SharedMemory"
    return _KINDS[item.kind]


def _given(item: Item) -> str:
    """The type of what may stand for an import."""
    if item.kind is ExternKind.FUNC:
        return f"_Host[[{', '.join(map(_value, item.params))}], {_result(item)}]"
    if item.kind is ExternKind.GLOBAL and not item.text.startswith("(mut "):
        return "_aot.Global | _t.Any"
    return _type(item)


def _value(value: Value) -> str:
    if value.kind == "func":
        return "_aot.Func | None" if value.nullable else "_aot.Func"
    return f"_b.{_VALUES[value.kind]}" if value.kind in _VALUES else "_t.Any"


def _result(item: Item) -> str:
    if not item.results:
        return "None"
    if len(item.results) == 1:
        return _value(item.results[0])
    return f"_b.tuple[{', '.join(map(_value, item.results))}]"
