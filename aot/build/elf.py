"""Reads our metadata out of a ``.so`` without loading it, and tells a whole file from a damaged or foreign one."""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import BinaryIO

from aot.errors import FormatError

META_SECTION = ".w2s.meta"

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_MACHINES = {"x86_64": 62, "aarch64": 183}
_SHT_NULL, _SHT_NOBITS = 0, 8
_PT_LOAD = 1


class ObjectKind(Enum):
    """ELF file types, by their numbers."""

    RELOCATABLE = 1
    SHARED = 3


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """One of our ``.so`` files: ``meta`` is the blob that begins with a ``struct w2s_meta``."""

    path: Path
    machine: str
    file_bytes: int
    meta: bytes
    sections: tuple[tuple[str, int], ...]
    """Name and size of each section that lies in the file."""


def read_meta(path: Path) -> ObjectFile:
    """Read the metadata of a ``.so`` made for this machine by this release.

    Raises FormatError saying what is wrong with the file, OSError if it cannot be read.
    """
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    machine = platform.machine()
    with path.open("rb") as file:
        size = _check_whole(file, ObjectKind.SHARED, machine)
        try:
            elf = ELFFile(file)
            section = elf.get_section_by_name(META_SECTION)
            sections = tuple(
                (str(s.name), int(s["sh_size"])) for s in elf.iter_sections() if s["sh_type"] != "SHT_NOBITS"
            )
            meta = b"" if section is None else bytes(section.data())
        except (ELFError, ValueError, LookupError, AttributeError, TypeError) as err:
            # The library is not made for damaged files and fails in many ways.
            raise FormatError(f"damaged ELF file: {err}") from None
    if section is None:
        raise FormatError("not a wasm2so object: it has no metadata")
    return ObjectFile(path, machine, size, _check_meta(meta), sections)


def check_whole(path: Path, kind: ObjectKind, machine: str) -> None:
    """Raises FormatError unless the file is a whole ELF file of that kind for ``machine``; OSError if unreadable."""
    with path.open("rb") as file:
        _check_whole(file, kind, machine)


def _check_whole(file: BinaryIO, kind: ObjectKind, machine: str) -> int:
    """Check header, section table, sections and segments against the file's size, which is returned."""
    size = file.seek(0, 2)
    file.seek(0)
    head = file.read(_HEADER.size)
    if size == 0:
        raise FormatError("empty file")
    if head[:4] != b"\x7fELF"[: len(head)]:
        raise FormatError("not an ELF file")
    if len(head) < _HEADER.size:
        raise FormatError(f"truncated: {size} bytes are less than an ELF header")
    ident, e_type, e_machine, _, _, phoff, shoff, _, _, phentsize, phnum, shentsize, shnum, _ = _HEADER.unpack(head)
    if ident[4] != 2 or ident[5] != 1:
        raise FormatError("made for another machine: not 64-bit little-endian")
    if e_machine != _MACHINES.get(machine):
        made_for = next((name for name, number in _MACHINES.items() if number == e_machine), f"ELF machine {e_machine}")
        raise FormatError(f"made for another machine: {made_for}, this is {machine}")
    if e_type != kind.value:
        raise FormatError(f"not a {kind.name.lower()} object (ELF type {e_type})")
    if shnum == 0 or shentsize != _SECTION.size or (phnum and phentsize != _SEGMENT.size):
        raise FormatError("damaged ELF file: no section table")
    for start, count, record in ((shoff, shnum, _SECTION), (phoff, phnum, _SEGMENT)):
        if count and start + count * record.size > size:
            raise FormatError(f"truncated: the file has {size} bytes and needs {start + count * record.size}")
    end = max(_ends(file, shoff, shnum, _SECTION, 4, 5) + _ends(file, phoff, phnum, _SEGMENT, 2, 5))
    if end > size:
        raise FormatError(f"truncated: the file has {size} bytes and needs {end}")
    return size


def _ends(file: BinaryIO, start: int, count: int, record: struct.Struct, offset: int, length: int) -> list[int]:
    """Where the file contents of each section or loaded segment end; fields are given by their place in the record."""
    file.seek(start)
    rows = record.iter_unpack(file.read(count * record.size))
    if record is _SECTION:
        return [0] + [row[offset] + row[length] for row in rows if row[1] not in (_SHT_NULL, _SHT_NOBITS)]
    return [0] + [row[offset] + row[length] for row in rows if row[0] == _PT_LOAD]


def _check_meta(meta: bytes) -> bytes:
    """Check the blob's head against this release; returns the blob without the section's padding."""
    from aot.abi import abi_digest, enum_values, struct_layout

    layout = struct_layout("w2s_meta")
    constants = enum_values("w2s_constants")
    if len(meta) < layout.size:
        raise FormatError("truncated metadata")
    magic, version = struct.unpack_from("<II", meta, layout.offset("magic"))
    if magic != constants["W2S_MAGIC"]:
        raise FormatError("not a wasm2so object: its metadata has another magic number")
    if version != constants["W2S_ABI_VERSION"]:
        ours = constants["W2S_ABI_VERSION"]
        raise FormatError(f"made for another release: ABI version {version}, this release has {ours}; compile it again")
    at = layout.offset("abi_digest")
    if meta[at : at + 32] != abi_digest():
        raise FormatError("made for another release: its ABI digest differs from this release's; compile it again")
    (n_bytes,) = struct.unpack_from("<Q", meta, layout.offset("meta_bytes"))
    if not layout.size <= n_bytes <= len(meta):
        raise FormatError(f"damaged metadata: it claims {n_bytes} bytes and has {len(meta)}")
    return meta[:n_bytes]
