"""Where wasm code was when it trapped: addresses, and the functions and instructions they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from aot.embed._native import ffi, lib
from aot.embed.metadata import Metadata

if TYPE_CHECKING:
    from aot.build.symbols import Location, Symbols
    from aot.embed.module import Module

_MAX_NOTED = 20
"""Frames in the text of a trap."""

_MAX_TRACES = 16
"""Entries into wasm, nested by host functions, that an error tells of."""

_MAX_FRAMES = 64
"""Frames that are kept of one entry into wasm."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A call of a wasm function that was not over.

    ``func_index`` counts in the module's index space; None if the ``.so`` was stripped of its symbols. ``func_name``
    and ``module_name`` come from the name section, None where it has none. ``module_offset`` is where the instruction
    is in the module's bytes and ``func_offset`` where in the function's body; None if that is not known: for modules
    compiled with ``Config.debug``, stripped ones, and where a compiler has merged instructions.
    """

    func_index: int | None
    func_name: str | None
    module_name: str | None
    func_offset: int | None
    module_offset: int | None

    def __str__(self) -> str:
        name = self.func_name if self.func_name is not None else "<unnamed>"
        where = f"{self.module_name or '<wasm>'}!{name}"
        index = "" if self.func_index is None else f" (func {self.func_index})"
        offset = "" if self.module_offset is None else f" at 0x{self.module_offset:x}"
        return f"{where}{index}{offset}"


class Trace:
    """The frames of one entry into wasm, as addresses; looked up when somebody asks."""

    __slots__ = ("_addresses", "_is_cut", "_modules")

    def __init__(self, error: BaseException, addresses: bytes, modules: list[Module], is_cut: bool) -> None:
        """Attach itself to ``error``: to a trap to be asked for frames, to any other as a note."""
        from aot.embed.trap import Trap

        self._addresses = memoryview(addresses).cast("L")
        self._modules = modules
        self._is_cut = is_cut
        if isinstance(error, Trap):
            if len(error._traces) < _MAX_TRACES:
                error._traces = (*error._traces, self)
            return
        if not isinstance(error, Exception):  # an interruption or a cancellation: looking frames up would hold it up
            return
        if len(getattr(error, "__notes__", ())) >= _MAX_TRACES:
            return
        frames = self.frames()
        if frames:
            error.add_note(describe(frames, is_cut))

    @property
    def is_cut(self) -> bool:
        """Whether there were more frames than are kept, which are the innermost ones."""
        return self._is_cut

    def frames(self) -> tuple[Frame, ...]:
        """Innermost first."""
        found = _frames_at(self._addresses, self._modules)
        if len(found) > _MAX_FRAMES:
            self._is_cut = True
        return tuple(found[:_MAX_FRAMES])


def describe(frames: tuple[Frame, ...], is_cut: bool) -> str:
    """A backtrace in words."""
    lines = [f"  {n}: {frame}" for n, frame in enumerate(frames[:_MAX_NOTED])]
    if is_cut:
        lines.append("  ... and more")
    elif len(frames) > _MAX_NOTED:
        lines.append(f"  ... and {len(frames) - _MAX_NOTED} more")
    return "\n".join(["wasm backtrace:", *lines])


def describe_trace(module: Any, addresses: Sequence[int], is_cut: bool) -> str:
    """The backtrace of a ``struct w2s_module`` that is run without a `Module`; empty if no frame is known."""
    frames = _frames_at(addresses, [_Code(Resolver(module, Metadata(lib.w2s_module_descriptor_of(module))))])
    return describe(tuple(frames), is_cut) if frames else ""


class _HasResolver(Protocol):
    """A module, for whom addresses in its code are to be looked up."""

    @property
    def _resolver(self) -> Resolver: ...


@dataclass(frozen=True, slots=True)
class _Code:
    _resolver: Resolver


def _frames_at(addresses: Iterable[int], modules: Sequence[_HasResolver]) -> list[Frame]:
    found: list[Frame] = []
    inner: Location | None = None
    for address in addresses:
        for frame, location in _resolve(modules, address):
            if inner is None or location is None or not location.belongs_to(inner):
                found.append(frame)
            inner = location
    return found


def _resolve(modules: Sequence[_HasResolver], address: int) -> list[tuple[Frame, Location | None]]:
    for module in modules:
        resolver = module._resolver
        inside = address - resolver.base
        if resolver.symbols.is_code(inside):
            return resolver.resolve(inside)
    return []


class Resolver:
    """Addresses of one loaded module."""

    def __init__(self, module: Any, metadata: Metadata) -> None:
        """``module`` is the ``struct w2s_module``."""
        from aot.build.symbols import Symbols
        from aot.embed.serialized import code_of

        self.symbols: Symbols = Symbols(code_of(module))
        descriptor = int(ffi.cast("uintptr_t", lib.w2s_module_descriptor_of(module)))
        self.base = descriptor - self.symbols.descriptor
        self._metadata = metadata
        self._known: dict[int, list[tuple[Frame, Location | None]]] = {}

    def resolve(self, address: int) -> list[tuple[Frame, Location | None]]:
        """The frames at an address of the file; none if it is a stub's or the runtime's."""
        found = self._known.get(address)
        if found is None:
            found = self._known[address] = self._resolve(address)
        return found

    def _resolve(self, address: int) -> list[tuple[Frame, Location | None]]:
        if not self.symbols.has_functions:
            return [(Frame(None, None, self._metadata.module_name, None, None), None)]
        return [(self._frame(location), location) for location in self.symbols.locate(address)]

    def _frame(self, location: Location) -> Frame:
        start, end = self._metadata.code_range(location.func)
        offset = location.offset
        if offset is not None and start + offset >= end:
            offset = None
        return Frame(
            location.func,
            self._metadata.func_names.get(location.func),
            self._metadata.module_name,
            offset,
            None if offset is None else start + offset,
        )
