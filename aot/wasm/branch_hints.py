"""Branch hints out of the custom section "metadata.code.branch_hint" (proposal: Branch Hinting)."""

from __future__ import annotations

from typing import Final

from aot.errors import ModuleError
from aot.wasm.reader import Reader

SECTION: Final = "metadata.code.branch_hint"

BranchHints = dict[int, dict[int, bool]]
"""Function -> position of an ``if`` or ``br_if``, in bytes from the body's start -> is the branch likely taken?"""


def read_branch_hints(data: bytes, start: int, end: int) -> BranchHints:
    """The hints in the section's contents ``data[start:end]``.

    Hints change nothing but speed: at the first thing that cannot be read the rest is left out, never an error.
    """
    hints: BranchHints = {}
    r = Reader(data, start, end)
    try:
        for _ in range(r.u32()):
            of_function = hints.setdefault(r.u32(), {})
            for _ in range(r.u32()):
                position = r.u32()
                if r.u32() != 1:
                    return hints
                of_function[position] = r.byte() == 1
    except ModuleError:
        pass
    return hints
