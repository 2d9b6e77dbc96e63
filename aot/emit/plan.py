"""How a module is cut into C files. A function of the module's bytes and the options alone."""

from __future__ import annotations

from dataclasses import dataclass

from aot.abi.layout import Layout, layout_of
from aot.emit.options import EmitOptions
from aot.wasm.module import Module
from aot.wasm.scan import CallFacts, call_facts

CHUNK_BYTES = 96 * 1024
"""Wasm code bytes a chunk: C compilers lose nothing down to about this size, and parallel builds gain."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Own functions ``[first, last)``, counted from the first own function, and their code's size in bytes."""

    first: int
    last: int
    code_bytes: int


@dataclass(frozen=True, slots=True)
class Plan:
    """``single``: one translation unit, all functions static; module.c includes the only chunk. ``facts`` says which
    calls may leave exceptions.
    """

    options: EmitOptions
    layout: Layout
    facts: CallFacts
    chunks: tuple[Chunk, ...]
    single: bool


def plan_module(module: Module, options: EmitOptions) -> Plan:
    """Cut the module's functions into chunks of about CHUNK_BYTES."""
    chunks: list[Chunk] = []
    first, size = 0, 0
    for k, body in enumerate(module.bodies):
        size += body.end - body.start
        if size >= CHUNK_BYTES:
            chunks.append(Chunk(first, k + 1, size))
            first, size = k + 1, 0
    if first < len(module.bodies) or not chunks:
        chunks.append(Chunk(first, len(module.bodies), size))
    facts = call_facts(module) if options.features.exceptions else CallFacts()
    return Plan(options, layout_of(module), facts, tuple(chunks), len(chunks) == 1)
