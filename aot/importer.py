"""WebAssembly modules as Python modules: after ``import aot.importer``, ``import plugin`` finds ``plugin.wasm``.

A ``.wasm``, ``.wat`` or compiled ``.so`` file is found wherever a ``.py`` file would be, in packages too; what Python
finds itself comes first. A ``.so`` beside a ``.wasm`` is used if it was made of it; alone it needs no compiler. The
module is loaded when it is imported and instantiated when one of its exports is first used; its exports are its
attributes.

What a module imports comes from WebAssembly modules beside it, which share its store, and from what was given to
`provide`. Python modules are never imported because a guest names them. Programs for WASI have no arguments, variables
or directories and write to the process's own streams, unless `provide_wasi` says otherwise.
"""

from __future__ import annotations

import hashlib
import importlib
import mmap
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from aot.build import read_meta
from aot.build.elf import META_SECTION
from aot.build.metadata import Metadata
from aot.embed import Config, Engine, Instance, Module, Store
from aot.embed.wasi import WASI_MODULES, WasiSetup
from aot.errors import WasmError
from aot.wasi import INHERIT, Wasi

if TYPE_CHECKING:
    Source = Mapping[str, Any] | Instance | ModuleType

__all__ = ["instance_of", "provide", "provide_wasi"]

_START = "_initialize"
"""The export of a library that is called before all others."""


def provide(name: str, source: Source, *, package: str = "") -> None:
    """Give what modules import from ``name``, to those in ``package`` and below; to all if that is empty.

    ``source`` is a mapping of names to functions and other items, an `Instance`, or a Python module: of one, the names
    in its ``__all__``, else the public functions that it defines. It counts for modules not instantiated yet.
    """
    _installed().provided[package, name] = source


def provide_wasi(wasi: WasiSetup, *, package: str = "") -> None:
    """Say what programs for WASI in ``package`` and below get to see."""
    _installed().wasi[package] = wasi


def instance_of(module: ModuleType) -> Instance:
    """The instance behind an imported module, made now if need be. Raises TypeError if it is no WebAssembly module."""
    loaded = _loaded(module)
    if loaded is None:
        raise TypeError(f"{module.__name__} was not loaded by aot.importer")
    return loaded.instance


class _Loaded:
    """What stands behind an imported module."""

    def __init__(self, importer: Importer, spec: ModuleSpec, module: Module) -> None:
        self._importer = importer
        self._spec = spec
        self._busy = False
        self._made: Instance | None = None
        self.module = module

    @property
    def instance(self) -> Instance:
        """Made at the first use. Raises ImportError if an import is not to be had, and what instantiation raises."""
        if self._made is None:
            with self._importer.lock:
                if self._made is None:
                    self._made = self._make()
        return self._made

    def _make(self) -> Instance:
        if self._busy:
            raise ImportError(f"{self._spec.name} imports itself, through other modules", name=self._spec.name)
        self._busy = True
        try:
            instance = self._importer.instantiate(self._spec, self.module)
        finally:
            self._busy = False
        if _START in instance.exports:
            instance.exports[_START]()
        return instance


class Importer(MetaPathFinder, Loader):
    """Finds and loads modules, one store for each folder."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.engine = Engine(Config())
        self.provided: dict[tuple[str, str], Source] = {}
        """Package and name -> where the imports come from."""
        self.wasi: dict[str, WasiSetup] = {}
        self._stores: dict[Path, Store] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The file for a module, unless Python finds something in the same folder or before."""
        entries = [entry for entry in (sys.path if path is None else path) if isinstance(entry, str)]
        stem = fullname.rpartition(".")[2]
        for n, entry in enumerate(entries):
            file = _file_in(Path(entry).absolute(), stem)
            if file is None:
                continue
            other = PathFinder.find_spec(fullname, entries[: n + 1])
            if other is not None and other.loader is not None and not _is_ours(Path(other.origin or "")):
                return None
            spec = ModuleSpec(fullname, self, origin=str(file))
            spec.has_location = True
            return spec
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Load the file; its exports become attributes at their first use. Raises ImportError."""
        spec = module.__spec__
        assert spec is not None
        assert spec.origin is not None
        try:
            loaded = _Loaded(self, spec, Module.from_file(self.engine, spec.origin))
        except (WasmError, OSError) as err:
            raise ImportError(f"{spec.origin}: {err}", name=spec.name, path=spec.origin) from err
        names = [export.name for export in loaded.module.exports if not _is_dunder(export.name)]
        spec.loader_state = loaded

        def get(name: str) -> Any:
            if name not in names:
                raise AttributeError(f"module {spec.name!r} has no export {name!r}", name=name, obj=module)
            found = loaded.instance.exports[name]
            module.__dict__[name] = found
            return found

        members: dict[str, Any] = {"__getattr__": get, "__dir__": lambda: sorted({*module.__dict__, *names})}
        module.__dict__.update(members, __all__=[name for name in names if name.isidentifier()])

    def instantiate(self, spec: ModuleSpec, module: Module) -> Instance:
        """Raises ImportError for a module of imports that nobody provides."""
        assert spec.origin is not None
        folder = Path(spec.origin).parent
        store = self._stores.get(folder)
        if store is None:
            store = self._stores[folder] = Store(self.engine)
        wanted = dict.fromkeys(import_.module for import_ in module.imports)
        imports = {name: found for name in wanted if (found := self._find(spec, folder, name)) is not None}
        setup = next((self.wasi[p] for p in _scopes(spec) if p in self.wasi), None)
        wasi = Wasi(args=[spec.name], stdout=INHERIT, stderr=INHERIT) if setup is None else setup
        return module(imports, store=store, wasi=wasi if any(name in WASI_MODULES for name in wanted) else None)

    def _find(self, spec: ModuleSpec, folder: Path, name: str) -> Mapping[str, Any] | Instance | None:
        for package in _scopes(spec):
            source = self.provided.get((package, name))
            if source is not None:
                return _offered(source) if isinstance(source, ModuleType) else source
        if name in WASI_MODULES:
            return None
        fullname = f"{spec.parent}.{name}" if spec.parent else name
        if name.isidentifier() and self.find_spec(fullname, [str(folder)]) is not None:
            loaded = _loaded(importlib.import_module(fullname))
            if loaded is not None:
                return loaded.instance
        raise ImportError(
            f"{spec.name} imports from {ascii(name)}: give it with aot.importer.provide({ascii(name)}, ...)",
            name=spec.name,
            path=spec.origin,
        )


def _scopes(spec: ModuleSpec) -> list[str]:
    """The module's package, those that package is in, and the empty name."""
    parts = spec.parent.split(".") if spec.parent else []
    return [".".join(parts[:n]) for n in range(len(parts), -1, -1)]


def _offered(module: ModuleType) -> dict[str, Any]:
    names = getattr(module, "__all__", None)
    if names is not None:
        return {name: getattr(module, name) for name in names}
    return {
        name: item
        for name, item in vars(module).items()
        if not name.startswith("_") and callable(item) and getattr(item, "__module__", None) == module.__name__
    }


def _file_in(folder: Path, stem: str) -> Path | None:
    compiled, binary, text = (folder / f"{stem}.{suffix}" for suffix in ("so", "wasm", "wat"))
    source = binary if binary.is_file() else text if text.is_file() else None
    if compiled.is_file() and _is_ours(compiled) and (source is None or _is_current(compiled, source)):
        return compiled
    return source


def _is_ours(path: Path) -> bool:
    """Whether it is a compiled WebAssembly module, of whatever release, and no extension module of Python."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(META_SECTION.encode()) >= 0
    except (OSError, ValueError):  # unreadable, empty
        return False


def _is_current(compiled: Path, source: Path) -> bool:
    """Whether a ``.so`` was made of the file beside it; of a text, whether it is not older."""
    if source.suffix == ".wat":
        return compiled.stat().st_mtime_ns >= source.stat().st_mtime_ns
    try:
        made_of = Metadata(read_meta(compiled).meta).head["wasm_digest"]
    except WasmError:
        return False
    with source.open("rb") as file:
        return bool(made_of == hashlib.file_digest(file, "sha256").digest())


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _loaded(module: ModuleType) -> _Loaded | None:
    state = getattr(module.__spec__, "loader_state", None)
    return state if isinstance(state, _Loaded) else None


def _installed() -> Importer:
    """The importer in ``sys.meta_path``, put there if there is none: before Python's own, which takes every ``.so``."""
    for finder in sys.meta_path:
        if isinstance(finder, Importer):
            return finder
    place = next((n for n, finder in enumerate(sys.meta_path) if finder is PathFinder), len(sys.meta_path))
    made = Importer()
    sys.meta_path.insert(place, made)
    return made


_installed()
