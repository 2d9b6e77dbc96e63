"""Running a module's set-up while it is compiled, so that its instances begin behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NoReturn

from aot.embed.engine import Config, Engine
from aot.embed.linking import describe
from aot.embed.module import Module
from aot.embed.snapshot import take_snapshot
from aot.embed.store import Store
from aot.embed.types import FuncType, ImportType
from aot.embed.wasi import WASI_MODULES, WasiContext, open_wasi
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.build import BuildOptions
    from aot.build.state import ModuleState
    from aot.embed.wasi import WasiSetup

_REACTOR = "_initialize"


def preinitialised(data: bytes, function: str, options: BuildOptions, wasi: WasiSetup | None = None) -> ModuleState:
    """What the module holds after its start function, ``_initialize`` if it exports that, and the export ``function``,
    which takes and returns nothing, ran once. Neither of the two is an export any more. It is compiled for this without
    optimisation.

    ``wasi`` is what the module sees while it runs, if it imports WASI: what it learns there (arguments, variables,
    random numbers, the time, directories) stays in the image. Other functions that it imports must not be called.
    Raises UsageError if ``function`` will not do, a call is made that must not be, or the state is none that an image
    can hold, and Trap, as if the module had been run.
    """
    from aot.build import compile_to_file

    with TemporaryDirectory(prefix="wasm2so-") as folder:
        place = Path(folder, "module.so")
        # with epochs, Ctrl-C stops what runs; without fuel, nothing else does
        plain = replace(
            options, opt_level=0, debug=False, keep=None, fuel=False, counters=None, profile=None, epochs=True
        )
        compile_to_file(data, place, plain)
        module = Module.deserialize_file(Engine(Config(opt_level=0)), place)
    store = Store(module.engine)
    context = None if wasi is None else open_wasi(store, wasi)
    instance = module([_given(import_, context) for import_ in module.imports], store=store)
    hidden = frozenset((function, _REACTOR)) & frozenset(instance.exports)
    for name in (_REACTOR, function) if _REACTOR in hidden and function != _REACTOR else (function,):
        _call(instance, name)
    state = take_snapshot(store, module, instance._address, hidden).state
    store.close()
    return state


def _call(instance: Any, name: str) -> None:
    func = instance.get_func(name)
    if func is None:
        raise UsageError(f"the module exports no function {name!r} to run")
    if func.type() != FuncType([], []):
        raise UsageError(f"the function {name!r} has the type {func.type()}; what runs now takes and returns nothing")
    func()


def _given(import_: ImportType, wasi: WasiContext | None) -> Any:
    if import_.module in WASI_MODULES:
        if wasi is None:
            raise UsageError(f"{describe(import_)} is imported: say what the module sees of WASI while it runs")
        return wasi._function(import_.module, import_.name)
    if isinstance(import_.type, FuncType):
        return _refusing(import_)
    raise UsageError(f"{describe(import_)} is imported: an image cannot depend on it")


def _refusing(import_: ImportType) -> Callable[..., NoReturn]:
    def refuse(*args: Any) -> NoReturn:
        raise UsageError(f"{describe(import_)} was called: there is no host yet while a module is compiled")

    return refuse
