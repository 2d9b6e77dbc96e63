"""Engines."""

from __future__ import annotations

import aot.embed as embed
from aot.compat.wasmtime._config import Config, Settings
from aot.compat.wasmtime._managed import Managed
from aot.compat.wasmtime._trap import translated
from aot.errors import WasmError


class Engine(Managed[embed.Engine]):
    """A configuration, fixed."""

    def __init__(self, config: Config | None = None) -> None:
        if config is not None and not isinstance(config, Config):
            raise TypeError(f"expected a Config, not {type(config).__name__}")
        self._settings = Settings() if config is None else config._consume()
        try:
            self._set_ptr(embed.Engine(self._settings.config))
        except WasmError as err:
            raise translated(err) from None

    def increment_epoch(self) -> None:
        """Begin a new epoch: code whose deadline it is traps. For any thread at any time."""
        engine = self.ptr()
        if self._settings.config.epoch_interruption:
            engine.increment_epoch()

    def is_pulley(self) -> bool:
        """False: code is native."""
        return False
