"""Modules."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import aot.embed as embed
from aot.compat.wasmtime._engine import Engine
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._trap import translated
from aot.compat.wasmtime._types import ExportType, ImportType, made_of
from aot.compat.wasmtime._wat import binary_of
from aot.errors import WasmError


class Module(Managed[embed.Module]):
    """A compiled module."""

    @classmethod
    def from_file(cls, engine: Engine, path: str | bytes | PathLike[str]) -> Module:
        """Compile a file, binary or text."""
        name = path.decode() if isinstance(path, bytes) else path
        return cls(engine, Path(name).read_bytes())

    def __init__(self, engine: Engine, wasm: str | bytes) -> None:
        """Compile a binary module or text. Raises WasmtimeError for a bad one."""
        if not isinstance(engine, Engine):
            raise TypeError(f"expected an Engine, not {type(engine).__name__}")
        data = binary_of(wasm)
        try:
            self._set_ptr(embed.Module(engine.ptr(), data))
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def deserialize(cls, engine: Engine, encoded: bytes | bytearray) -> Module:
        """Load what `serialize` gave. It is code: load only what you trust."""
        if not isinstance(encoded, (bytes, bytearray)):
            raise TypeError("expected bytes")
        try:
            return made_of(cls, embed.Module.deserialize(engine.ptr(), encoded))
        except WasmError as err:
            raise translated(err) from None

    @classmethod
    def deserialize_file(cls, engine: Engine, path: str) -> Module:
        """Load a file with what `serialize` gave. It is code: load only what you trust."""
        try:
            return made_of(cls, embed.Module.deserialize_file(engine.ptr(), path))
        except (WasmError, OSError) as err:
            raise translated(err if isinstance(err, WasmError) else WasmError(str(err))) from None

    @classmethod
    def validate(cls, engine: Engine, wasm: bytes | bytearray) -> None:
        """Raises WasmtimeError if ``wasm`` is not a valid binary module."""
        if not isinstance(wasm, (bytes, bytearray)):
            raise TypeError("expected wasm bytes")
        try:
            embed.Module.validate(engine.ptr(), wasm)
        except WasmError as err:
            raise translated(err) from None

    @property
    def imports(self) -> list[ImportType]:
        """What the module needs, in its order."""
        return [made_of(ImportType, t) for t in self.ptr().imports]

    @property
    def exports(self) -> list[ExportType]:
        """What the module offers, in its order."""
        return [made_of(ExportType, t) for t in self.ptr().exports]

    def serialize(self) -> bytearray:
        """The compiled module, for `deserialize`."""
        return bytearray(self.ptr().serialize())
