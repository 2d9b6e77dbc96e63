"""The compiler's front half as tests use it: bytes to a validated module, and to C text."""

from __future__ import annotations

from collections.abc import Iterator

from aot.emit import EmitOptions, check_bodies, plan_module, render_chunk, render_module
from aot.wasm.decode import decode_module
from aot.wasm.validate import validate_module


def check(data: bytes) -> None:
    """Decode and validate a module, function bodies included. Raises ModuleError."""
    module = decode_module(data)
    validate_module(module)
    check_bodies(module, plan_module(module, EmitOptions()))


def generated_files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """All generated files of a module, one at a time: (name, content). Raises ModuleError."""
    module = decode_module(data)
    validate_module(module)
    plan = plan_module(module, EmitOptions())
    for k in range(len(plan.chunks)):
        yield f"f{k}.c", render_chunk(module, plan, k).text.encode()
    yield from render_module(module, plan, "test").items()
