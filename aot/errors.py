"""Every error this package raises on purpose, and `Site`, the place in a module that an error speaks of.

Messages are the specification's words, a colon, then the particulars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Site:
    """A place in a module's binary: ``offset`` counts bytes from the start of the module."""

    offset: int
    function: int | None = None
    instruction: str | None = None

    def __str__(self) -> str:
        text = f"@0x{self.offset:06x}"
        if self.function is not None:
            text += f" func {self.function}"
        if self.instruction:
            text += f" {self.instruction}"
        return text


class WasmError(Exception):
    """Base of all errors of this package."""


class ModuleError(WasmError):
    """A module was refused. ``site`` tells where, once known."""

    def __init__(self, message: str, site: Site | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.site = site

    def at(self, site: Site) -> Self:
        """Attach ``site`` unless a more precise one is there already; returns self for ``raise ... from None``."""
        if self.site is None:
            self.site = site
        return self

    def __str__(self) -> str:
        return f"{self.message} [{self.site}]" if self.site else self.message

    def __reduce__(self) -> tuple[type[ModuleError], tuple[str, Site | None]]:
        return type(self), (self.message, self.site)


class DecodeError(ModuleError):
    """The bytes are not a module (assert_malformed in the spec's tests)."""


class InvalidError(ModuleError):
    """The module breaks a validation rule (assert_invalid)."""


class LimitError(ModuleError):
    """The module is larger than an implementation limit allows (the limits of the JavaScript API)."""


class UnsupportedError(ModuleError):
    """The module uses a feature that this release does not compile; the message names it."""


class LinkError(WasmError):
    """An import is missing or does not fit (assert_unlinkable)."""


class ImportCountError(LinkError):
    """Imports were given in order, but not as many as the module has."""


class UnknownImportError(LinkError):
    """Nothing was given, or is defined, for an import."""


class ImportTypeError(LinkError):
    """What was given for an import is of another kind or type."""


class ResourceError(WasmError):
    """A limit of the store was reached, or the system is out of memory or address space."""


class UsageError(WasmError):
    """The API was called wrongly: another store's object, a closed store, a wrong number of arguments."""


class FormatError(WasmError):
    """A ``.so`` is not one of ours, or truncated, foreign to this machine, or made for another release."""


class BuildError(WasmError):
    """A C compiler failed. ``command`` is its argument list, ``log`` what it printed."""

    def __init__(self, message: str, command: tuple[str, ...] = (), log: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.command = command
        self.log = log

    def __reduce__(self) -> tuple[type[BuildError], tuple[str, tuple[str, ...], str]]:
        return type(self), (self.message, self.command, self.log)
