"""Layouts shared with C: struct layouts out of the headers, each module's context layout, metadata records.

What needs pycparser is imported at its first use: loading a compiled module needs the digest only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aot.abi.files import abi_digest, header_text, include_dir

if TYPE_CHECKING:
    from aot.abi.headers import enum_values, struct_layout

__all__ = ["abi_digest", "enum_values", "header_text", "include_dir", "struct_layout"]


def __getattr__(name: str) -> Any:
    if name in ("enum_values", "struct_layout"):
        from aot.abi import headers

        return getattr(headers, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
