"""The context (vmctx) of one module: which fields, where, and how C sees them.

One `Layout` gives the generated struct, the static assertions, the exported offsets table and the offsets that the
metadata hands to the runtime, so that none of them can disagree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from aot.abi.headers import struct_layout
from aot.wasm.module import ExternKind, Module
from aot.wasm.types import FuncType, RefType, ValType

_FUNC_HEAPS = (-0x10, -0x0D)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the context: ``n`` elements of ``ctype``, ``size`` bytes each, at byte ``offset``."""

    name: str
    ctype: str
    offset: int
    size: int
    n: int | None

    @property
    def declaration(self) -> str:
        array = "" if self.n is None else f"[{self.n}]"
        star = "" if self.ctype.endswith("*") else " "
        return f"{self.ctype}{star}{self.name}{array};"


@dataclass(frozen=True, slots=True)
class Layout:
    """The context of one module. Offsets are bytes from its start; lists are by index within each index space."""

    fields: tuple[Field, ...]
    size: int
    memories: tuple[int, ...]
    imported_funcs: tuple[int, ...]
    tables: tuple[int, ...]
    globals: tuple[int, ...]
    tags: tuple[int, ...]
    refs: int
    data_dropped: int
    elem_dropped: int
    escapes: tuple[int, ...]
    """Functions that have a funcref slot, in the order of their slots."""

    @property
    def digest(self) -> bytes:
        """SHA-256 over every field's name, offset, element size and count."""
        rows = "".join(f"{f.name} {f.offset} {f.size} {f.n if f.n is not None else 1}\n" for f in self.fields)
        return hashlib.sha256(rows.encode("ascii")).digest()


def is_func_ref(module: Module, t: RefType) -> bool:
    """Do values of ``t`` belong to the function hierarchy (C: pointers, all other references: 32-bit handles)?"""
    if t.heap < 0:
        return t.heap in _FUNC_HEAPS
    return isinstance(module.types[t.heap].comp, FuncType)


_NUM_C = {"i": ("uint32_t", 4), "l": ("uint64_t", 8), "f": ("float", 4), "d": ("double", 8), "v": ("w2s_v128", 16)}


def value_ctype(module: Module, t: ValType) -> tuple[str, int]:
    """The C type of a wasm value and its size in bytes."""
    if isinstance(t, RefType):
        return ("struct w2s_funcref *", 8) if is_func_ref(module, t) else ("uint32_t", 4)
    return _NUM_C[t.char]


def escaping_functions(module: Module) -> tuple[int, ...]:
    """Functions that can be seen as values: exported, in segments or initialisers, or the start function."""
    found = set(module.declared_refs)
    found.update(e.index for e in module.exports if e.kind is ExternKind.FUNC)
    for segment in module.elems:
        found.update(segment.funcs or ())
    if module.start is not None:
        found.add(module.start)
    return tuple(sorted(found))


def is_inline_memory(module: Module, memory: int) -> bool:
    """Does the memory lie in the context? The others are imported, or shared, and may outlive the instance."""
    return memory >= module.n_imported_memories and not module.memories[memory].limits.shared


class _Builder:
    """Places fields one after the other at their natural alignment."""

    def __init__(self) -> None:
        self.fields: list[Field] = []
        self.position = 0
        self.align = 8

    def add(self, name: str, ctype: str, size: int, align: int, n: int | None = None) -> int:
        offset = -(-self.position // align) * align
        self.align = max(self.align, align)
        self.fields.append(Field(name, ctype, offset, size, n))
        self.position = offset + size * (1 if n is None else n)
        return offset

    def add_struct(self, name: str, struct: str, n: int | None = None) -> int:
        layout = struct_layout(struct)
        return self.add(name, f"struct {struct}", layout.size, layout.align, n)

    def add_pointer(self, name: str, target: str) -> int:
        star = "" if target.endswith("*") else " "
        return self.add(name, f"{target}{star}*", 8, 8)


def _global_fields(builder: _Builder, module: Module) -> tuple[int, ...]:
    offsets = []
    for index, global_ in enumerate(module.globals):
        ctype, size = value_ctype(module, global_.value)
        if index < module.n_imported_globals:
            # a global of another instance or of the host may lie at any multiple of 8
            target = "w2s_v128_slot" if ctype == "w2s_v128" else ctype
            offsets.append(builder.add_pointer(f"g{index}", target))
        else:
            offsets.append(builder.add(f"g{index}", ctype, size, size))
    return tuple(offsets)


def layout_of(module: Module) -> Layout:
    """Lay out the context of ``module``: head, memories, imported functions, tables, globals, tags, funcrefs, drop
    flags.

    Memories and globals come early, so that hot fields have short displacements.
    """
    builder = _Builder()
    builder.add_struct("head", "w2s_vm_head")
    memories = tuple(
        builder.add_struct(f"mem{k}", "w2s_memory")
        if is_inline_memory(module, k)
        else builder.add_pointer(f"mem{k}", "struct w2s_memory")
        for k in range(len(module.memories))
    )
    tables = tuple(
        builder.add_pointer(f"tab{k}", "struct w2s_table")
        if k < module.n_imported_tables
        else builder.add_struct(f"tab{k}", "w2s_table")
        for k in range(len(module.tables))
    )
    imported = tuple(builder.add_struct(f"f{k}", "w2s_import_func") for k in range(module.n_imported_funcs))
    globals_ = _global_fields(builder, module)
    n_imported_tags = module.n_imported_tags
    tags = tuple(
        builder.add_pointer(f"tag{k}", "struct w2s_tag")
        if k < n_imported_tags
        else builder.add_struct(f"tag{k}", "w2s_tag")
        for k in range(len(module.tags))
    )
    escapes = escaping_functions(module)
    refs = builder.add_struct("refs", "w2s_funcref", max(1, len(escapes)))
    data_dropped = builder.add("data_dropped", "uint8_t", 1, 1, max(1, len(module.datas)))
    elem_dropped = builder.add("elem_dropped", "uint8_t", 1, 1, max(1, len(module.elems)))
    size = -(-builder.position // builder.align) * builder.align
    return Layout(
        tuple(builder.fields),
        size,
        memories,
        imported,
        tables,
        globals_,
        tags,
        refs,
        data_dropped,
        elem_dropped,
        escapes,
    )
