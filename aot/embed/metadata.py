"""What a loaded module says about itself: imports and exports, read out of its metadata where they are asked for."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from aot.embed._native import ffi, lib
from aot.embed.types import (
    ExportType,
    ExternType,
    FuncType,
    GlobalType,
    ImportType,
    Limits,
    MemoryType,
    TableType,
    TagType,
    ValType,
)
from aot.errors import UnsupportedError
from aot.wasm.name_section import read_func_names, read_module_name


class Metadata:
    """A view of the ``struct w2s_meta`` of a module; the module must outlive it.

    The runtime checked every range and index when it opened the module.
    """

    def __init__(self, descriptor: Any) -> None:
        self._meta = descriptor.meta
        self._type_ids = descriptor.type_ids
        self._base = int(ffi.cast("uintptr_t", descriptor.meta))
        self._func_types: dict[int, FuncType] = {}

    def _records(self, name: str, record: str) -> tuple[Any, int]:
        """A run of records as a C array, and its length."""
        run = getattr(self._meta, name)
        return ffi.cast(record, self._base + run.offset), int(run.n)

    def _string(self, text: Any) -> str:
        return self._bytes(text).decode("utf-8")

    def _bytes(self, text: Any) -> bytes:
        start = self._base + self._meta.strings.offset + text.offset
        return bytes(ffi.buffer(ffi.cast("char *", start), text.bytes))

    @cached_property
    def export_indices(self) -> dict[str, int]:
        """Name -> position, in the module's order."""
        exports, n = self._records("exports", "struct w2s_meta_export *")
        return {self._string(exports[i].name): i for i in range(n)}

    @cached_property
    def imports(self) -> tuple[ImportType, ...]:
        imports, n = self._records("imports", "struct w2s_meta_import *")
        return tuple(
            ImportType(
                self._string(imports[i].module),
                self._string(imports[i].name),
                self._extern_type(imports[i].kind, imports[i].index),
            )
            for i in range(n)
        )

    @cached_property
    def exports(self) -> tuple[ExportType, ...]:
        return tuple(ExportType(name, self.export_type(i)) for name, i in self.export_indices.items())

    @cached_property
    def _names(self) -> bytes:
        """Contents of the name section."""
        return next(iter(self.custom_sections("name")), b"")

    @cached_property
    def module_name(self) -> str | None:
        return read_module_name(self._names)

    @cached_property
    def func_names(self) -> dict[int, str]:
        """Names of functions by index, from the name section."""
        return read_func_names(self._names, 0, len(self._names), int(self._meta.funcs.n))

    def code_range(self, func: int) -> tuple[int, int]:
        """Where in the module's bytes the body of an own function begins, and where at the latest it ends."""
        funcs, n = self._records("funcs", "struct w2s_meta_func *")
        if func >= n:
            return 0, 0
        return int(funcs[func].code_offset), int(funcs[func + 1].code_offset) if func + 1 < n else 1 << 32

    @cached_property
    def flags(self) -> int:
        """``enum w2s_meta_flags``."""
        return int(self._meta.flags)

    def custom_sections(self, name: str) -> list[bytes]:
        """Contents of the custom sections of that name, in the module's order."""
        customs, n = self._records("customs", "struct w2s_meta_custom *")
        return [self._bytes(customs[i].contents) for i in range(n) if self._string(customs[i].name) == name]

    def export_type(self, nth: int) -> ExternType:
        export = self._records("exports", "struct w2s_meta_export *")[0][nth]
        return self._extern_type(export.kind, export.index)

    def _extern_type(self, kind: int, index: int) -> ExternType:
        if kind == lib.W2S_EXTERN_FUNC:
            funcs, _ = self._records("funcs", "struct w2s_meta_func *")
            return self._func_type(int(self._type_ids[funcs[index].type]))
        if kind == lib.W2S_EXTERN_TABLE:
            tables, _ = self._records("tables", "struct w2s_meta_table *")
            table = tables[index]
            limits = Limits(int(table.min_elems), int(table.max_elems) if table.has_max else None)
            return TableType(self._val_type(table.type), limits, bool(table.is64))
        if kind == lib.W2S_EXTERN_MEMORY:
            memories, _ = self._records("memories", "struct w2s_meta_memory *")
            memory = memories[index]
            limits = Limits(int(memory.min_pages), int(memory.max_pages) if memory.has_max else None)
            return MemoryType(limits, bool(memory.is64), bool(memory.shared), int(memory.page_log2))
        if kind == lib.W2S_EXTERN_GLOBAL:
            globals_, _ = self._records("globals", "struct w2s_meta_global *")
            return GlobalType(self._val_type(globals_[index].type), bool(globals_[index].type.mutable_))
        if kind == lib.W2S_EXTERN_TAG:
            tags, _ = self._records("tags", "struct w2s_meta_tag *")
            return TagType(self._func_type(int(self._type_ids[tags[index].type])))
        raise UnsupportedError(f"an import or export of kind {kind}")

    def _func_type(self, type_id: int) -> FuncType:
        known = self._func_types.get(type_id)
        if known is None:
            known = self._func_types[type_id] = FuncType._of_id(type_id)
        return known

    def _val_type(self, record: Any) -> ValType:
        """With the module's type indices made canonical."""
        code, heap = int(record.code), int(record.heap)
        if code in (lib.W2S_REF, lib.W2S_REF_NULL):
            return ValType(code, int(self._type_ids[heap]) if heap >= 0 else heap)
        return ValType(code)
