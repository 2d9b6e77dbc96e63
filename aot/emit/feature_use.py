"""Which features of WebAssembly a module uses: all are switched off, and those that something is refused for come on
again, until nothing is.
"""

from __future__ import annotations

import re
from dataclasses import fields, replace

from aot.emit.body import emit_body
from aot.emit.context import ModuleContext
from aot.emit.options import EmitOptions
from aot.emit.plan import plan_module
from aot.errors import ModuleError
from aot.wasm.features import NOT_COMPILED, Features, require_enabled, unsupported_features
from aot.wasm.module import Module

_OFF = re.compile(r"the feature (\w+) is switched off")


def used_features(module: Module) -> tuple[str, ...]:
    """The names of the features, in the order of `Features`. What comes behind something invalid is not looked at.

    This takes about as long as translating the module.
    """
    found = set(unsupported_features(module))
    features = Features(**{f.name: f.name in NOT_COMPILED for f in fields(Features)})
    while (name := _refused(module, features)) is not None:
        found.add(name)
        features = replace(features, **{name: True})
    cx = _context(module, features)
    for func in range(module.n_imported_funcs, len(module.func_types)):
        while (name := _refused_in(cx, func)) is not None:
            found.add(name)
            features = replace(features, **{name: True})
            cx = _context(module, features)
    return tuple(f.name for f in fields(Features) if f.name in found)


def _context(module: Module, features: Features) -> ModuleContext:
    return ModuleContext(module, plan_module(module, EmitOptions(features=features)))


def _named(error: ModuleError) -> str | None:
    """The feature for lack of which something is refused."""
    match = _OFF.search(str(error))
    return match[1] if match else None


def _refused(module: Module, features: Features) -> str | None:
    """A feature that is needed outside of function bodies."""
    try:
        require_enabled(module, features)
    except ModuleError as error:
        return _named(error)
    return None


def _refused_in(cx: ModuleContext, func: int) -> str | None:
    """A feature that a function's body needs."""
    try:
        emit_body(cx, func)
    except ModuleError as error:
        return _named(error)
    return None
