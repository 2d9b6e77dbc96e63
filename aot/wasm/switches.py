"""Instructions that a switched-off feature takes away. Those of whole prefixes, and of exceptions, are refused where
they are translated.
"""

from __future__ import annotations

from typing import Final

from aot.wasm.features import Features
from aot.wasm.opcodes import BY_NAME

_INSTRUCTIONS: Final = {
    "bulk_memory": (
        "memory.init",
        "data.drop",
        "memory.copy",
        "memory.fill",
        "table.init",
        "elem.drop",
        "table.copy",
    ),
    "reference_types": (
        "ref.null",
        "ref.is_null",
        "ref.func",
        "table.get",
        "table.set",
        "table.size",
        "table.grow",
        "table.fill",
        "select t",
    ),
    "function_references": ("call_ref", "return_call_ref", "ref.as_non_null", "br_on_null", "br_on_non_null"),
    "tail_call": ("return_call", "return_call_indirect", "return_call_ref"),
    "wide_arithmetic": ("i64.add128", "i64.sub128", "i64.mul_wide_s", "i64.mul_wide_u"),
}


def refused_codes(features: Features) -> dict[int, str]:
    """Opcodes that may not be used, each with its feature."""
    return {
        BY_NAME[name].code: feature
        for feature, names in _INSTRUCTIONS.items()
        if not getattr(features, feature)
        for name in names
    }
