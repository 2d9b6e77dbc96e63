"""An instance's context as compiled code sees it, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from aot.abi import struct_layout
from aot.embed import raw
from aot.vm.offsets import Field, VMOffsets

_STRUCTS = {
    "head": "w2s_vm_head",
    "mem": "w2s_memory",
    "tab": "w2s_table",
    "f": "w2s_import_func",
    "tag": "w2s_tag",
    "refs": "w2s_funcref",
}
"""The structure that a field holds, by its name without number. Imported things are pointers, which are smaller."""


class StructView:
    """A structure of the runtime: its fields are attributes, numbers and addresses are ints."""

    __slots__ = ("_address", "_struct")

    def __init__(self, struct: str, address: int) -> None:
        self._struct = struct_layout(struct)
        self._address = address

    def __getattr__(self, name: str) -> Any:
        for field in self._struct.fields:
            if field.name == name:
                at = self._address + field.offset
                if field.struct is not None:
                    return StructView(field.struct.name, at)
                return int.from_bytes(raw.read(at, field.size), "little")
        raise AttributeError(f"struct {self._struct.name} has no field {name!r}")

    def __dir__(self) -> list[str]:
        return [field.name for field in self._struct.fields]

    def __repr__(self) -> str:
        return f"<struct {self._struct.name} at {self._address:#x}>"


class VMContext:
    """A read-only view of a context. Fields are attributes, named as in `VMOffsets`.

    Numbers and pointers are ints (bits of floats, too), structures are `StructView`, arrays tuples, flags of segments
    and vectors bytes. Each access reads anew and raises UsageError once the instance's store is closed.
    """

    __slots__ = ("_address", "_offsets")

    def __init__(self, address: Callable[[], int], offsets: VMOffsets) -> None:
        """``address`` gives the context's address, or raises if it is gone."""
        self._address = address
        self._offsets = offsets

    def __getattr__(self, name: str) -> Any:
        field = self._offsets.get(name)
        if field is None:
            raise AttributeError(f"the context has no field {name!r}")
        return _value(name, field, self._address() + field.offset)

    def __getitem__(self, name: str) -> Any:
        if name not in self._offsets:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._offsets)

    def __dir__(self) -> list[str]:
        return list(self._offsets)

    def __repr__(self) -> str:
        return f"<VMContext at {self._address():#x}: {len(self._offsets)} fields>"


def _value(name: str, field: Field, at: int) -> Any:
    struct = _STRUCTS.get(name.rstrip("0123456789"))
    if struct is not None and field.size == struct_layout(struct).size:
        views = tuple(StructView(struct, at + n * field.stride) for n in range(field.count))
        return views if name == "refs" else views[0]
    content = raw.read(at, field.size * field.count)
    return content if field.size == 1 or field.size > 8 else int.from_bytes(content, "little")
