"""Files with a trailer behind their last byte, where no loader looks: magic, length and SHA-256 of what comes before.

What was cut short, damaged on its way to the disk, or is not ours does not match its trailer.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

_TRAILER = struct.Struct("<8sQ32s")
_MAGIC = b"w2s-entr"
_BLOCK = 1 << 20

TRAILER_BYTES = _TRAILER.size


def append_trailer(path: Path) -> None:
    """Seal what is in the file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        size = file.tell()
    with path.open("ab") as file:
        file.write(_TRAILER.pack(_MAGIC, size, digest))


def sealed(content: bytes) -> bytes:
    """``content`` with its trailer."""
    return content + _TRAILER.pack(_MAGIC, len(content), hashlib.sha256(content).digest())


def unsealed(data: bytes) -> bytes | None:
    """What `sealed` was given, None if ``data`` does not match its trailer."""
    content = without_trailer(data)
    return content if len(content) < len(data) and sealed(content) == data else None


def is_sound(path: Path) -> bool:
    """Does the file match its trailer? Raises OSError if it cannot be read."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END) - _TRAILER.size
        if size < 0:
            return False
        file.seek(size)
        magic, stated, stated_digest = _TRAILER.unpack(file.read())
        if magic != _MAGIC or stated != size:
            return False
        file.seek(0)
        digest = hashlib.sha256()
        while size > 0 and (block := file.read(min(_BLOCK, size))):
            digest.update(block)
            size -= len(block)
        return bool(digest.digest() == stated_digest)


def without_trailer(data: bytes) -> bytes:
    """The bytes of a file, be it sealed or not."""
    end = len(data) - _TRAILER.size
    if end >= 0 and _TRAILER.unpack_from(data, end)[:2] == (_MAGIC, end):
        return data[:end]
    return data
