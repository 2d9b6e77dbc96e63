"""The metadata blob: everything the runtime must know to instantiate a module, as the fixed-size records of abi.h.

Names of imports and exports are here as bytes and nowhere else, so no byte of theirs reaches C text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from aot.abi import abi_digest, enum_values, struct_layout
from aot.emit.image import DataBlobs
from aot.emit.plan import Plan
from aot.wasm.module import ConstExpr, ConstInstr, ExternKind, Module, SegmentMode
from aot.wasm.traits import FuncTraits, func_traits
from aot.wasm.types import ArrayType, FieldType, FuncType, RefType, StructType, SubType, ValType

_NO_MAX = (1 << 64) - 1
_REF, _REF_NULL = 0x64, 0x63
_COMP_KIND = {FuncType: 0x60, StructType: 0x5F, ArrayType: 0x5E}

Words = tuple[int, ...]


class _Table:
    """Records of one struct, packed one after the other."""

    def __init__(self, struct: str) -> None:
        self.packer = struct_layout(struct).packer()
        self.rows: list[bytes] = []

    def add(self, *values: int | bytes) -> int:
        self.rows.append(self.packer.pack(*values))
        return len(self.rows) - 1


class MetaWriter:
    """Collects the tables, then lays them out behind the head."""

    def __init__(self, module: Module, plan: Plan, blobs: DataBlobs, producer: str) -> None:
        self.module, self.plan, self.layout, self.blobs = module, plan, plan.layout, blobs
        self.producer = producer.encode("utf-8")
        self.strings = bytearray()
        self._string_places: dict[bytes, int] = {}
        self.valtypes = _Table("w2s_valtype")
        self.consts = _Table("w2s_meta_const")
        self.exprs = _Table("w2s_expr")
        self.words: list[int] = []

    # -- pieces --------------------------------------------------------------------------------------------------

    def string(self, text: str) -> Words:
        """Store a name once; returns (offset, bytes)."""
        return self.raw_string(text.encode("utf-8"))

    def raw_string(self, raw: bytes) -> Words:
        """Store a byte string once; returns (offset, bytes)."""
        place = self._string_places.get(raw)
        if place is None:
            place = self._string_places[raw] = len(self.strings)
            self.strings += raw
        return place, len(raw)

    @staticmethod
    def valtype(t: ValType, *, mutable: bool = False) -> Words:
        """(code, mutable, heap) of a value type."""
        if isinstance(t, RefType):
            return _REF_NULL if t.nullable else _REF, int(mutable), int(t.heap)
        return t.code, int(mutable), 0

    def expr(self, expr: ConstExpr | None) -> Words:
        """Store a constant expression; returns (first, n)."""
        if expr is None:
            return 0, 0
        first = len(self.consts.rows)
        for instr in expr.instrs:
            self.consts.add(*self._const(instr))
        return first, len(expr.instrs)

    @staticmethod
    def _const(instr: ConstInstr) -> Words:
        low, high = instr.value & _NO_MAX, instr.value >> 64 & _NO_MAX
        return instr.op, instr.index & 0xFFFFFFFF, low, high

    # -- tables --------------------------------------------------------------------------------------------------

    def types(self) -> _Table:
        table = _Table("w2s_meta_type")
        for t in self.module.types:
            table.add(*self._type(t))
        return table

    def _type(self, t: SubType) -> Words:
        first = len(self.valtypes.rows)
        n_params, n_results = 0, 0
        fields: Iterable[FieldType] = ()
        match t.comp:
            case FuncType(params=params, results=results):
                n_params, n_results = len(params), len(results)
                for value in (*params, *results):
                    self.valtypes.add(*self.valtype(value))
            case StructType(fields=struct_fields):
                fields = struct_fields
            case ArrayType(field=element):
                fields = (element,)
        for field in fields:
            self.valtypes.add(*self.valtype(field.storage, mutable=field.mutable))
            n_results += 1
        super_ = -1 if t.super is None else t.super
        return _COMP_KIND[type(t.comp)], int(t.final), super_, t.rec_start, t.rec_n, first, n_params, n_results

    def imports(self) -> _Table:
        table = _Table("w2s_meta_import")
        for i in self.module.imports:
            table.add(*self.string(i.module), *self.string(i.name), i.kind, i.index)
        return table

    def exports(self) -> _Table:
        table = _Table("w2s_meta_export")
        for e in self.module.exports:
            table.add(*self.string(e.name), e.kind, e.index)
        return table

    def funcs(self) -> _Table:
        table = _Table("w2s_meta_func")
        slots = {func: slot for slot, func in enumerate(self.layout.escapes)}
        places = self.layout.imported_funcs
        stoppable = self.plan.options.fuel or self.plan.options.epochs  # then any function may trap or ask the host
        for func, type_index in enumerate(self.module.func_types):
            slot = slots.get(func, -1)
            traits = func_traits(self.module, func) if slot >= 0 and not stoppable else FuncTraits.NONE
            own = func - self.module.n_imported_funcs
            code = self.module.bodies[own].start if own >= 0 else 0
            table.add(type_index, places[func] if func < len(places) else 0, slot, traits, code)
        return table

    def memories(self) -> _Table:
        table = _Table("w2s_meta_memory")
        for k, memory in enumerate(self.module.memories):
            limits = memory.limits
            image = self.blobs.images.get(k)
            guarded = self.plan.options.guard and not limits.is64 and memory.page_log2 == 16
            table.add(
                limits.min,
                _NO_MAX if limits.max is None else limits.max,
                memory.page_log2,
                self.layout.memories[k],
                k < self.module.n_imported_memories,
                limits.max is not None,
                limits.is64,
                limits.shared,
                guarded,
                image is not None,
                0,
                image.start if image else 0,
                image.size if image else 0,
                image.offset if image else 0,
            )
        return table

    def tables(self) -> _Table:
        table = _Table("w2s_meta_table")
        for k, t in enumerate(self.module.tables):
            own = k - self.module.n_imported_tables
            init = self.module.own_tables[own].init if own >= 0 else None
            table.add(
                *self.valtype(t.elem),
                t.limits.min,
                _NO_MAX if t.limits.max is None else t.limits.max,
                self.layout.tables[k],
                own < 0,
                t.limits.max is not None,
                t.limits.is64,
                0,
                *self.expr(init),
            )
        return table

    def globals(self) -> _Table:
        table = _Table("w2s_meta_global")
        for k, g in enumerate(self.module.globals):
            own = k - self.module.n_imported_globals
            init = self.module.own_globals[own].init if own >= 0 else None
            table.add(*self.valtype(g.value, mutable=g.mutable), self.layout.globals[k], own < 0, *self.expr(init))
        return table

    def tags(self) -> _Table:
        table = _Table("w2s_meta_tag")
        for k, tag in enumerate(self.module.tags):
            table.add(tag.type, self.layout.tags[k])
        return table

    def elems(self) -> _Table:
        table = _Table("w2s_meta_elem")
        for segment in self.module.elems:
            if segment.funcs is not None:
                first, n = len(self.words), len(segment.funcs)
                self.words.extend(segment.funcs)
            else:
                items = segment.exprs or ()
                first, n = len(self.exprs.rows), len(items)
                for item in items:
                    self.exprs.add(*self.expr(item))
            place = self.expr(segment.place)
            by_exprs = segment.funcs is None
            table.add(*self.valtype(segment.type), segment.mode, segment.table, *place, by_exprs, first, n, 0)
        return table

    def datas(self) -> _Table:
        table = _Table("w2s_meta_data")
        for segment, place in zip(self.module.datas, self.blobs.places, strict=True):
            active = segment.mode is SegmentMode.ACTIVE
            table.add(
                segment.mode,
                segment.memory,
                *self.expr(segment.place if active else None),
                place or 0,
                segment.end - segment.start,
                place is None,
                0,
            )
        return table

    def customs(self) -> _Table:
        table = _Table("w2s_meta_custom")
        for custom in self.module.customs:
            contents = self.module.data[custom.start : custom.end]
            table.add(*self.string(custom.name), *self.raw_string(contents))
        return table

    def layout_rows(self) -> _Table:
        table = _Table("w2s_layout_row")
        for f in self.layout.fields:
            table.add(*self.string(f.name), f.offset, f.size, 1 if f.n is None else f.n)
        return table

    # -- the blob ------------------------------------------------------------------------------------------------

    def blob(self) -> bytes:
        """The whole blob: head, then every table at a multiple of 16 bytes."""
        tables = {
            "types": self.types(),
            "imports": self.imports(),
            "exports": self.exports(),
            "funcs": self.funcs(),
            "tables": self.tables(),
            "memories": self.memories(),
            "globals": self.globals(),
            "tags": self.tags(),
            "elems": self.elems(),
            "datas": self.datas(),
            "layout": self.layout_rows(),
            "customs": self.customs(),
            "valtypes": self.valtypes,
            "consts": self.consts,
            "exprs": self.exprs,
        }
        parts = {name: (b"".join(table.rows), len(table.rows)) for name, table in tables.items()}
        parts["strings"] = bytes(self.strings), len(self.strings)
        parts["words"] = b"".join(w.to_bytes(4, "little", signed=True) for w in self.words), len(self.words)
        escapes = self.layout.escapes
        parts["escapes"] = b"".join(w.to_bytes(4, "little") for w in escapes), len(escapes)
        parts["producer"] = self.producer, len(self.producer)
        head = struct_layout("w2s_meta")
        position = -(-head.size // 16) * 16
        ranges: dict[str, Words] = {}
        body = bytearray()
        for name, (raw, n) in parts.items():
            ranges[name] = position + len(body), n
            body += raw + bytes(-len(raw) % 16)
        total = position + len(body)
        packed = head.packer().pack(*self._head(total), *self._ranges(ranges))
        return packed.ljust(position, b"\0") + bytes(body)

    @staticmethod
    def _ranges(ranges: dict[str, Words]) -> list[int]:
        """Offsets and counts in the order in which `struct w2s_meta` has them."""
        order = [f.name for f in struct_layout("w2s_meta").fields if f.struct is not None]
        return [value for name in order for value in ranges[name]]

    def _head(self, total: int) -> list[int | bytes]:
        constants = enum_values("w2s_constants")
        module = self.module
        return [
            constants["W2S_MAGIC"],
            constants["W2S_ABI_VERSION"],
            total,
            len(self.blobs.data),
            len(self.blobs.image),
            abi_digest(),
            self.layout.digest,
            hashlib.sha256(module.data).digest(),
            self.layout.size,
            -1 if module.start is None else module.start,
            module.n_imported_funcs,
            module.n_imported_tables,
            module.n_imported_memories,
            module.n_imported_globals,
            module.n_imported_tags,
            self.plan.options.cpu_level,
            self.layout.refs,
            self.layout.data_dropped,
            self.layout.elem_dropped,
            self._flags(),
        ]

    def _flags(self) -> int:
        flags = enum_values("w2s_meta_flags")
        counters = flags["W2S_META_COUNTERS"] * self.plan.options.counters
        options = self.plan.options
        return (
            flags["W2S_META_FUEL"] * options.fuel
            | flags["W2S_META_EPOCHS"] * options.epochs
            | flags["W2S_META_SEGMENT"] * self.plan.segmented
            | counters
        )


def build_meta(module: Module, plan: Plan, blobs: DataBlobs, producer: str) -> bytes:
    """The metadata blob of ``module``."""
    imported = sum(1 for i in module.imports if i.kind is ExternKind.FUNC)
    assert imported == module.n_imported_funcs
    return MetaWriter(module, plan, blobs, producer).blob()
