"""What stops code that runs: fuel, epochs, timeouts. The part of `Store` that deals with them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from aot.embed._native import StoreBase, ffi, lib
from aot.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from aot.embed.engine import Engine
    from aot.embed.module import Module

_MAX = (1 << 63) - 1
"""Fuel and ticks beyond this are as good as without end."""


_LONG = 1e9
"""A timeout of so many seconds is as good as none."""


class Limiter(Protocol):
    """What `Store.limiter` may be an object of. It is asked about what the store's limits allow, before it happens, and
    answers whether it may. Methods that are missing allow everything.

    What it refuses does not happen: ``memory.grow`` gives -1, `Memory.grow` and instantiation raise ResourceError. An
    exception that it raises comes out of the call that it was asked in.
    """

    def memory_growing(self, current: int, desired: int, maximum: int | None) -> bool:
        """A memory is to grow from ``current`` to ``desired`` bytes, or to be made, ``current`` being 0 then.

        ``maximum`` is the one that the module declares, in bytes.
        """
        raise NotImplementedError

    def table_growing(self, current: int, desired: int, maximum: int | None) -> bool:
        """The same for a table, counted in elements."""
        raise NotImplementedError

    def instance_creating(self, current: int, desired: int, maximum: int | None) -> bool:
        """An instance is to be made, as number ``desired`` of the store; ``maximum`` is the store's limit."""
        raise NotImplementedError


_QUESTIONS = {
    lib.W2S_GROWS_MEMORY: "memory_growing",
    lib.W2S_GROWS_TABLE: "table_growing",
    lib.W2S_GROWS_INSTANCES: "instance_creating",
}

LimiterFunction = Callable[[str, int, int, int | None], bool]
"""A limiter that is a function; it gets the name of the method of `Limiter` first."""


class Timeout:
    """What `Store.timeout` returns."""

    def __init__(self, store: Metered, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self._outer: Timeout | None = None
        self._end = math.inf

    def __enter__(self) -> None:
        self._outer = self._store._timeout
        self._end = min(time.monotonic() + self._seconds, math.inf if self._outer is None else self._outer._end)
        self._start()
        self._store._timeout = self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._store._timeout = self._outer
        if self._store.closed:
            return
        if self._outer is None:
            lib.w2s_store_set_timeout(self._store._pointer, -1, ffi.NULL)
        else:
            self._outer._start()

    def _start(self) -> None:
        left = int(min(max(0.0, self._end - time.monotonic()), _LONG) * 1e9)
        error = ffi.new("struct w2s_error *")
        if lib.w2s_store_set_timeout(self._store._pointer, left, error) != lib.W2S_OK:
            raise ResourceError(ffi.string(error.message).decode())


class Metered(StoreBase):
    """The part of `Store` that stops its code."""

    engine: Engine
    _modules: dict[int, Module]
    _timeout: Timeout | None = None
    _limiter: Limiter | LimiterFunction | None = None

    @property
    def _pointer(self) -> Any:
        """The C store. Raises UsageError if it is closed or another thread's code runs in it."""
        return ffi.cast("struct w2s_store *", self._address)

    # -- fuel ------------------------------------------------------------------------------------------------------

    def set_fuel(self, fuel: int) -> None:
        """How much the code of the store may do from now on: about one unit an instruction.

        A new store has none. Only modules compiled with ``Config.consume_fuel`` count. Without fuel left they trap with
        TrapCode.OUT_OF_FUEL, unless a callback gives more. The count depends on the module and its inputs alone, not on
        compiler, optimisation or machine. Raises UsageError if neither the store's engine nor any of its modules
        counts fuel.
        """
        self._needs_fuel()
        if fuel < 0:
            raise UsageError(f"fuel is {fuel}; it must not be negative")
        lib.w2s_store_set_fuel(self._pointer, min(fuel, _MAX))

    def get_fuel(self) -> int:
        """What is left. Raises UsageError as `set_fuel` does."""
        self._needs_fuel()
        return int(lib.w2s_store_fuel(self._pointer))

    def set_fuel_callback(self, callback: Callable[[], int | None] | None) -> None:
        """Call ``callback`` when the fuel is used up; it returns how much is added, and the code goes on.

        0 or None means a trap with TrapCode.OUT_OF_FUEL, unless the callback has called `set_fuel`. What it raises
        comes out of the call. The code was about to do something: what is added pays for that first. Code of the store
        that the callback itself calls needs fuel, too; no callback is called for that.
        """
        self._set_fuel_callback(callback)

    def _needs_fuel(self) -> None:
        if not self.engine._config.consume_fuel and not any(m.consumes_fuel for m in self._modules.values()):
            raise UsageError("fuel is not counted here: it needs modules compiled with Config.consume_fuel")

    # -- epochs ----------------------------------------------------------------------------------------------------

    def set_epoch_deadline(self, ticks: int) -> None:
        """Stop the code of the store when the engine's epoch has been incremented ``ticks`` times from now on.

        It then traps with TrapCode.INTERRUPT, or does what `epoch_deadline_callback` says. Only modules compiled with
        ``Config.epoch_interruption`` look at the epoch. A new store has no deadline. Raises UsageError if neither the
        store's engine nor any of its modules has epochs.
        """
        self._needs_epochs()
        if ticks < 0:
            raise UsageError(f"ticks are {ticks}; they must not be negative")
        lib.w2s_store_set_epoch_deadline(self._pointer, min(ticks, _MAX))

    def epoch_deadline_trap(self) -> None:
        """Trap when the deadline is reached. This is the default."""
        self._set_epoch_callback(None)

    def epoch_deadline_callback(self, callback: Callable[[], int | None]) -> None:
        """Call ``callback`` when the deadline is reached; it returns for how many ticks the code may go on.

        0 or None means a trap with TrapCode.INTERRUPT, unless it has set another deadline. What it raises comes out of
        the call. Code of the store that the callback itself calls traps, unless it sets another deadline first.
        """
        self._set_epoch_callback(callback)

    def epoch_deadline_async_yield(self, ticks: int) -> None:
        """When the deadline is reached, calls made with `Func.call_async` let the event loop have its turn, and go on
        for ``ticks`` more. Plain calls do as before. 0 switches it off.

        So code that computes does not hold up the loop for longer than some ticks, which another thread must give
        (`Engine.increment_epoch`).
        """
        self._needs_epochs()
        if ticks < 0:
            raise UsageError(f"ticks are {ticks}; they must not be negative")
        lib.w2s_store_set_epoch_yield(self._pointer, min(ticks, _MAX))

    def _needs_epochs(self) -> None:
        if not self.engine._config.epoch_interruption and not any(m.has_epochs for m in self._modules.values()):
            raise UsageError("code cannot be stopped here: it needs modules compiled with Config.epoch_interruption")

    # -- timeouts --------------------------------------------------------------------------------------------------

    def timeout(self, seconds: float) -> Timeout:
        """``with store.timeout(0.5): ...`` lets the code of the store run for so long at most.

        After that every call traps with `TimeoutTrap`, which is a `Trap` and a TimeoutError, until the block is left.
        Blocks may be nested; the shortest time counts. Host functions are not stopped: the code that called them is,
        when they return. Raises UsageError if neither the store's engine nor any of its modules has epochs
        (``Config.epoch_interruption``), or if ``seconds`` is not a number.
        """
        self._needs_epochs()
        if math.isnan(seconds):
            raise UsageError("seconds must be a number")
        return Timeout(self, seconds)

    # -- growth ----------------------------------------------------------------------------------------------------

    @property
    def limiter(self) -> Limiter | LimiterFunction | None:
        """A `Limiter`, or a function of four arguments ``(what, current, desired, maximum)``, that is asked before
        memories and tables are made or grow and before instances are made; None if nobody is. It comes on top of the
        store's limits.
        """
        return self._limiter

    @limiter.setter
    def limiter(self, limiter: Limiter | LimiterFunction | None) -> None:
        self._set_limiter(None if limiter is None else _asker(limiter))
        self._limiter = limiter


def _asker(limiter: Limiter | LimiterFunction) -> Callable[[int, int, int, int | None], bool]:
    """The limiter as the runtime calls it. Raises TypeError if it is none."""
    methods = {kind: getattr(limiter, name, None) for kind, name in _QUESTIONS.items()}
    if any(methods.values()):

        def ask_method(kind: int, current: int, desired: int, maximum: int | None) -> bool:
            method = methods[kind]
            return True if method is None else bool(method(current, desired, maximum))

        return ask_method
    if not callable(limiter):
        names = ", ".join(_QUESTIONS.values())
        raise TypeError(f"a limiter has one of the methods {names}, or is a function; {type(limiter).__name__} is not")
    function = limiter
    return lambda kind, current, desired, maximum: bool(function(_QUESTIONS[kind], current, desired, maximum))
