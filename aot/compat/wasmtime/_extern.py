"""Functions, memories, tables, globals and tags, from and to those of `aot.embed`."""

from __future__ import annotations

from typing import Any

import aot.embed as embed
from aot.compat.wasmtime._func import Func
from aot.compat.wasmtime._global import Global
from aot.compat.wasmtime._memory import Memory, SharedMemory
from aot.compat.wasmtime._table import Table
from aot.compat.wasmtime._tag import Tag

AsExtern = Func | Table | Memory | SharedMemory | Global | Tag


def wrap(item: Any) -> AsExtern:
    """What stands here for an item of `aot.embed`."""
    if isinstance(item, embed.Func):
        return Func._of(item)
    if isinstance(item, embed.Memory):
        return Memory._of(item)
    if isinstance(item, embed.Table):
        return Table._of(item)
    if isinstance(item, embed.Global):
        return Global._of(item)
    if isinstance(item, embed.SharedMemory):
        return SharedMemory._of(item)
    return Tag._of(item)


def unwrap(item: Any) -> Any:
    """The item of `aot.embed`. Raises TypeError for anything else."""
    if isinstance(item, SharedMemory):
        return item.ptr()
    if isinstance(item, (Func, Table, Memory, Global, Tag)):
        return item._item
    raise TypeError(f"expected a Func, Global, Memory, SharedMemory, Tag, or Table, not {type(item).__name__}")
