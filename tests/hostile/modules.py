"""Modules for hostile tests: a corpus of small ordinary ones, and ones of extreme shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.wasm_builder import END, FUNC, HEADER, I32, I64, NO_LOCALS, ModuleBuilder, i32_const, section, sized, uleb
from tests.wast.assemble import assemble, without_names

GOLDEN = Path(__file__).parents[1] / "golden"


def small_modules() -> dict[str, bytes]:
    """More than fifty ordinary modules that between them use every section and most instructions."""
    found: dict[str, bytes] = {}
    for path in sorted(GOLDEN.glob("*.wat")):
        text = path.read_text().replace("\n(func (", "\n(func $named (", 1)  # so that there is a name section
        named = assemble(text.encode())
        found[f"{path.stem} with names"] = named
        found[path.stem] = without_names(named)
    return found


def section_ends(data: bytes) -> set[int]:
    """Where a module may be cut without cutting a section."""
    ends, pos = {len(HEADER)}, len(HEADER)
    while pos < len(data):
        size = shift = 0
        pos += 1
        while True:
            byte = data[pos]
            pos += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        pos += size
        ends.add(pos)
    return ends


def _one_function(code: bytes, params: bytes = b"") -> bytes:
    builder = ModuleBuilder()
    builder.function(builder.type(params), code)
    builder.export("f", FUNC, 0)
    return builder.build()


def nested_blocks() -> bytes:
    """1,000,000 blocks, each inside the one before."""
    return _one_function(b"\x02\x40" * 1_000_000 + END * 1_000_000)


def nested_ifs() -> bytes:
    """100,000 nested ifs, each with a conditional branch to the label halfway out."""
    depth = 100_000
    code = b"".join(b"\x20\x00\x04\x40\x20\x00\x0d" + uleb(level // 2) for level in range(depth))
    return _one_function(code + END * depth, params=I32)


def many_locals() -> bytes:
    """1,000 functions of 50,000 locals each, the last of which is used."""
    builder = ModuleBuilder()
    kind = builder.type()
    for k in range(1_000):
        code = i32_const(1) + b"\x21" + uleb(49_999)
        builder.export(f"f{k}", FUNC, builder.function(kind, code, [(49_999, I64), (1, I32)]))
    return builder.build()


def too_many_locals() -> bytes:
    """Runs of locals whose sum passes 32 bits."""
    builder = ModuleBuilder()
    builder.function(builder.type(), b"", [(0xFFFF_FFFF, I32), (2, I64)])
    return builder.build()


def big_br_tables() -> bytes:
    """100 tables of 65,520 entries, to 200 labels in turn."""
    labels = 200
    table = b"\x0e" + uleb(65_520) + b"".join(uleb(k % labels) for k in range(65_520)) + uleb(labels)
    code = b"\x02\x40" * labels + b"\x20\x00" + table + END * labels
    builder = ModuleBuilder()
    kind = builder.type(I32)
    for k in range(100):
        builder.export(f"f{k}", FUNC, builder.function(kind, code))
    return builder.build()


def tiny_functions() -> bytes:
    """A million empty functions."""
    count = 1_000_000
    types = section(1, b"\x01\x60\x00\x00")
    functions = section(3, uleb(count) + b"\x00" * count)
    code = section(10, uleb(count) + sized(NO_LOCALS + END) * count)
    return HEADER + types + functions + code


def one_function_too_many() -> bytes:
    """A million and one function declarations and no code."""
    count = 1_000_001
    return HEADER + section(1, b"\x01\x60\x00\x00") + section(3, uleb(count) + b"\x00" * count)


def deep_expression() -> bytes:
    """One sum of 500,000 terms, built so that the whole hangs from its last operand."""
    terms = 500_000
    return _one_function(b"\x20\x00" * terms + b"\x6a" * (terms - 1) + b"\x1a", params=I32)


def long_expression() -> bytes:
    """One sum of 500,000 terms, each added to the sum so far."""
    return _one_function(b"\x20\x00" + b"\x20\x00\x6a" * 500_000 + b"\x1a", params=I32)


def lying_counts() -> bytes:
    """Vectors that claim four thousand million entries in sections of a few bytes."""
    return HEADER + section(1, uleb(0xFFFF_FFFF)) + section(3, uleb(0xFFFF_FFFF))


def lying_data_count() -> bytes:
    """A data count section that claims more segments than there are bytes."""
    return HEADER + section(12, uleb(100_000_000))


def many_exports() -> bytes:
    """100,000 exports of one function under long names that share a beginning."""
    builder = ModuleBuilder()
    builder.function(builder.type(), b"")
    for k in range(100_000):
        builder.export("same beginning of every name " * 4 + str(k), FUNC, 0)
    return builder.build()


def big_body() -> bytes:
    """One function near the limit of body size."""
    return _one_function(b"\x20\x00\x41\x01\x6a\x21\x00" * 1_000_000, params=I32)


def loops_with_parameters() -> bytes:
    """2,000 nested loops of ten parameters, each branching to all outer ones in a row of conditional branches."""
    depth, width = 2_000, 10
    builder = ModuleBuilder()
    kind = builder.type(I32 * width, I32 * width)
    code = b"\x20\x00" * width
    code += b"".join(b"\x03" + uleb(kind) + b"\x20\x00\x0d" + uleb(level // 2) for level in range(depth))
    builder.export("f", FUNC, builder.function(builder.type(I32, I32 * width), code + END * depth))
    return builder.build()


BOMBS: dict[str, Callable[[], bytes]] = {
    maker.__name__: maker
    for maker in (
        nested_blocks,
        nested_ifs,
        many_locals,
        too_many_locals,
        big_br_tables,
        tiny_functions,
        one_function_too_many,
        deep_expression,
        long_expression,
        lying_counts,
        lying_data_count,
        many_exports,
        big_body,
        loops_with_parameters,
    )
}
"""Modules of extreme shape, by name; made when asked for, some are large."""

REFUSED = frozenset(("too_many_locals", "one_function_too_many", "lying_counts", "lying_data_count"))
"""Those that break a limit or lie: refused with an error. All others are compiled."""
