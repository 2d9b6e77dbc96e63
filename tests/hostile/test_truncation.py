"""Damaged modules: every prefix, and every byte changed, is compiled or refused with a `ModuleError`."""

from __future__ import annotations

import pytest

from aot.errors import ModuleError
from tests.hostile.modules import section_ends, small_modules
from tests.translation import check

MODULES = small_modules()
EACH = pytest.mark.parametrize("data", MODULES.values(), ids=MODULES.keys())


def is_accepted(data: bytes) -> bool:
    """Decode and validate everything. Raises whatever is not a ModuleError."""
    try:
        check(data)
    except ModuleError as error:
        assert error.message
        assert error.site is None or 0 <= error.site.offset <= len(data)
        return False
    return True


def test_there_are_fifty_modules() -> None:
    assert len(MODULES) >= 50


@EACH
def test_every_truncation_is_refused(data: bytes) -> None:
    assert is_accepted(data)
    accepted = {end for end in range(len(data)) if is_accepted(data[:end])}
    assert accepted <= section_ends(data)


@EACH
def test_no_changed_byte_breaks_the_compiler(data: bytes) -> None:
    for pos in range(8, len(data)):
        for flip in (0x01, 0x80, 0xFF):
            is_accepted(data[:pos] + bytes((data[pos] ^ flip,)) + data[pos + 1 :])


@EACH
def test_bytes_after_the_end_are_refused(data: bytes) -> None:
    assert not is_accepted(data + b"\xff")
    assert not is_accepted(data + b"\x00")
