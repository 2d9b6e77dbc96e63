"""What can be told of a function from the look of its body, without translating it.

A short function holds no loop, calls nothing and uses no instruction whose work depends on an operand, so it is over
within nanoseconds. If nothing in it can trap either, it is total. Such functions can be entered with less ado. Bodies
are read as they stand; one that is not understood has no traits.
"""

from __future__ import annotations

import re
from enum import IntFlag
from typing import Final

from aot.wasm.module import Module

MAX_BODY: Final = 200
"""Bytes of code of a short function. It also bounds its variables, and so its frame."""

_LEB: Final = rb"[\x80-\xff]*+[\x00-\x7f]"
_TYPE: Final = rb"(?:[\x63\x64]" + _LEB + rb"|" + _LEB + rb")"
_MEMARG: Final = (
    rb"(?:(?:[\x00-\x3f]|[\x80-\xbf]" + _LEB + rb")|(?:[\x40-\x7f]|[\xc0-\xff]" + _LEB + rb")" + _LEB + rb")" + _LEB
)

_TOTAL: Final = (
    rb"[\x0c\x0d\x20-\x24\x3f\x41\x42\xd0\xd2]" + _LEB  # branches, variables, memory.size, constants
    + rb"|[\x01\x05\x0b\x0f\x1a\x1b\x45-\x6c\x71-\x7e\x83-\xa7\xac\xad\xb2-\xc4\xd1]"  # no division, no truncation
    + rb"|[\x02\x04]" + _TYPE + rb"|\x44.{8}|\x43.{4}|\x1c\x01" + _TYPE
    + rb"|\xfc[\x00-\x07\x13-\x16]"
    + rb"|\xfd(?:[\x0c\x0d].{16}|[\x15-\x22].|[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff][\x01\x02])"
)  # fmt: skip
_TRAPPING: Final = (
    rb"[\x00\x6d-\x70\x7f-\x82\xa8-\xab\xae-\xb1]|[\x25\x26]" + _LEB + rb"|[\x28-\x3e]" + _MEMARG
    + rb"|\xfd(?:[\x00-\x0b\x5c\x5d]" + _MEMARG + rb"|[\x54-\x5b]" + _MEMARG + rb".)"
)  # fmt: skip
_TOTAL_CODE: Final = re.compile(rb"(?:" + _TOTAL + rb")*+", re.DOTALL)
_SHORT_CODE: Final = re.compile(rb"(?:" + _TOTAL + rb"|" + _TRAPPING + rb")*+", re.DOTALL)
_LOCAL: Final = re.compile(_LEB + _TYPE)


class FuncTraits(IntFlag):
    """The numbers are those of ``enum w2s_func_traits``."""

    NONE = 0
    SHORT = 1
    TOTAL = 2


def func_traits(module: Module, func: int) -> FuncTraits:
    """Traits of a function by its index in the module's index space; imported functions have none."""
    own = func - module.n_imported_funcs
    if own < 0:
        return FuncTraits.NONE
    body, data = module.bodies[own], module.data
    if body.end - body.start > MAX_BODY or data[body.start] & 0x80:
        return FuncTraits.NONE
    at = body.start + 1
    for _ in range(data[body.start]):
        local = _LOCAL.match(data, at, body.end)
        if local is None:
            return FuncTraits.NONE
        at = local.end()
    if _TOTAL_CODE.fullmatch(data, at, body.end):
        return FuncTraits.SHORT | FuncTraits.TOTAL
    return FuncTraits.SHORT if _SHORT_CODE.fullmatch(data, at, body.end) else FuncTraits.NONE
