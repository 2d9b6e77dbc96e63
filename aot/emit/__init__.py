"""Module + Layout -> C text. Pure functions: no files, no processes; the same input gives the same bytes."""

from aot.emit.chunk import ChunkText, check_bodies, render_body, render_chunk
from aot.emit.context import ModuleContext
from aot.emit.feature_use import used_features
from aot.emit.module_c import render_module
from aot.emit.options import EmitOptions
from aot.emit.plan import Chunk, Plan, plan_module

__all__ = [
    "Chunk",
    "ChunkText",
    "EmitOptions",
    "ModuleContext",
    "Plan",
    "check_bodies",
    "plan_module",
    "render_body",
    "render_chunk",
    "render_module",
    "used_features",
]
