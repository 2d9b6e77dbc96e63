"""Bytes to a module that later stages may trust: decoding, validation and the check of features, in that order."""

from __future__ import annotations

from aot.wasm.decode import decode_module
from aot.wasm.features import Features, require_enabled, require_supported
from aot.wasm.module import Module
from aot.wasm.validate import validate_module


def load_module(data: bytes, features: Features) -> Module:
    """Decode ``data`` and check everything but function bodies, which are checked as they are translated.

    Raises DecodeError, InvalidError or LimitError for a bad module, UnsupportedError for one that uses what this
    release does not compile.
    """
    module = decode_module(data, features)
    validate_module(module)
    require_enabled(module, features)
    require_supported(module)
    return module
