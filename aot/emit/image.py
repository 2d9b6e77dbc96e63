"""Memory images: what active data segments leave in a fresh memory, folded at compile time where that is sound.

An image is made for an own memory whose active segments all have constant offsets inside the minimum size, unless it
would be mostly zeros. Whatever is not in an image goes to the data section and is copied at instantiation.
"""

from __future__ import annotations

from dataclasses import dataclass

from aot.wasm.module import DataSegment, Module, SegmentMode

HOST_PAGE = 4096
SMALL_IMAGE = 1 << 20
"""An image up to this size is made however sparse it is."""


@dataclass(frozen=True, slots=True)
class Image:
    """``start``: linear address, page aligned; ``offset``: place in the image section; ``size``: whole pages."""

    start: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class DataBlobs:
    """``images`` by memory; ``places`` by segment: offset in the data section, or None if in an image."""

    images: dict[int, Image]
    places: tuple[int | None, ...]
    data: bytes
    image: bytes


def _constant_offset(segment: DataSegment) -> int | None:
    place = segment.place
    if place is None or len(place.instrs) != 1 or place.instrs[0].op not in (0x41, 0x42):
        return None
    bits = 32 if place.instrs[0].op == 0x41 else 64
    return place.instrs[0].value & ((1 << bits) - 1)


def _span(module: Module, memory: int, segments: list[DataSegment]) -> tuple[int, int] | None:
    """First and last address (page aligned) of the image for ``memory``; None if there is to be none."""
    type_ = module.memories[memory]
    top = type_.limits.min << type_.page_log2
    low, high, total = top, 0, 0
    for segment in segments:
        offset = _constant_offset(segment)
        size = segment.end - segment.start
        if offset is None or offset + size > top:
            return None
        if size:
            low, high, total = min(low, offset), max(high, offset + size), total + size
    if high == 0:
        return None
    low, high = low // HOST_PAGE * HOST_PAGE, -(-high // HOST_PAGE) * HOST_PAGE
    if high > top or (high - low > SMALL_IMAGE and high - low >= 2 * total):
        return None
    return low, high


def _trim(start: int, content: bytearray) -> tuple[int, bytearray]:
    """Without the pages of zeros at both ends, which memory begins with anyway; one page at least is left."""
    first, end = 0, len(content)
    while end - first > HOST_PAGE and not any(content[end - HOST_PAGE : end]):
        end -= HOST_PAGE
    while end - first > HOST_PAGE and not any(content[first : first + HOST_PAGE]):
        first += HOST_PAGE
    return start + first, content[first:end]


def build_blobs(module: Module) -> DataBlobs:
    """Fold data segments into images where possible; lay out the rest."""
    by_memory: dict[int, list[DataSegment]] = {}
    for segment in module.datas:
        if segment.mode is SegmentMode.ACTIVE:
            by_memory.setdefault(segment.memory, []).append(segment)
    images: dict[int, Image] = {}
    image = bytearray()
    for memory, segments in sorted(by_memory.items()):
        if memory < module.n_imported_memories:
            continue
        span = _span(module, memory, segments)
        if span is None:
            continue
        low, high = span
        content = bytearray(high - low)
        for segment in segments:
            at = (_constant_offset(segment) or 0) - low
            if segment.end > segment.start:
                content[at : at + segment.end - segment.start] = module.data[segment.start : segment.end]
        low, content = _trim(low, content)
        images[memory] = Image(low, len(content), len(image))
        image += content
    places: list[int | None] = []
    data = bytearray()
    for segment in module.datas:
        if segment.mode is SegmentMode.ACTIVE and segment.memory in images:
            places.append(None)
        else:
            places.append(len(data))
            data += module.data[segment.start : segment.end]
    return DataBlobs(images, tuple(places), bytes(data), bytes(image))
