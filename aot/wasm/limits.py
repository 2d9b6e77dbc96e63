"""Implementation limits, checked before anything is allocated.

They are those of the JavaScript interface (WebAssembly JavaScript Interface, Implementation-defined Limits), so a
module that runs in browsers is never refused here for its size.
"""

from __future__ import annotations

from typing import Final

MAX_MODULE_BYTES: Final = 1 << 30
MAX_TYPES: Final = 1_000_000
"""Type definitions of a module; also recursion groups, and definitions in one group."""
MAX_SUBTYPING_DEPTH: Final = 63
MAX_PARAMS: Final = 1_000
MAX_RESULTS: Final = 1_000
MAX_FIELDS: Final = 10_000
MAX_IMPORTS: Final = 1_000_000
MAX_EXPORTS: Final = 1_000_000
MAX_FUNCTIONS: Final = 1_000_000
"""Functions that a module defines; imported ones are limited by `MAX_IMPORTS`."""
MAX_TABLES: Final = 100_000
MAX_MEMORIES: Final = 100
MAX_GLOBALS: Final = 1_000_000
MAX_TAGS: Final = 1_000_000
MAX_ELEM_SEGMENTS: Final = 10_000_000
MAX_ELEMS: Final = 10_000_000
"""Entries of one element segment."""
MAX_DATA_SEGMENTS: Final = 100_000
MAX_NAME_BYTES: Final = 100_000
MAX_BODY_BYTES: Final = 7_654_321
MAX_NEW_FIXED: Final = 10_000
"""Operands of array.new_fixed."""
