"""Names out of the custom section "name" (spec: Appendix, Name Section)."""

from __future__ import annotations

from typing import Final

from aot.errors import ModuleError
from aot.wasm.reader import Reader

_MODULE_NAME: Final = 0
_FUNCTION_NAMES: Final = 1


def read_module_name(data: bytes) -> str | None:
    """The module's own name out of the section's contents; None if it has none or it cannot be read."""
    r = Reader(data, 0, len(data))
    try:
        if r.byte() != _MODULE_NAME:
            return None
        size = r.u32()
        return Reader(data, r.pos, min(r.pos + size, len(data))).name()
    except ModuleError:
        return None


def read_func_names(data: bytes, start: int, end: int, n_funcs: int) -> dict[int, str]:
    """Function index -> name, from the section's contents ``data[start:end]``.

    Names are a convenience: at the first thing that cannot be read the rest is left out, never an error. Functions
    that the module does not have are left out too.
    """
    names: dict[int, str] = {}
    r = Reader(data, start, end)
    try:
        while r.pos < end:
            kind = r.byte()
            size = r.u32()
            stop = r.pos + size
            if kind == _FUNCTION_NAMES:
                _read_map(Reader(data, r.pos, min(stop, end)), n_funcs, names)
            if stop > end:
                break
            r.pos = stop
    except ModuleError:
        pass
    return names


def _read_map(r: Reader, n_funcs: int, names: dict[int, str]) -> None:
    for _ in range(r.u32()):
        index = r.u32()
        name = r.name()
        if index < n_funcs:
            names[index] = name
