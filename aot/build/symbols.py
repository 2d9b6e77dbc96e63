"""Which wasm function, and which instruction of it, an address in a ``.so`` belongs to.

Functions are found by their symbols. Where there is line information (`EmitOptions.offsets`), lines of a function's
file (`names.source`) are places in its body, and functions that the compiler has inlined are found as well.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from aot.emit.names import DESCRIPTOR
from aot.errors import FormatError

_FUNCTION = re.compile(r"w_([fie])(\d+)(?:\..*)?$")
_SOURCE = re.compile(r"(?:.*/)?<w(\d+)>$")
_EXECUTABLE = 1

_Place = tuple[int, int]
"""A function, and a place in its body in bytes."""


@dataclass(frozen=True, slots=True)
class Location:
    """An own function by its index, and the place in its body of the instruction that it is at, if that is known.

    ``part`` tells functions in two parts apart: "f" is the function, "i" what the entry "f" of a tail-calling one
    calls, "e" the entry for callers that do not test for exceptions.
    """

    func: int
    offset: int | None
    part: str = "f"

    def belongs_to(self, inner: Location) -> bool:
        """Whether the function has called ``inner`` as its own other part."""
        return self.func == inner.func and inner.part + self.part in ("if", "fe", "ie")


@dataclass(slots=True)
class _Unit:
    """A compilation unit. Lines are (address, place or None), by address; functions are (first, end, DIE)."""

    cu: Any
    lines: list[tuple[int, _Place | None]] = field(default_factory=list)
    functions: list[tuple[int, int, Any]] = field(default_factory=list)
    files: dict[int, int] = field(default_factory=dict)
    """The function that a file's number stands for."""

    def place(self, file: int, line: int | None) -> _Place | None:
        func = self.files.get(file)
        return None if func is None or not line else (func, line - 1)


class Symbols:
    """What the symbols and lines of one ``.so`` say. Raises FormatError if it cannot be read."""

    def __init__(self, data: bytes) -> None:
        try:
            self._elf = ELFFile(io.BytesIO(data))
            self._code = [
                (int(s["p_vaddr"]), int(s["p_vaddr"] + s["p_memsz"]))
                for s in self._elf.iter_segments()
                if s["p_type"] == "PT_LOAD" and s["p_flags"] & _EXECUTABLE
            ]
            self.descriptor = self._read_symbols()
            self._dwarf = self._elf.get_dwarf_info() if self._elf.has_dwarf_info() else None
            self._units = [] if self._dwarf is None else [_Unit(cu) for cu in self._dwarf.iter_CUs()]
        except (ELFError, DWARFError, ValueError, LookupError, AttributeError, TypeError) as err:
            raise FormatError(f"damaged ELF file: {err}") from None

    def _read_symbols(self) -> int:
        """Note all functions; returns the address of the descriptor."""
        found: dict[int, tuple[int, Location | None]] = {}
        descriptor = 0
        for section in self._elf.iter_sections():
            if not isinstance(section, SymbolTableSection):
                continue
            for symbol in section.iter_symbols():
                if symbol.name == DESCRIPTOR:
                    descriptor = int(symbol["st_value"])
                if symbol["st_info"]["type"] != "STT_FUNC" or not symbol["st_size"]:
                    continue
                start = int(symbol["st_value"])
                match = _FUNCTION.match(symbol.name)
                if match or start not in found:
                    place = Location(int(match[2]), None, match[1]) if match else None
                    found[start] = start + int(symbol["st_size"]), place
        self._starts = sorted(found)
        self._found = found
        return descriptor

    @property
    def has_functions(self) -> bool:
        """Whether there are symbols at all: a stripped file has none."""
        return any(place is not None for _, place in self._found.values())

    def is_code(self, address: int) -> bool:
        return any(start <= address < end for start, end in self._code)

    def locate(self, address: int) -> tuple[Location, ...]:
        """The functions that ``address`` belongs to, the innermost inlined one first; none if it is no wasm code."""
        nth = bisect_right(self._starts, address) - 1
        end, place = self._found[self._starts[nth]] if nth >= 0 else (0, None)
        if place is None or address >= end:
            return ()
        try:
            found = self._by_lines(address, place)
        except (ELFError, DWARFError, ValueError, LookupError, AttributeError, TypeError):
            found = ()  # the library fails in many ways where it meets something new
        if found and (found[-1].func, found[-1].part) == (place.func, place.part):
            return found
        return (place,)

    # -- lines and inlined functions -------------------------------------------------------------------------------

    def _by_lines(self, address: int, place: Location) -> tuple[Location, ...]:
        for unit in self._units:
            if not any(start <= address < end for start, end in self._ranges(unit, unit.cu.get_top_DIE())):
                continue
            self._read_unit(unit)
            for start, end, die in unit.functions:
                if start <= address < end:
                    return tuple(self._chain(unit, die, address))
            # clang says nothing of functions into which none is inlined
            return (_at(place, _place_at(unit, address)),)
        return ()

    def _read_unit(self, unit: _Unit) -> None:
        if unit.lines:
            return
        assert self._dwarf is not None
        program = self._dwarf.line_program_for_CU(unit.cu)
        if program is not None:
            version = program["version"]
            for number, entry in enumerate(program["file_entry"], 0 if version >= 5 else 1):
                if match := _SOURCE.match(entry.name.decode("utf-8", "replace")):
                    unit.files[number] = int(match[1])
            for entry in program.get_entries():
                state = entry.state
                if state is not None:
                    place = None if state.end_sequence else unit.place(state.file, state.line)
                    unit.lines.append((state.address, place))
            unit.lines.sort(key=lambda row: row[0])
        for die in unit.cu.get_top_DIE().iter_children():
            if die.tag == "DW_TAG_subprogram":
                unit.functions.extend((start, end, die) for start, end in self._ranges(unit, die))

    def _chain(self, unit: _Unit, die: Any, address: int) -> Iterator[Location]:
        """From the innermost function outwards."""
        chain = [die]
        while (inner := self._inner(unit, chain[-1], address)) is not None:
            chain.append(inner)
        at = _place_at(unit, address)
        for part in reversed(chain):
            match = _FUNCTION.match(_name(part))
            if match:
                yield _at(Location(int(match[2]), None, match[1]), at)
            at = _call_place(unit, part)

    def _inner(self, unit: _Unit, die: Any, address: int) -> Any:
        for child in die.iter_children():
            if child.tag == "DW_TAG_lexical_block":
                found = self._inner(unit, child, address)
                if found is not None:
                    return found
            elif child.tag == "DW_TAG_inlined_subroutine" and any(
                start <= address < end for start, end in self._ranges(unit, child)
            ):
                return child
        return None

    def _ranges(self, unit: _Unit, die: Any) -> Iterator[tuple[int, int]]:
        attributes = die.attributes
        if "DW_AT_ranges" in attributes:
            assert self._dwarf is not None
            lists: Any = self._dwarf.range_lists()
            base = unit.cu.get_top_DIE().attributes.get("DW_AT_low_pc")
            start = int(base.value) if base is not None else 0
            at = attributes["DW_AT_ranges"].value
            for entry in lists.get_range_list_at_offset(at, cu=unit.cu):
                if hasattr(entry, "base_address"):
                    start = entry.base_address
                else:
                    shift = 0 if entry.is_absolute else start
                    yield entry.begin_offset + shift, entry.end_offset + shift
        elif "DW_AT_low_pc" in attributes and "DW_AT_high_pc" in attributes:
            low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
            yield low, high.value if high.form == "DW_FORM_addr" else low + high.value


def _at(location: Location, place: _Place | None) -> Location:
    """The location with its place, if it is one of this function."""
    return replace(location, offset=place[1]) if place is not None and place[0] == location.func else location


def _place_at(unit: _Unit, address: int) -> _Place | None:
    nth = bisect_right(unit.lines, address, key=lambda row: row[0]) - 1
    return unit.lines[nth][1] if nth >= 0 else None


def _name(die: Any) -> str:
    """The name of a function's DIE, wherever it is."""
    for _ in range(4):
        if "DW_AT_name" in die.attributes:
            return str(die.attributes["DW_AT_name"].value.decode("utf-8", "replace"))
        if "DW_AT_abstract_origin" not in die.attributes:
            break
        die = die.get_DIE_from_attribute("DW_AT_abstract_origin")
    return ""


def _call_place(unit: _Unit, die: Any) -> _Place | None:
    """Where an inlined function was called."""
    file, line = die.attributes.get("DW_AT_call_file"), die.attributes.get("DW_AT_call_line")
    return None if file is None or line is None else unit.place(file.value, int(line.value))
