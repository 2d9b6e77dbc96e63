"""What the low-level faces (`aot.vm`) know of the runtime's objects: addresses, and bytes at them. Nothing here checks
that an address is still good; whoever asks does.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aot.embed._native import ffi, lib

if TYPE_CHECKING:
    from aot.embed.module import Module


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """Where a memory's image lies: in the file ``fd``, and in this process at ``address``. Sizes and places count
    bytes.
    """

    fd: int
    file_offset: int
    linear_offset: int
    n_bytes: int
    address: int


def read(address: int, n: int) -> bytes:
    return bytes(ffi.buffer(ffi.cast("uint8_t *", address), n))


def view(address: int, n: int, owner: object) -> memoryview:
    """A read-only view of memory that lives as long as ``owner``, which it keeps alive."""
    pointer = ffi.gc(ffi.cast("uint8_t *", address), lambda _, owner=owner: None)
    return memoryview(ffi.buffer(pointer, n)).toreadonly()


def context_address(instance: int) -> int:
    """The address of an instance's context."""
    return int(ffi.cast("uintptr_t", lib.w2s_instance_vm(ffi.cast("struct w2s_instance *", instance))))


def module_id(module: Module) -> int:
    return int(lib.w2s_module_id(module._pointer))


def metadata_bytes(module: Module) -> bytes:
    """The module's metadata blob."""
    meta = lib.w2s_module_descriptor_of(module._pointer).meta
    return bytes(ffi.buffer(meta, meta.meta_bytes))


def function_address(module: Module, defined: int) -> int:
    """0 if there is none."""
    return int(ffi.cast("uintptr_t", lib.w2s_module_function(module._pointer, defined)))


def image_place(module: Module, defined: int) -> ImagePlace | None:
    place = ffi.new("struct w2s_image_place *")
    if lib.w2s_module_image(module._pointer, defined, place) != lib.W2S_OK or not place.bytes:
        return None
    return ImagePlace(
        int(place.fd),
        int(place.file_offset),
        int(place.linear_offset),
        int(place.bytes),
        int(ffi.cast("uintptr_t", place.data)),
    )


def data_section(module: Module) -> memoryview:
    """The bytes of data segments that are not part of an image."""
    descriptor = lib.w2s_module_descriptor_of(module._pointer)
    return view(int(ffi.cast("uintptr_t", descriptor.data)), int(descriptor.meta.data_bytes), module)


def type_ids(module: Module) -> array[int]:
    """The canonical id of each of the module's types."""
    descriptor = lib.w2s_module_descriptor_of(module._pointer)
    n = int(descriptor.meta.types.n)
    return array("I", bytes(ffi.buffer(descriptor.type_ids, 4 * n)) if n else b"")
