"""Where the fields of a module's instances lie in their contexts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aot.build.metadata import Metadata
from aot.embed import raw

if TYPE_CHECKING:
    from aot.embed import Module


@dataclass(frozen=True, slots=True)
class Field:
    """``count`` elements of ``size`` bytes each, ``stride`` bytes apart, from ``offset`` bytes behind the context's
    start.
    """

    offset: int
    size: int
    count: int
    stride: int


class VMOffsets(Mapping[str, Field]):
    """The offsets table of one module: field name -> `Field`, in the order of the context.

    ``head`` comes first; ``mem0`` and so on are memories (a structure, or a pointer if imported or shared), ``tab0``
    tables, ``f0`` imported functions, ``g0`` globals (a value, or a pointer if imported), ``tag0`` tags, ``refs`` the
    functions that are values, ``data_dropped`` and ``elem_dropped`` a byte for each segment.
    """

    def __init__(self, module: Module) -> None:
        meta = Metadata(raw.metadata_bytes(module))
        self.size_of_vmctx = int(meta.head["vm_bytes"])
        """Bytes of a whole context."""
        self._fields = {
            meta.text(row, "name"): Field(row["offset"], row["bytes"], row["n"], row["bytes"])
            for row in meta.records("layout", "w2s_layout_row")
        }

    def __getitem__(self, name: str) -> Field:
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        return f"<VMOffsets of {len(self)} fields, {self.size_of_vmctx} bytes>"
