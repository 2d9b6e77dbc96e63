"""A module's metadata with another first state: what memories, globals and tables hold, and which segments are dropped.

Code does not depend on any of it, so the same code runs with the new metadata. Own memories get images, mutable globals
constants, tables one more element segment each; nothing is left for active segments or a start function to do.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aot.abi import enum_values, struct_layout
from aot.build.metadata import Metadata, Record
from aot.errors import UsageError

PAGE = 4096
"""Images are whole pages of the host."""

_I32_CONST, _REF_NULL, _REF_FUNC, _I64_CONST = 0x41, 0xD0, 0xD2, 0x42
_CONST_OPS = {0x7F: _I32_CONST, 0x7E: _I64_CONST, 0x7D: 0x43, 0x7C: 0x44, 0x7B: 0xFD000C}
_NULL = -1
_ZEROS = bytes(PAGE)


@dataclass(frozen=True, slots=True)
class MemoryState:
    """``n_bytes`` is the size; ``content`` begins at address ``start``, and the rest is zero. Both are whole pages."""

    n_bytes: int
    start: int
    content: bytes


@dataclass(frozen=True, slots=True)
class ModuleState:
    """What instances begin with; indices are those of the module's index spaces, all of items of its own.

    ``globals`` has the bits of numbers and the index of functions (-1 null); ``tables`` function indices (-1 null),
    whose number is the size; ``elems`` and ``datas`` are passive segments that were dropped. ``wasm_digest`` is the
    module's.
    """

    wasm_digest: bytes
    memories: Mapping[int, MemoryState]
    globals: Mapping[int, int]
    tables: Mapping[int, tuple[int, ...]]
    elems: frozenset[int]
    datas: frozenset[int]
    hidden: frozenset[str] = field(default=frozenset())
    """Exports that are no more."""


class _Patch:
    """A blob being changed: tables of records are replaced by longer ones behind its end, and the head tells where."""

    def __init__(self, blob: bytes) -> None:
        self.meta = Metadata(blob)
        self.blob = bytearray(blob)
        self.head = struct_layout("w2s_meta")
        self.tables: dict[str, tuple[str, list[Record]]] = {}

    def records(self, section: str, struct_name: str) -> list[Record]:
        rows = self.meta.records(section, struct_name)
        self.tables[section] = struct_name, rows
        return rows

    def words(self) -> list[int]:
        at, n = self.meta.head["words.offset"], self.meta.head["words.n"]
        return list(struct.unpack_from(f"<{n}i", self.blob, at))

    def set_head(self, name: str, value: int) -> None:
        for dotted, offset, code, _ in self.head.scalars():
            if dotted == name:
                struct.pack_into("<" + code, self.blob, offset, value)
                return
        raise KeyError(name)

    def add(self, section: str, content: bytes, n: int) -> None:
        self.blob += bytes(-len(self.blob) % 16)
        self.set_head(f"{section}.offset", len(self.blob))
        self.set_head(f"{section}.n", n)
        self.blob += content

    def finish(self) -> bytes:
        for section, (struct_name, rows) in self.tables.items():
            packer = struct_layout(struct_name).packer()
            self.add(section, b"".join(packer.pack(*_flat(row)) for row in rows), len(rows))
        self.blob += bytes(-len(self.blob) % 16)
        self.set_head("meta_bytes", len(self.blob))
        return bytes(self.blob)


def _flat(row: Record) -> Iterable[int | bytes]:
    for value in row.values():
        if isinstance(value, tuple):
            yield from value
        else:
            yield value


def with_state(blob: bytes, state: ModuleState) -> tuple[bytes, bytes]:
    """The metadata and the image section of a module whose instances begin with ``state``.

    Raises UsageError if it is the state of another module.
    """
    patch = _Patch(blob)
    if patch.meta.head["wasm_digest"] != state.wasm_digest:
        raise UsageError("the image was taken of another module")
    consts = patch.records("consts", "w2s_meta_const")
    image = _memories(patch, state)
    _datas(patch, state)
    _globals(patch, state, consts)
    _tables(patch, state, consts)
    if state.hidden:
        exports = patch.records("exports", "w2s_meta_export")
        exports[:] = [row for row in exports if patch.meta.text(row, "name") not in state.hidden]
    patch.set_head("start", -1)
    patch.set_head("image_bytes", len(image))
    return patch.finish(), image


def _memories(patch: _Patch, state: ModuleState) -> bytes:
    image = bytearray()
    rows = patch.records("memories", "w2s_meta_memory")
    for index, memory in state.memories.items():
        row = rows[index]
        if memory.start % PAGE or len(memory.content) % PAGE or memory.n_bytes % (1 << row["page_log2"]):
            raise UsageError(f"the image of memory {index} is not made of whole pages")
        row["min_pages"] = memory.n_bytes >> row["page_log2"]
        row["has_image"] = int(bool(memory.content))
        row["image_start"], row["image_bytes"] = memory.start, len(memory.content)
        row["image_offset"] = len(image) if memory.content else 0
        image += memory.content
    return bytes(image)


def _datas(patch: _Patch, state: ModuleState) -> None:
    """Active segments have run and passive ones may have been dropped: both are empty from now on."""
    for index, row in enumerate(patch.records("datas", "w2s_meta_data")):
        if row["mode"] == _mode("ACTIVE") or index in state.datas:
            row.update({"mode": _mode("PASSIVE"), "offset.n": 0, "bytes": 0, "in_image": 0})


def _globals(patch: _Patch, state: ModuleState, consts: list[Record]) -> None:
    rows = patch.records("globals", "w2s_meta_global")
    for index, value in state.globals.items():
        code = rows[index]["type.code"]
        if code in _CONST_OPS:
            instr = _const(_CONST_OPS[code], value=value)
        elif value == _NULL:
            instr = _const(_REF_NULL, index=rows[index]["type.heap"])
        else:
            instr = _const(_REF_FUNC, index=value)
        rows[index].update({"init.first": len(consts), "init.n": 1})
        consts.append(instr)


def _tables(patch: _Patch, state: ModuleState, consts: list[Record]) -> None:
    tables = patch.records("tables", "w2s_meta_table")
    elems = patch.records("elems", "w2s_meta_elem")
    words = patch.words()
    n_before = len(elems)
    for index, row in enumerate(elems):
        if row["mode"] == _mode("ACTIVE") or index in state.elems:
            row.update({"mode": _mode("PASSIVE"), "offset.n": 0, "n_items": 0})
    for index, content in state.tables.items():
        table = tables[index]
        table["min_elems"] = len(content)
        used = content if table["init.n"] else _without_tail(content)
        if not used:
            continue
        place = len(consts)
        consts.append(_const(_I64_CONST if table["is64"] else _I32_CONST))
        row = dict.fromkeys((name for name, *_ in struct_layout("w2s_meta_elem").scalars()), 0)
        row.update({name: table[name] for name in row if name.startswith("type.")})
        row.update({"mode": _mode("ACTIVE"), "table": index, "offset.first": place, "offset.n": 1})
        row.update({"first": len(words), "n_items": len(used)})
        elems.append(row)
        words.extend(used)
    patch.add("words", struct.pack(f"<{len(words)}i", *words), len(words))
    _make_room(patch, max(1, len(elems)) - max(1, n_before))


def _make_room(patch: _Patch, n_more: int) -> None:
    """The flags that tell which element segments were dropped end the context: it grows."""
    rows = patch.records("layout", "w2s_layout_row")
    for row in rows:
        if patch.meta.text(row, "name") == "elem_dropped":
            row["n"] += n_more
            end = row["offset"] + row["n"]
            patch.set_head("vm_bytes", max(patch.meta.head["vm_bytes"], -(-end // 16) * 16))


def _without_tail(content: tuple[int, ...]) -> tuple[int, ...]:
    n = len(content)
    while n and content[n - 1] == _NULL:
        n -= 1
    return content[:n]


def _const(op: int, *, index: int = 0, value: int = 0) -> Record:
    low, high = value & (1 << 64) - 1, value >> 64
    return {"op": op, "index": index & 0xFFFFFFFF, "value": (low, high)}


def _mode(name: str) -> int:
    return enum_values("w2s_segment_mode")[f"W2S_SEGMENT_{name}"]


def image_of(content: Iterable[bytes]) -> tuple[int, bytes]:
    """The span from the first to the last page that is not zero: (its address, its bytes). ``content`` are pieces of a
    memory one after the other, whole pages each but perhaps for the last.
    """
    start, at, pages = 0, 0, bytearray()
    zeros = 0
    for piece in content:
        whole = piece + bytes(-len(piece) % PAGE)
        for offset in range(0, len(whole), PAGE):
            page = whole[offset : offset + PAGE]
            if page == _ZEROS:
                zeros += len(page)
            else:
                if not pages:
                    start, zeros = at + offset, 0
                pages += bytes(zeros) + page
                zeros = 0
        at += len(whole)
    return start, bytes(pages)
