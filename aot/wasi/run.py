"""Running a command to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aot.embed.store import Store
from aot.embed.trap import ExitTrap
from aot.embed.wasi import WasiContext, WasiSetup
from aot.errors import UsageError
from aot.wasi.config import Wasi

if TYPE_CHECKING:
    from aot.embed.module import Module

_ENTRY = "_start"


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind."""

    exit_status: int
    wasi: WasiContext

    @property
    def stdout(self) -> bytes:
        """What was captured of standard output. Raises UsageError if it was not."""
        return self.wasi.stdout

    @property
    def stderr(self) -> bytes:
        """What was captured of standard error. Raises UsageError if it was not."""
        return self.wasi.stderr

    def read_dir(self, guest: str) -> dict[str, Any]:
        """A directory in memory as the command left it, see `WasiContext.read_dir`."""
        return self.wasi.read_dir(guest)


def run(
    module: Module,
    wasi: WasiSetup | None = None,
    imports: Mapping[str, Any] | None = None,
    *,
    store: Store | None = None,
) -> Finished:
    """Instantiate a command and run it until it returns or calls proc_exit; its descriptors are closed then.

    Raises UsageError if the module is no command (it exports no ``_start``), LinkError, `Trap`, and what callables
    raise: only an exit is no error, whatever its status.
    """
    if all(export.name != _ENTRY for export in module.exports):
        raise UsageError(f"{module!r} is not a command: it exports no {_ENTRY}")
    store = Store(module.engine) if store is None else store
    context = (Wasi() if wasi is None else wasi)._open(store)
    try:
        instance = module({} if imports is None else imports, store=store, wasi=context)
        instance.exports[_ENTRY]()
        status = 0
    except ExitTrap as trap:
        status = trap.exit_status
    finally:
        context.close()
    return Finished(status, context)
