"""What the runtime knows of a loaded module."""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aot.build.metadata import Metadata
from aot.embed import raw
from aot.errors import UsageError
from aot.vm.offsets import VMOffsets

if TYPE_CHECKING:
    from aot.embed import Module


@dataclass(frozen=True, slots=True)
class MemoryImage:
    """What a fresh memory begins with, mapped copy-on-write: ``len`` bytes of the file ``fd`` from ``file_offset`` on,
    at the linear address ``linear_offset``. All are multiples of the host's page; the rest of the memory is zero.
    ``fd`` is the module's and open for as long as that lives; ``content`` is read-only and keeps the module alive.
    """

    fd: int
    file_offset: int
    linear_offset: int
    len: int
    content: memoryview


class ModuleRuntimeInfo:
    """A loaded module as the runtime sees it. ``module`` is what it was made from."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def function(self, index: int) -> int:
        """The address of the code of the module's ``index``-th own function (imports do not count). It takes the
        context's address first, then the parameters, by the C calling convention.

        Raises IndexError if there is none, and LookupError if it has no code of its own: the C compiler put it into all
        its callers, or nobody can call it. Functions that can be values always have an address.
        """
        if not 0 <= index < self.n_functions:
            raise IndexError(f"function {index} of {self.n_functions}")
        address = raw.function_address(self.module, index)
        if address == 0:
            raise LookupError(f"function {index} has no code of its own: it was inlined, or is never called")
        return address

    @cached_property
    def n_functions(self) -> int:
        """The module's own functions."""
        head = self._metadata.head
        return int(head["funcs.n"] - head["n_imported_funcs"])

    @cached_property
    def n_memories(self) -> int:
        """The module's own memories."""
        head = self._metadata.head
        return int(head["memories.n"] - head["n_imported_memories"])

    def memory_image(self, index: int) -> MemoryImage | None:
        """The image of the module's ``index``-th own memory. None if it begins with zeros, or if its active segments
        cannot be folded into one: an offset is not constant, one lies out of bounds or on the rest of a host page that
        is not the memory's, or the image would be larger than 1 MiB and mostly zeros. Then segments are copied.

        Raises IndexError if there is no such memory.
        """
        if not 0 <= index < self.n_memories:
            raise IndexError(f"memory {index} of {self.n_memories}")
        place = raw.image_place(self.module, index)
        if place is None:
            return None
        content = raw.view(place.address, place.n_bytes, self.module)
        return MemoryImage(place.fd, place.file_offset, place.linear_offset, place.n_bytes, content)

    @property
    def unique_id(self) -> int:
        """A number that no other module of this process has or had; loading the same file again gives the same
        module.
        """
        return raw.module_id(self.module)

    @cached_property
    def content_id(self) -> bytes:
        """32 bytes that are equal for equal modules, compiled alike, in any process."""
        return hashlib.sha256(raw.metadata_bytes(self.module)).digest()

    @property
    def wasm_data(self) -> memoryview:
        """The bytes of all data segments that are no part of an image, one after the other."""
        return raw.data_section(self.module)

    def data_segment(self, index: int) -> memoryview:
        """The bytes of one segment in `wasm_data`. Raises IndexError if there is none, UsageError if it is part of an
        image.
        """
        rows = self._metadata.records("datas", "w2s_meta_data")
        if not 0 <= index < len(rows):
            raise IndexError(f"data segment {index} of {len(rows)}")
        if rows[index]["in_image"]:
            raise UsageError(f"data segment {index} is part of a memory's image")
        start = rows[index]["blob_offset"]
        return self.wasm_data[start : start + rows[index]["bytes"]]

    @property
    def signature_ids(self) -> array[int]:
        """For each of the module's types the id that stands for it in the whole process: equal types, equal ids."""
        return raw.type_ids(self.module)

    @cached_property
    def offsets(self) -> VMOffsets:
        """Where fields lie in the contexts of the module's instances."""
        return VMOffsets(self.module)

    @cached_property
    def _metadata(self) -> Metadata:
        return Metadata(raw.metadata_bytes(self.module))

    def __repr__(self) -> str:
        return f"<ModuleRuntimeInfo {self.unique_id} of {self.module!r}>"
