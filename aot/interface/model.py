"""Imports and exports with their types, out of a ``.wasm`` module or a compiled ``.so``, without loading either."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from aot.build.elf import read_meta
from aot.build.metadata import Metadata, Record, type_name
from aot.errors import FormatError
from aot.wasm.features import Features
from aot.wasm.load import load_module
from aot.wasm.module import ExternKind, Module
from aot.wasm.types import NUM_TYPES, FuncType, HeapKind, RefType, ValType

_FUNC_HEAPS = (HeapKind.FUNC, HeapKind.NOFUNC)
_EXTERN_HEAPS = (HeapKind.EXTERN, HeapKind.NOEXTERN)


@dataclass(frozen=True, slots=True)
class Value:
    """A value type. ``kind`` is i32, i64, f32, f64 or v128, or for references func, extern or ref; ``text`` is the type
    in the words of the text format.
    """

    kind: str
    text: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """What is imported or exported. Parameters and results are those of a function or tag, and ``type_index`` is that
    of its type in the module. ``text`` tells the type in words.
    """

    kind: ExternKind
    text: str
    params: tuple[Value, ...] = ()
    results: tuple[Value, ...] = ()
    type_index: int = -1
    shared: bool = False


@dataclass(frozen=True, slots=True)
class ImportedItem:
    module: str
    name: str
    item: Item


@dataclass(frozen=True, slots=True)
class ExportedItem:
    name: str
    item: Item


@dataclass(frozen=True, slots=True)
class Interface:
    """``digest`` is the SHA-256 of the module's bytes. Imports and exports are in the module's order."""

    digest: bytes
    imports: tuple[ImportedItem, ...]
    exports: tuple[ExportedItem, ...]


def of_wasm(data: bytes) -> Interface:
    """Of a binary module. Raises ModuleError if it is bad, function bodies aside."""
    module = load_module(data, Features())
    return Interface(
        hashlib.sha256(data).digest(),
        tuple(ImportedItem(i.module, i.name, _wasm_item(module, i.kind, i.index)) for i in module.imports),
        tuple(ExportedItem(e.name, _wasm_item(module, e.kind, e.index)) for e in module.exports),
    )


def of_object(path: Path) -> Interface:
    """Of a ``.so`` of this release. Raises FormatError, OSError."""
    meta = Metadata(read_meta(path).meta)
    items = _ObjectItems(meta)
    imports = meta.records("imports", "w2s_meta_import")
    exports = meta.records("exports", "w2s_meta_export")
    return Interface(
        bytes(meta.head["wasm_digest"]),
        tuple(ImportedItem(meta.text(r, "module"), meta.text(r, "name"), items.item(r)) for r in imports),
        tuple(ExportedItem(meta.text(r, "name"), items.item(r)) for r in exports),
    )


# ---- .wasm -------------------------------------------------------------------------------------------------------


def _wasm_item(module: Module, kind: ExternKind, index: int) -> Item:
    if kind in (ExternKind.FUNC, ExternKind.TAG):
        type_index = module.func_types[index] if kind is ExternKind.FUNC else module.tags[index].type
        comp = module.types[type_index].comp
        assert isinstance(comp, FuncType)
        params, results = (tuple(_wasm_value(module, t) for t in types) for types in (comp.params, comp.results))
        return Item(kind, str(comp), params, results, type_index)
    if kind is ExternKind.MEMORY:
        memory = module.memories[index]
        return Item(kind, str(memory), shared=memory.limits.shared)
    return Item(kind, str((module.tables if kind is ExternKind.TABLE else module.globals)[index]))


def _wasm_value(module: Module, t: ValType) -> Value:
    if not isinstance(t, RefType):
        return Value(t.name, t.name)
    is_func = t.heap >= 0 and isinstance(module.types[t.heap].comp, FuncType)
    return Value(_ref_kind(t.heap, is_func=is_func), str(t), t.nullable)


def _ref_kind(heap: int, *, is_func: bool) -> str:
    if is_func or heap in _FUNC_HEAPS:
        return "func"
    return "extern" if heap in _EXTERN_HEAPS else "ref"


# ---- .so ---------------------------------------------------------------------------------------------------------


class _ObjectItems:
    """The index spaces of a compiled module."""

    def __init__(self, meta: Metadata) -> None:
        self._types = meta.records("types", "w2s_meta_type")
        self._values = meta.records("valtypes", "w2s_valtype")
        self._spaces: dict[ExternKind, tuple[list[Record], Callable[[Record], Item]]] = {
            ExternKind.FUNC: (meta.records("funcs", "w2s_meta_func"), lambda r: self._func(ExternKind.FUNC, r)),
            ExternKind.TABLE: (meta.records("tables", "w2s_meta_table"), _object_table),
            ExternKind.MEMORY: (meta.records("memories", "w2s_meta_memory"), _object_memory),
            ExternKind.GLOBAL: (meta.records("globals", "w2s_meta_global"), _object_global),
            ExternKind.TAG: (meta.records("tags", "w2s_meta_tag"), lambda r: self._func(ExternKind.TAG, r)),
        }

    def item(self, record: Record) -> Item:
        """What an import's or export's record refers to. Raises FormatError if that is nothing."""
        try:
            records, read = self._spaces[ExternKind(record["kind"])]
            return read(records[record["index"]])
        except (ValueError, IndexError):
            raise FormatError("damaged metadata: an import or export refers to nothing") from None

    def _func(self, kind: ExternKind, record: Record) -> Item:
        type_ = self._types[record["type"]]
        middle = type_["first"] + type_["n_params"]
        params = self._range(type_["first"], middle)
        results = self._range(middle, middle + type_["n_results"])
        text = f"[{_words(params)}] -> [{_words(results)}]"
        return Item(kind, text, params, results, record["type"])

    def _range(self, start: int, end: int) -> tuple[Value, ...]:
        if end > len(self._values):
            raise IndexError
        return tuple(map(self._value, self._values[start:end]))

    def _value(self, record: Record) -> Value:
        text, heap = type_name(record), record["heap"]
        if record["code"] in NUM_TYPES:
            return Value(text, text)
        is_func = heap >= 0 and self._types[heap]["kind"] == 0x60
        return Value(_ref_kind(heap, is_func=is_func), text, "null" in text or text.endswith("ref"))


def _words(values: Sequence[Value]) -> str:
    return " ".join(value.text for value in values)


def _limits(low: int, high: int, record: Record) -> str:
    return f"{low}{f' {high}' if record['has_max'] else ''}{' i64' if record['is64'] else ''}"


def _object_table(record: Record) -> Item:
    limits = _limits(record["min_elems"], record["max_elems"], record)
    return Item(ExternKind.TABLE, f"{limits} {type_name(record, 'type.')}")


def _object_memory(record: Record) -> Item:
    text = _limits(record["min_pages"], record["max_pages"], record)
    shared = bool(record["shared"])
    return Item(ExternKind.MEMORY, text + (" shared" if shared else ""), shared=shared)


def _object_global(record: Record) -> Item:
    name = type_name(record, "type.")
    return Item(ExternKind.GLOBAL, f"(mut {name})" if record["type.mutable_"] else name)
