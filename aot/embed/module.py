"""Modules: compiled code and what it says about itself, shared by any number of stores."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from aot.embed._native import ffi, lib
from aot.embed.backtrace import Resolver
from aot.embed.engine import Config, Engine
from aot.embed.metadata import Metadata
from aot.embed.store import Store
from aot.embed.types import ExportType, ImportType
from aot.embed.wat import to_wasm
from aot.errors import FormatError, ResourceError, UsageError

if TYPE_CHECKING:
    from aot.embed.image import Image
    from aot.embed.instance import Instance
    from aot.embed.pool import Pool
    from aot.embed.store import StoreLimits
    from aot.embed.wasi import WasiContext, WasiSetup

PathLike = str | os.PathLike[str]


class Module:
    """A compiled module. Calling it makes an instance: ``mod()``, ``mod(env={"log": print})``."""

    _base: Module | None = None
    """What `with_image` was called of, for modules that it made."""

    _image: Image | None = None

    def __init__(self, engine: Engine, wasm: bytes | bytearray | memoryview | str) -> None:
        """Compile a binary module, or WebAssembly text in a str. The same bytes compile once, thanks to the cache.

        Raises ModuleError for a bad module and BuildError if the C compiler fails.
        """
        _check_engine(engine)
        data = to_wasm(wasm) if isinstance(wasm, str) else bytes(wasm)
        self._engine = engine
        self._name = ""
        if engine.config.cache:
            from aot.build import compile_cached

            self._open(compile_cached(data, engine._build_options()))
        else:
            self._open_uncached(data)

    def _open_uncached(self, data: bytes) -> None:
        from tempfile import TemporaryDirectory

        from aot.build import compile_to_file

        with TemporaryDirectory(prefix="wasm2so-") as folder:
            path = Path(folder, "module.so")
            compile_to_file(data, path, self._engine._build_options())
            self._open(path)

    @classmethod
    def from_file(cls, engine: Engine, path: PathLike) -> Self:
        """Load a ``.wasm``, ``.wat`` or already compiled ``.so`` file; its first bytes and its suffix tell.

        Raises OSError if it cannot be read, and what the constructor and `deserialize_file` raise.
        """
        place = Path(path)
        with place.open("rb") as file:
            head = file.read(4)
            if head == b"\x7fELF" or place.suffix == ".so":
                return cls.deserialize_file(engine, place)
            data = head + file.read()
        text = place.suffix == ".wat" and not data.startswith(b"\0asm")
        module = cls(engine, data.decode("utf-8") if text else data)
        module._name = place.name
        return module

    @classmethod
    def deserialize_file(cls, engine: Engine, path: PathLike) -> Self:
        """Load a ``.so`` that ``wasm2so compile`` made. It is code: load only files that you trust.

        Raises FormatError if it is truncated, foreign to this machine, or made for another release.
        """
        _check_engine(engine)
        place = Path(path)
        return cls._checked(engine, place, place.name)

    @classmethod
    def deserialize(cls, engine: Engine, data: bytes | bytearray | memoryview) -> Self:
        """Load what `serialize` gave, or the bytes of a ``.so``. They are code: load only what you trust.

        Raises FormatError if they are truncated, foreign to this machine, or made by another release.
        """
        from aot.embed.serialized import nameless_file

        _check_engine(engine)
        with nameless_file(bytes(data)) as fd:
            return cls._checked(engine, Path(f"/proc/self/fd/{fd}"), "", fd)

    def serialize(self) -> bytes:
        """The compiled module, as `deserialize` takes it and as it stands in a ``.so`` file.

        It runs on machines of the same kind, with a CPU of at least the level it was compiled for, and this release.
        Raises UsageError for a module that `with_image` made: that has no file of its own. It can be pickled, though.
        """
        if self._base is not None:
            raise UsageError("a module with an image is no compiled file: pickle it, or keep its module and its image")
        from aot.embed.serialized import code_of

        return code_of(self._pointer)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its compiled code, so that unpickling needs no compiler. As ever, unpickling runs code of whoever
        made the pickle.
        """
        if self._base is not None:
            return _with_image, (self._base, self._image)
        return _unpickle, (type(self), self._engine.config, self._name, self.serialize())

    @classmethod
    def _checked(cls, engine: Engine, path: Path, name: str, fd: int | None = None) -> Self:
        """Open a file after looking at it: nothing of a damaged one is run."""
        from aot.build import read_meta

        try:
            read_meta(path)
        except FormatError as err:
            raise FormatError(f"{path if fd is None else 'serialized module'}: {err}") from None
        module = cls.__new__(cls)
        module._engine = engine
        module._name = name
        module._open(path, fd)
        module._check_meters(str(path) if fd is None else "serialized module")
        return module

    def _check_meters(self, what: str) -> None:
        """Raises FormatError if the engine promises a limit that the code does not keep to."""
        config = self._engine._config
        for option, wanted, found in (
            ("consume_fuel", config.consume_fuel, self.consumes_fuel),
            ("epoch_interruption", config.epoch_interruption, self.has_epochs),
        ):
            if wanted and not found:
                raise FormatError(f"{what}: it was compiled without {option}, which the engine's Config asks for")

    def _open(self, path: Path, fd: int | None = None) -> None:
        out, error = ffi.new("struct w2s_module **"), ffi.new("struct w2s_error *")
        own = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if fd is None else fd
        try:
            status = lib.w2s_module_open(own, os.fsencode(path), out, error)
        finally:
            if fd is None:
                os.close(own)
        self._adopt(status, out, error)

    def _adopt(self, status: int, out: Any, error: Any) -> None:
        """Take over what the runtime opened. Raises FormatError or ResourceError if it did not."""
        if status != lib.W2S_OK:
            message = ffi.string(error.message).decode("utf-8", "replace")
            raise (ResourceError if status == lib.W2S_ERR_RESOURCE else FormatError)(message)
        self._pointer = ffi.gc(out[0], lib.w2s_module_release)
        self._address = int(ffi.cast("uintptr_t", out[0]))
        self._metadata = Metadata(lib.w2s_module_descriptor_of(self._pointer))

    @staticmethod
    def validate(engine: Engine, wasm: bytes | bytearray) -> None:
        """Raises ModuleError if ``wasm`` is not a valid module, or uses what this release cannot compile."""
        from aot.emit import EmitOptions, check_bodies, plan_module
        from aot.wasm.load import load_module

        _check_engine(engine)
        features = engine.config.features
        module = load_module(bytes(wasm), features)
        check_bodies(module, plan_module(module, EmitOptions(features=features)))

    @staticmethod
    def features(wasm: bytes | bytearray) -> list[str]:
        """The features that a binary module uses, as names of `Config`'s switches: ``["wasm_simd", ...]``.

        The module need not be valid: what comes behind something invalid is not looked at. Raises DecodeError if it is
        not well-formed.
        """
        from aot.emit import used_features
        from aot.wasm.decode import decode_module

        return [f"wasm_{name}" for name in used_features(decode_module(bytes(wasm)))]

    @property
    def engine(self) -> Engine:
        return self._engine

    @cached_property
    def _resolver(self) -> Resolver:
        """For backtraces."""
        return Resolver(self._pointer, self._metadata)

    @property
    def consumes_fuel(self) -> bool:
        """Whether it was compiled with ``Config.consume_fuel``."""
        return bool(self._metadata.flags & lib.W2S_META_FUEL)

    @property
    def has_epochs(self) -> bool:
        """Whether it was compiled with ``Config.epoch_interruption``."""
        return bool(self._metadata.flags & lib.W2S_META_EPOCHS)

    def custom_sections(self, name: str) -> list[bytes]:
        """Contents of the module's custom sections called ``name``, in order; empty if there is none."""
        return self._metadata.custom_sections(name)

    @property
    def imports(self) -> list[ImportType]:
        """What the module needs, in its order."""
        return list(self._metadata.imports)

    @property
    def exports(self) -> list[ExportType]:
        """What the module offers, in its order."""
        return list(self._metadata.exports)

    def __call__(
        self,
        imports: Mapping[str, Any] | Sequence[Any] | None = None,
        /,
        *,
        store: Store | None = None,
        wasi: Any = None,
        **modules: Any,
    ) -> Instance:
        """Make an instance, in a store of its own unless one is given.

        Imports are given by module name, as keywords or in one mapping: ``mod(env={"log": print})``,
        ``mod({"env": {"log": print}})``; or as a sequence in the order of ``imports``. What stands for a whole module
        is a mapping of names or an `Instance`; each import is a `Func`, `Memory`, `Table` or `Global`, a plain callable
        for a function, or a plain value for an immutable global.

        ``wasi`` describes what a program that imports WASI gets to see (`aot.Wasi`): the instance gets a context of its
        own. A context (`WasiContext`) is shared with whatever else uses it. Anything else stands for a module "wasi".

        Raises LinkError naming an import that is missing or does not fit, OSError for a directory or file of WASI that
        cannot be opened, and what the start function raises.
        """
        from aot.embed.instance import Instance

        store, context, given = self._surroundings(imports, store, wasi, modules)
        return Instance(store, self, given, wasi=context)

    async def instantiate_async(
        self,
        imports: Mapping[str, Any] | Sequence[Any] | None = None,
        /,
        *,
        store: Store | None = None,
        wasi: Any = None,
        **modules: Any,
    ) -> Instance:
        """Make an instance as by calling the module, from a coroutine: host functions that the start function calls may
        be asynchronous. See `Func.call_async`.
        """
        from aot.embed.instance import Instance

        store, context, given = self._surroundings(imports, store, wasi, modules)
        return await Instance.new_async(store, self, given, wasi=context)

    def _surroundings(
        self,
        imports: Mapping[str, Any] | Sequence[Any] | None,
        store: Store | None,
        wasi: Any,
        modules: dict[str, Any],
    ) -> tuple[Store, WasiContext | None, Mapping[str, Any] | Sequence[Any]]:
        """Store, context of WASI and imports for an instance."""
        from aot.embed.wasi import WasiContext, WasiSetup, open_wasi

        if wasi is not None and not isinstance(wasi, (WasiSetup, WasiContext)):
            modules["wasi"] = wasi
            wasi = None
        store = Store(self._engine) if store is None else store
        return store, None if wasi is None else open_wasi(store, wasi), _merge(imports, modules)

    def pool(
        self,
        imports: Mapping[str, Any] | Sequence[Any] | None = None,
        /,
        *,
        max_instances: int = 1000,
        keep_resident: int | None = None,
        limits: StoreLimits | None = None,
        wasi: WasiSetup | None = None,
        **modules: Any,
    ) -> Pool:
        """A pool of instances of this module: see `Pool`. Imports are given as for calling the module."""
        from aot.embed.pool import KEEP_RESIDENT, Pool

        keep = KEEP_RESIDENT if keep_resident is None else keep_resident
        given = _merge(imports, modules)
        return Pool(self, given, max_instances=max_instances, keep_resident=keep, limits=limits, wasi=wasi)

    def with_image(self, image: Image) -> Module:
        """A module whose instances begin in the state that `Instance.snapshot` took of an instance of this one: their
        memories are mapped copy-on-write, and no start function runs. Raises UsageError if it is another module's.
        """
        from aot.embed.snapshot import derive

        return derive(self, image)

    def __repr__(self) -> str:
        n_imports, n_exports = len(self._metadata.imports), len(self._metadata.export_indices)
        return f"<Module {self._name or '(no name)'}: {n_imports} imports, {n_exports} exports>"


def _merge(
    imports: Mapping[str, Any] | Sequence[Any] | None, modules: dict[str, Any]
) -> Mapping[str, Any] | Sequence[Any]:
    if imports is None:
        return modules
    if not modules:
        return imports
    if not isinstance(imports, Mapping):
        raise TypeError("imports are given in order or by module name, not both")
    return {**imports, **modules}


def _with_image(base: Module, image: Image) -> Module:
    return base.with_image(image)


def _unpickle(cls: type[Module], config: Config, name: str, data: bytes) -> Module:
    module = cls.deserialize(Engine(config), data)
    module._name = name
    return module


def _check_engine(engine: Engine) -> None:
    if not isinstance(engine, Engine):
        raise TypeError(f"expected an Engine, not {type(engine).__name__}")
