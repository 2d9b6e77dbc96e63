"""What `wasm2so inspect` prints. Names are the guest's: they are quoted, and nothing in them reaches a terminal raw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from aot.abi import enum_values
from aot.build.elf import ObjectFile
from aot.build.metadata import Metadata, Record, type_name
from aot.emit import used_features
from aot.wasm.module import ConstExpr, ElemSegment, ExternKind, Module, SegmentMode
from aot.wasm.opcodes import BY_CODE
from aot.wasm.types import ArrayType, CompType, FieldType, FuncType, SubType

_CONST_OPS = range(0x41, 0x45)
_FLAGS = (
    ("W2S_META_FUEL", "counts fuel"),
    ("W2S_META_EPOCHS", "has epochs"),
    ("W2S_META_COUNTERS", "counts for a profile"),
    ("W2S_META_SEGMENT", "needs FSGSBASE"),
)


def printable(text: str) -> str:
    """``text`` with everything escaped that a terminal would not show as a character of its own: control codes,
    escape sequences, line breaks, and the marks that turn or hide text.

    >>> printable("a\\x1b[2Jb\\u202e")
    'a\\\\x1b[2Jb\\\\u202e'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def quoted(name: str) -> str:
    r"""A guest's name between quotes.

    >>> quoted('say "hi"')
    '"say \\"hi\\""'
    """
    return '"' + printable(name.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def describe_module(module: Module) -> Iterator[str]:
    """The parts of a ``.wasm`` module, a line each."""
    yield f"wasm module, {len(module.data)} bytes"
    yield f"features: {', '.join(used_features(module)) or 'none beyond WebAssembly 1.0'}"
    yield from _part("types", (f"{i}  {_sub_type(sub)}" for i, sub in enumerate(module.types)))
    imports = (
        f"{item.kind.name.lower()} {item.index}  {quoted(item.module)} {quoted(item.name)}  "
        f"{_extern_type(module, item.kind, item.index)}"
        for item in module.imports
    )
    yield from _part("imports", imports)
    exports = (
        f"{quoted(item.name)}  {item.kind.name.lower()} {item.index}  {_extern_type(module, item.kind, item.index)}"
        for item in module.exports
    )
    yield from _part("exports", exports)
    sizes = [body.end - body.start for body in module.bodies]
    if sizes:
        largest = max(range(len(sizes)), key=sizes.__getitem__)
        index = module.n_imported_funcs + largest
        named = f" {quoted(module.func_names[index])}" if index in module.func_names else ""
        yield (
            f"functions: {len(sizes)}, {sum(sizes)} bytes of code; the largest is {index}{named} with {sizes[largest]}"
        )
    yield from _part("memories", (f"{i}  {memory} (pages)" for i, memory in enumerate(module.memories)))
    yield from _part("tables", (f"{i}  {table}" for i, table in enumerate(module.tables)))
    yield from _part("globals", _globals(module))
    yield from _part("data segments", _datas(module))
    yield from _part("element segments", (f"{i}  {_elem(elem)}" for i, elem in enumerate(module.elems)))
    if module.start is not None:
        yield f"start: func {module.start}"
    yield from _part("custom sections", (f"{quoted(c.name)}  {c.end - c.start} bytes" for c in module.customs))


def describe_object(obj: ObjectFile) -> Iterator[str]:
    """The parts of one of our ``.so`` files, a line each. Raises FormatError for damaged metadata."""
    meta = Metadata(obj.meta)
    head = meta.head
    level = f", x86-64-v{head['cpu_level']}" if head["cpu_level"] else ""
    level += "".join(f", {text}" for name, text in _FLAGS if head["flags"] & enum_values("w2s_meta_flags")[name])
    yield f"wasm2so object for {obj.machine}{level}, {obj.file_bytes} bytes"
    yield f"producer: {printable(meta.producer)}"
    yield f"ABI version: {head['abi_version']}"
    for name in ("abi", "layout", "wasm"):
        yield f"{name} digest: {head[f'{name}_digest'].hex()}"
    types = _object_types(meta)
    yield from _part("types", (f"{i}  {text}" for i, text in enumerate(types)))
    items = _object_items(meta, types)
    imports = (
        f"{_kind(r)} {r['index']}  {quoted(meta.text(r, 'module'))} {quoted(meta.text(r, 'name'))}  {_item(items, r)}"
        for r in meta.records("imports", "w2s_meta_import")
    )
    yield from _part("imports", imports)
    exports = (
        f"{quoted(meta.text(r, 'name'))}  {_kind(r)} {r['index']}  {_item(items, r)}"
        for r in meta.records("exports", "w2s_meta_export")
    )
    yield from _part("exports", exports)
    own = len(items[ExternKind.FUNC]) - head["n_imported_funcs"]
    yield f"functions: {own}"
    for title, kind in (("memories", ExternKind.MEMORY), ("tables", ExternKind.TABLE), ("globals", ExternKind.GLOBAL)):
        yield from _part(title, (f"{i}  {text}" for i, text in enumerate(items[kind])))
    yield f"data: {head['data_bytes']} bytes in segments, {head['image_bytes']} bytes of memory images"
    if head["start"] >= 0:
        yield f"start: func {head['start']}"
    customs = meta.records("customs", "w2s_meta_custom")
    yield from _part(
        "custom sections", (f"{quoted(meta.text(r, 'name'))}  {r['contents.bytes']} bytes" for r in customs)
    )
    rows = meta.records("layout", "w2s_layout_row")
    yield f"context: {head['vm_bytes']} bytes"
    yield from _part("offsets", (_layout_row(meta, row) for row in rows))
    yield from _part("sections", (f"{printable(name)}  {size} bytes" for name, size in obj.sections if name))


def _part(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A heading with the number of lines, and the lines; nothing if there are none."""
    rows = list(lines)
    if rows:
        yield f"{title} ({len(rows)}):"
        yield from (f"  {row}" for row in rows)


def _sub_type(sub: SubType) -> str:
    words = _comp_type(sub.comp)
    if sub.super is not None:
        words = f"sub {sub.super} {words}"
    return words if sub.final else f"open {words}"


def _comp_type(comp: CompType) -> str:
    match comp:
        case FuncType():
            return f"func {comp}"
        case ArrayType(field=field):
            return f"array {_field(field)}"
        case _:
            return f"struct {{{', '.join(map(_field, comp.fields))}}}"


def _field(field: FieldType) -> str:
    return f"(mut {field.storage})" if field.mutable else str(field.storage)


def _extern_type(module: Module, kind: ExternKind, index: int) -> str:
    """The type of an item, or what is wrong with its index: the module need not be valid to be looked at."""
    spaces = {
        ExternKind.FUNC: module.func_types,
        ExternKind.TABLE: module.tables,
        ExternKind.MEMORY: module.memories,
        ExternKind.GLOBAL: module.globals,
        ExternKind.TAG: module.tags,
    }
    space = spaces[kind]
    if index >= len(space):
        return "(no such index)"
    item = space[index]
    type_index = item if isinstance(item, int) else getattr(item, "type", None) if kind is ExternKind.TAG else None
    if type_index is None:
        return str(item)
    return f"type {type_index}" + (
        f" {_comp_type(module.types[type_index].comp)}" if type_index < len(module.types) else " (no such type)"
    )


def _globals(module: Module) -> Iterator[str]:
    for index, ty in enumerate(module.globals):
        own = index - module.n_imported_globals
        init = "imported" if own < 0 else f"= {_expr(module.own_globals[own].init)}"
        yield f"{index}  {ty} {init}"


def _datas(module: Module) -> Iterator[str]:
    for index, data in enumerate(module.datas):
        size = f"{data.end - data.start} bytes"
        if data.mode is SegmentMode.ACTIVE and data.place is not None:
            yield f"{index}  {size}, active, memory {data.memory} at {_expr(data.place)}"
        else:
            yield f"{index}  {size}, {data.mode.name.lower()}"


def _elem(elem: ElemSegment) -> str:
    count = len(elem.funcs if elem.funcs is not None else elem.exprs or ())
    text = f"{count} x {elem.type}, {elem.mode.name.lower()}"
    if elem.mode is SegmentMode.ACTIVE and elem.place is not None:
        text += f", table {elem.table} at {_expr(elem.place)}"
    return text


def _expr(expr: ConstExpr) -> str:
    """A constant expression in the text format's words; constants as their bits, floats in hexadecimal."""
    words = []
    for instr in expr.instrs:
        op = BY_CODE.get(instr.op)
        name = op.name if op else f"op 0x{instr.op:x}"
        if instr.op in _CONST_OPS:
            words.append(f"{name} {instr.value if instr.op < 0x43 else hex(instr.value)}")
        elif name in ("global.get", "ref.func", "ref.null"):
            words.append(f"{name} {instr.index}")
        else:
            words.append(name)
    return ", ".join(words) or "nothing"


def _object_types(meta: Metadata) -> list[str]:
    valtypes = meta.records("valtypes", "w2s_valtype")
    names = [f"(mut {type_name(r)})" if r["mutable_"] else type_name(r) for r in valtypes]
    texts = []
    for record in meta.records("types", "w2s_meta_type"):
        first = record["first"]
        middle = first + record["n_params"]
        end = middle + record["n_results"]
        if record["kind"] == 0x60:
            texts.append(f"func [{' '.join(names[first:middle])}] -> [{' '.join(names[middle:end])}]")
        else:
            texts.append(f"{'struct' if record['kind'] == 0x5F else 'array'} {{{', '.join(names[middle:end])}}}")
    return texts


def _object_items(meta: Metadata, types: list[str]) -> dict[ExternKind, list[str]]:
    """The types of everything in each index space, in words."""
    return {
        ExternKind.FUNC: [
            f"type {r['type']} {types[r['type']] if r['type'] < len(types) else '(no such type)'}"
            for r in meta.records("funcs", "w2s_meta_func")
        ],
        ExternKind.TABLE: [
            _bounds(r["min_elems"], r["max_elems"], r, type_name(r, "type."))
            for r in meta.records("tables", "w2s_meta_table")
        ],
        ExternKind.MEMORY: [
            _bounds(r["min_pages"], r["max_pages"], r, "(pages)" + (", guarded" if r["guarded"] else ", checked"))
            for r in meta.records("memories", "w2s_meta_memory")
        ],
        ExternKind.GLOBAL: [
            f"(mut {type_name(r, 'type.')})" if r["type.mutable_"] else type_name(r, "type.")
            for r in meta.records("globals", "w2s_meta_global")
        ],
        ExternKind.TAG: [],
    }


def _bounds(low: int, high: int, record: Record, rest: str) -> str:
    top = f" {high}" if record["has_max"] else ""
    wide = " i64" if record["is64"] else ""
    return f"{low}{top}{wide} {rest}"


def _item(items: dict[ExternKind, list[str]], record: Record) -> str:
    try:
        return items[ExternKind(record["kind"])][record["index"]]
    except (ValueError, IndexError):
        return "(no such index)"


def _kind(record: Record) -> str:
    try:
        return ExternKind(record["kind"]).name.lower()
    except ValueError:
        return f"kind {record['kind']}"


def _layout_row(meta: Metadata, row: Record) -> str:
    count = f" x {row['n']}" if row["n"] != 1 else ""
    return f"{row['offset']:6}  {printable(meta.text(row, 'name'))}  {row['bytes']} bytes{count}"
