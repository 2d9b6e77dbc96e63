"""Reads the records of a metadata blob (``struct w2s_meta`` in abi.h) by the layouts of the header."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from aot.abi import enum_values, struct_layout
from aot.errors import FormatError
from aot.wasm.types import NUM_TYPES, RefType

Record = dict[str, Any]
"""Dotted field name -> number, bytes for byte arrays, or tuple for other arrays."""


@dataclass(frozen=True)
class Metadata:
    """A blob whose head `read_meta` has checked. Raises FormatError where a record lies outside of it."""

    blob: bytes

    @cached_property
    def head(self) -> Record:
        return self._record("w2s_meta", 0)

    def records(self, section: str, struct_name: str) -> list[Record]:
        """All records of the section that the head's field ``section`` tells of."""
        at, n = self.head[f"{section}.offset"], self.head[f"{section}.n"]
        size = struct_layout(struct_name).size
        if at + n * size > len(self.blob):
            raise FormatError(f"damaged metadata: {section} lie outside of it")
        return [self._record(struct_name, at + i * size) for i in range(n)]

    def text(self, record: Record, field: str) -> str:
        """A name that a ``struct w2s_str`` field refers to."""
        start, n = self.head["strings.offset"], self.head["strings.n"]
        offset, size = record[f"{field}.offset"], record[f"{field}.bytes"]
        if offset + size > n or start + n > len(self.blob):
            raise FormatError(f"damaged metadata: {field} lies outside of its strings")
        return self.blob[start + offset : start + offset + size].decode("utf-8", "replace")

    @property
    def producer(self) -> str:
        at, n = self.head["producer.offset"], self.head["producer.n"]
        return self.blob[at : at + n].decode("utf-8", "replace")

    def _record(self, struct_name: str, at: int) -> Record:
        layout = struct_layout(struct_name)
        values = iter(layout.packer().unpack_from(self.blob, at))
        record: Record = {}
        for name, _, code, n in layout.scalars():
            if n > 1 and code not in "Bc":
                record[name] = tuple(next(values) for _ in range(n))
            else:
                record[name] = next(values)
        return record


def type_name(record: Record, prefix: str = "") -> str:
    """A ``struct w2s_valtype`` in the text format's words."""
    code, heap = record[f"{prefix}code"], record[f"{prefix}heap"]
    if code in NUM_TYPES:
        return NUM_TYPES[code].name
    codes = enum_values("w2s_valtype_code")
    if code in (codes["W2S_REF"], codes["W2S_REF_NULL"]):
        return str(RefType(code == codes["W2S_REF_NULL"], heap))
    return {codes["W2S_I8"]: "i8", codes["W2S_I16"]: "i16"}.get(code, f"type 0x{code:x}")
