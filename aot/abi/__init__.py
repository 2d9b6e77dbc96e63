"""Layouts shared with C: struct layouts out of the headers, each module's context layout, metadata records."""

from aot.abi.headers import abi_digest, enum_values, header_text, include_dir, struct_layout

__all__ = ["abi_digest", "enum_values", "header_text", "include_dir", "struct_layout"]
