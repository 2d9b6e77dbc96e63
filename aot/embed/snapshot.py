"""Taking images of instances, and making modules whose instances begin with one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from aot.build.metadata import Metadata as Records
from aot.build.state import MemoryState, ModuleState, image_of, with_state
from aot.embed._native import ffi, lib
from aot.embed.image import Image
from aot.embed.module import Module
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.store import Store

_PIECE = 1 << 20
_REF_CODES = (0x63, 0x64)


class _Reader:
    """Reads an instance's context."""

    def __init__(self, module: Module, address: int) -> None:
        meta = lib.w2s_module_descriptor_of(module._pointer).meta
        self.instance = ffi.cast("struct w2s_instance *", address)
        self.vm = int(ffi.cast("uintptr_t", lib.w2s_instance_vm(self.instance)))
        self.meta = Records(bytes(ffi.buffer(meta, meta.meta_bytes)))
        self.head = self.meta.head
        self.funcs = self._functions()

    def _functions(self) -> dict[int, int]:
        """Address of a function as a value -> its index; null is -1."""
        item = ffi.new("struct w2s_extern *")
        found = {0: -1}
        size = ffi.sizeof("struct w2s_funcref")
        for index, row in enumerate(self.meta.records("funcs", "w2s_meta_func")):
            if row["ref"] >= 0:
                found[self.vm + self.head["refs_offset"] + row["ref"] * size] = index
            if lib.w2s_instance_item(self.instance, lib.W2S_EXTERN_FUNC, index, item) == lib.W2S_OK:
                found.setdefault(int(ffi.cast("uintptr_t", item.func)), index)
        return found

    def number(self, offset: int, n_bytes: int) -> int:
        return int.from_bytes(ffi.buffer(ffi.cast("uint8_t *", self.vm + offset), n_bytes)[:], "little")

    def func(self, address: int, what: str) -> int:
        if address not in self.funcs:
            raise UsageError(f"{what} holds a function of another instance or of the host, which an image cannot hold")
        return self.funcs[address]

    def dropped(self, section: str, size: str) -> frozenset[int]:
        """Segments without contents: dropped, or empty from the start, as an image leaves them."""
        rows, offset = self.meta.records(f"{section}s", f"w2s_meta_{section}"), self.head[f"{section}_dropped_offset"]
        return frozenset(i for i, row in enumerate(rows) if row[size] == 0 or self.number(offset + i, 1))

    def memories(self) -> Iterator[tuple[int, MemoryState]]:
        for index, row in enumerate(self.meta.records("memories", "w2s_meta_memory")):
            if row["imported"] or row["shared"]:
                kind = "imported" if row["imported"] else "shared"
                raise UsageError(f"memory {index} is {kind}: an image cannot hold it")
            memory = ffi.cast("struct w2s_memory *", self.vm + row["vm_offset"])
            n = int(memory.bytes)
            pieces = (ffi.buffer(memory.base + at, min(_PIECE, n - at))[:] for at in range(0, n, _PIECE))
            start, content = image_of(pieces)
            yield index, MemoryState(n, start, content)

    def globals(self) -> Iterator[tuple[int, int]]:
        widths = {0x7B: 16, 0x7E: 8, 0x7C: 8, 0x7F: 4, 0x7D: 4}
        for index, row in enumerate(self.meta.records("globals", "w2s_meta_global")):
            if not row["type.mutable_"]:
                continue
            if row["imported"]:
                raise UsageError(f"global {index} is imported and mutable: an image cannot hold it")
            code = row["type.code"]
            if code not in _REF_CODES:
                yield index, self.number(row["vm_offset"], widths[code])
            elif self.is_func(row):
                yield index, self.func(self.number(row["vm_offset"], 8), f"global {index}")
            elif self.number(row["vm_offset"], 4):
                raise UsageError(f"global {index} holds a reference to no function, which an image cannot hold")
            else:
                yield index, -1

    def is_func(self, row: dict[str, Any]) -> bool:
        heap = row["type.heap"]
        if heap < 0:
            return heap in (lib.W2S_HEAP_FUNC, lib.W2S_HEAP_NOFUNC)
        return bool(self.meta.records("types", "w2s_meta_type")[heap]["kind"] == 0x60)

    def tables(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        for index, row in enumerate(self.meta.records("tables", "w2s_meta_table")):
            if row["imported"]:
                raise UsageError(f"table {index} is imported: an image cannot hold it")
            table = ffi.cast("struct w2s_table *", self.vm + row["vm_offset"])
            words = ffi.unpack(ffi.cast("uint64_t *", table.elems), int(table.n_elems)) if table.n_elems else []
            if table.is_func:
                yield index, tuple(self.func(word, f"table {index}") for word in words)
            elif any(words):
                raise UsageError(f"table {index} holds references to no functions, which an image cannot hold")
            else:
                yield index, (-1,) * len(words)


def take_snapshot(store: Store, module: Module, address: int, hidden: frozenset[str] = frozenset()) -> Image:
    """The state of the instance at ``address``; exports named ``hidden`` are left out of what is made from it.

    Raises UsageError for what an image cannot hold, and while code of the store runs.
    """
    store._address  # noqa: B018, raises if the store is closed
    if store._running:
        raise UsageError("code of the store is running: a snapshot is taken between calls")
    reader = _Reader(module, address)
    return Image(
        ModuleState(
            bytes(reader.head["wasm_digest"]),
            dict(reader.memories()),
            dict(reader.globals()),
            dict(reader.tables()),
            reader.dropped("elem", "n_items"),
            reader.dropped("data", "bytes"),
            hidden,
        )
    )


def derive(module: Module, image: Image) -> Module:
    """See `Module.with_image`."""
    if not isinstance(image, Image):
        raise TypeError(f"expected an Image, not {type(image).__name__}")
    base = module._base or module
    blob = lib.w2s_module_descriptor_of(base._pointer).meta
    meta, content = with_state(bytes(ffi.buffer(blob, blob.meta_bytes)), image.state)
    derived = Module.__new__(Module)
    derived._engine, derived._name, derived._base, derived._image = module._engine, module._name, base, image
    out, error = ffi.new("struct w2s_module **"), ffi.new("struct w2s_error *")
    fd = _sealed(content) if content else -1
    try:
        status = lib.w2s_module_derive(base._pointer, meta, len(meta), fd, out, error)
    finally:
        if fd >= 0:
            os.close(fd)
    derived._adopt(status, out, error)
    return derived


def _sealed(content: bytes) -> int:
    """A file in memory that holds ``content`` and can never change."""
    fd = os.memfd_create("wasm2so-image", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with open(fd, "wb", closefd=False) as file:
            file.write(content)
        fcntl.fcntl(
            fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        )
    except BaseException:
        os.close(fd)
        raise
    return fd
