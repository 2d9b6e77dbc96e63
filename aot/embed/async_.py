"""Calls from coroutines: running a call until it waits, awaiting for it, going on."""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any

from aot.embed._native import AsyncCall, BoundFunc


@types.coroutine
def _turn() -> Generator[None, None, None]:
    """Let others have their turn, as ``asyncio.sleep(0)`` does."""
    yield


async def call_async(self: BoundFunc, *args: Any) -> Any:
    """Call the function from a coroutine: what it calls may be asynchronous (``async def``), and is awaited.

    ``await func.call_async(6, 9)`` takes and returns what a plain call does. While it waits, other calls can be made in
    the store. If the coroutine is cancelled, so is what the call waits for, and what that raises is raised in the call.
    It computes on the event loop's thread, as a plain call would; see `Store.epoch_deadline_async_yield`.

    Raises what a plain call raises, ResourceError if the store's limit of such calls is reached or there is no room for
    a stack, and UsageError if the store was closed meanwhile.
    """
    # Awaiting happens here, in the caller's task, so nothing depends on a kind of event loop.
    call = AsyncCall(self, args)
    step = call.send(None)
    while step is not call:
        try:
            value = await (_turn() if step is None else step)
        except GeneratorExit:  # the coroutine is closed or collected: it may not wait any more
            call.close()
            raise
        except BaseException as error:
            step = call.throw(error)
        else:
            step = call.send(value)
    return call.result
