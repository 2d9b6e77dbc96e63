"""The compiler's front half as tests use it: bytes to a validated module, and to C text."""

from __future__ import annotations

from collections.abc import Iterator

from aot.emit import EmitOptions, check_bodies, plan_module, render_chunk, render_module
from aot.wasm.features import Features
from aot.wasm.load import load_module

VERSIONS = {
    "1.0": Features(
        multi_value=False,
        bulk_memory=False,
        reference_types=False,
        multi_memory=False,
        extended_const=False,
        gc=False,
        memory64=False,
        simd=False,
        relaxed_simd=False,
        threads=False,
    ),
    "2.0": Features(
        multi_memory=False, extended_const=False, gc=False, memory64=False, relaxed_simd=False, threads=False
    ),
    "threads": Features(
        reference_types=False, multi_memory=False, extended_const=False, gc=False, memory64=False, relaxed_simd=False
    ),
    "3.0": Features(),
}
"""Version of the specification -> what modules of it may use. The proposal of threads is older than other features."""


def check(data: bytes, version: str = "3.0") -> None:
    """Decode and validate a module, function bodies included, by a version's rules. Raises ModuleError."""
    features = VERSIONS[version]
    module = load_module(data, features)
    check_bodies(module, plan_module(module, EmitOptions(features=features)))


def generated_files(data: bytes) -> Iterator[tuple[str, bytes]]:
    """All generated files of a module, one at a time: (name, content). Raises ModuleError."""
    module = load_module(data, Features())
    plan = plan_module(module, EmitOptions())
    for k in range(len(plan.chunks)):
        yield f"{plan.chunks[k].name}.c", render_chunk(module, plan, k).text.encode()
    yield from render_module(module, plan, "test").items()
