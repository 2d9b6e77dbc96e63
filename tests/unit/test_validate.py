"""Validation outside of function bodies, subtyping, and the refusal of features that are not compiled."""

from __future__ import annotations

from itertools import product

import pytest

from aot.errors import InvalidError, LimitError, ModuleError, UnsupportedError
from aot.wasm import limits
from aot.wasm.decode import decode_module
from aot.wasm.features import Features, require_enabled, require_supported, unsupported_features
from aot.wasm.module import Module
from aot.wasm.subtyping import heap_matches, ref_matches, val_matches
from aot.wasm.types import EXTERNREF, FUNCREF, I32, I64, HeapKind, RefType
from aot.wasm.validate import validate_module
from tests.wasm_builder import HEADER, body, name, section, sleb, uleb, vec

TYPES, IMPORTS, FUNCS, TABLES, MEMORIES, GLOBALS, EXPORTS = 1, 2, 3, 4, 5, 6, 7
START, ELEMS, CODE, DATA, TAGS = 8, 9, 10, 11, 13

ZERO = b"\x41\0\x0b"
NOP = b"\x60\0\0"


def types(*entries: bytes) -> bytes:
    return section(TYPES, vec(entries))


def funcs(n: int, type_index: int = 0) -> tuple[bytes, bytes]:
    """The function and code sections of ``n`` functions whose bodies are not looked at."""
    return section(FUNCS, vec([uleb(type_index)] * n)), section(CODE, vec([body(b"\0")] * n))


def module(*parts: bytes) -> Module:
    return decode_module(HEADER + b"".join(parts))


def refused(*parts: bytes) -> ModuleError:
    m = module(*parts)
    with pytest.raises(ModuleError) as info:
        validate_module(m)
    assert info.value.site is not None
    assert 8 <= info.value.site.offset <= len(m.data)
    return info.value


def invalid(*parts: bytes) -> str:
    err = refused(*parts)
    assert isinstance(err, InvalidError)
    return err.message


def valid(*parts: bytes) -> None:
    validate_module(module(*parts))


def globals_(*entries: bytes) -> bytes:
    return section(GLOBALS, vec(entries))


# ---- types


def test_type_indices() -> None:
    assert invalid(types(b"\x60\1\x64\1\0")) == "unknown type 1 in type 0"
    assert invalid(types(b"\x60\0\1\x64\1", NOP)).startswith("unknown type 1")
    assert invalid(types(b"\x5e\x63\2\0", NOP)).startswith("unknown type 2")
    valid(types(b"\x60\1\x64\0\0", b"\x4e" + vec([b"\x5f\1\x63\2\0", b"\x5e\x64\1\1"])))
    assert invalid(section(FUNCS, vec([b"\0"])), section(CODE, vec([body(b"")]))).startswith("unknown type 0")
    assert invalid(types(b"\x5f\0"), *funcs(1)).startswith("type mismatch: type 0 of function 0")
    assert invalid(section(IMPORTS, vec([name("m") + name("f") + b"\0\7"]))).startswith("unknown type 7")
    assert invalid(section(TABLES, vec([b"\x63\1\0\0"]))).startswith("unknown type 1")
    assert invalid(globals_(b"\x63\1\0\xd0\1\x0b")).startswith("unknown type 1")
    assert invalid(section(ELEMS, vec([b"\5\x64\1\0"]))).startswith("unknown type 1")


def test_errors_in_imports_are_located_there() -> None:
    imports = [name("m") + name("a") + b"\2\0\1", name("m") + name("b") + b"\2\1\2\1"]
    err = refused(section(IMPORTS, vec(imports)))
    assert err.site is not None
    assert err.site.offset == len(HEADER) + 3 + len(imports[0])


@pytest.mark.parametrize(
    ("parent", "child", "fits"),
    [
        (NOP, NOP, True),
        (NOP, b"\x60\0\1\x7f", False),
        (NOP, b"\x5f\0", False),
        (b"\x60\1\x64\x70\1\x63\x70", b"\x60\1\x63\x70\1\x64\x70", True),
        (b"\x60\1\x63\x70\0", b"\x60\1\x64\x70\0", False),
        (b"\x60\0\1\x64\x70", b"\x60\0\1\x63\x70", False),
        (b"\x5f\1\x7f\0", b"\x5f\2\x7f\0\x7e\1", True),
        (b"\x5f\2\x7f\0\x7e\1", b"\x5f\1\x7f\0", False),
        (b"\x5f\1\x7f\0", b"\x5f\1\x7f\1", False),
        (b"\x5f\1\x6e\0", b"\x5f\1\x6d\0", True),
        (b"\x5f\1\x6e\1", b"\x5f\1\x6d\1", False),
        (b"\x5e\x78\0", b"\x5e\x78\0", True),
        (b"\x5e\x78\0", b"\x5e\x77\0", False),
        (b"\x5e\x64\x6e\0", b"\x5e\x64\x71\0", True),
        (b"\x5e\x7f\0", b"\x5f\1\x7f\0", False),
    ],
)
def test_declared_supertypes(parent: bytes, child: bytes, fits: bool) -> None:
    entries = b"\x50\0" + parent, b"\x50\1\0" + child
    if fits:
        valid(types(*entries))
    else:
        assert invalid(types(*entries)).startswith("sub type")
    assert invalid(types(parent, entries[1])).startswith("sub type: type 1 has the final type 0")


def test_supertypes_come_before_and_are_few() -> None:
    assert invalid(types(b"\x50\1\0\x60\0\0")).startswith("unknown type 0")
    assert invalid(types(b"\x4e" + vec([b"\x50\1\1\x60\0\0", b"\x50\0\x60\0\0"]))).startswith("unknown type 1")
    with pytest.raises(InvalidError, match="sub type"):
        module(types(b"\x50\0\x60\0\0", b"\x50\0\x60\0\0", b"\x50\2\0\1\x60\0\0"))
    chain = [b"\x50\0\x60\0\0"] + [b"\x50\1" + uleb(i) + NOP for i in range(limits.MAX_SUBTYPING_DEPTH)]
    valid(types(*chain))
    assert isinstance(refused(types(*chain, b"\x50\1" + uleb(len(chain) - 1) + NOP)), LimitError)


# ---- subtyping

TREE = types(
    b"\x50\0\x5f\0",  # 0: struct
    b"\x50\1\0\x5f\1\x7f\0",  # 1 <: 0
    b"\x50\1\1\x5f\2\x7f\0\x7f\0",  # 2 <: 1
    b"\x5e\x78\1",  # 3: array
    NOP,  # 4: function
    b"\x50\1\0\x5f\1\x7f\0",  # 5 = 1
)


def test_heap_type_matching_is_exactly_the_hierarchy() -> None:
    k = HeapKind
    m = module(TREE)
    validate_module(m)
    parents: dict[int, list[int]] = {k.I31: [k.EQ], k.STRUCT: [k.EQ], k.ARRAY: [k.EQ], k.EQ: [k.ANY]}
    parents |= {k.NONE: [k.I31, 2, 3], k.NOFUNC: [4], k.NOEXTERN: [k.EXTERN], k.NOEXN: [k.EXN]}
    parents |= {0: [k.STRUCT], 1: [0, 5], 2: [1], 3: [k.ARRAY], 4: [k.FUNC], 5: [0, 1]}
    heaps: list[int] = [*k, *range(6)]
    above: dict[int, set[int]] = {}
    for heap in heaps:
        seen, todo = {heap}, [heap]
        while todo:
            new = set(parents.get(todo.pop(), [])) - seen
            seen |= new
            todo += new
        above[heap] = seen
    for a, b in product(heaps, heaps):
        assert heap_matches(m, a, b) == (b in above[a]), (a, b)
        for null_a, null_b in product((False, True), repeat=2):
            expected = b in above[a] and (null_b or not null_a)
            assert ref_matches(m, RefType(null_a, a), RefType(null_b, b)) == expected


def test_value_type_matching() -> None:
    m = module(TREE)
    assert val_matches(m, I32, I32)
    assert not val_matches(m, I32, I64)
    assert not val_matches(m, I32, FUNCREF)
    assert not val_matches(m, EXTERNREF, FUNCREF)
    assert val_matches(m, RefType(False, 4), FUNCREF)


# ---- limits of tables and memories


@pytest.mark.parametrize(
    ("flags", "bounds", "message"),
    [
        (0, (65536,), None),
        (1, (65536, 65536), None),
        (0, (65537,), "memory size must be at most 65536 pages (4GiB)"),
        (1, (0, 65537), "memory size must be at most 65536 pages (4GiB)"),
        (1, (2, 1), "size minimum must not be greater than maximum"),
        (2, (1,), "shared memory must have maximum"),
        (3, (1, 1), None),
        (4, (2**48,), None),
        (4, (2**48 + 1,), "memory size must be at most"),
        (8, (2**32 - 1, 0), None),
        (8, (2**32, 0), "memory size must be at most"),
        (8, (65536, 16), None),
        (8, (65537, 16), "memory size must be at most"),
        (8, (0, 1), "invalid custom page size"),
    ],
)
def test_memory_limits(flags: int, bounds: tuple[int, ...], message: str | None) -> None:
    entry = bytes([flags]) + b"".join(map(uleb, bounds))
    for part in (section(MEMORIES, vec([entry])), section(IMPORTS, vec([b"\0\0\2" + entry]))):
        if message is None:
            valid(part)
        else:
            assert invalid(part).startswith(message)


def test_table_limits() -> None:
    def table(flags: int, *bounds: int) -> bytes:
        return section(TABLES, vec([b"\x70" + bytes([flags]) + b"".join(map(uleb, bounds))]))

    valid(table(1, 1, 2**32 - 1))
    valid(table(5, 1, 2**64 - 1))
    assert invalid(table(1, 1, 2**32)).startswith("table size")
    assert invalid(table(0, 2**32)).startswith("table size")
    assert invalid(table(1, 2, 1)).startswith("size minimum must not be greater than maximum")
    valid(table(0, 2**32 - 1))  # whether there is room for it is the store's limit, found out at instantiation


# ---- constant expressions

CONTEXT = (
    types(NOP, b"\x5f" + vec([b"\x78\0", b"\x63\0\1"]), b"\x5e\x7e\1", b"\x5e\x64\x70\0"),
    section(IMPORTS, vec([b"\0\0\3\x7f\0", b"\0\0\3\x7f\1", b"\0\0\0\0"])),
)


@pytest.mark.parametrize(
    ("ty", "code"),
    [
        (b"\x7f", b"\x41\1"),
        (b"\x7f", b"\x41\1\x41\2\x6a\x23\0\x6c\x41\3\x6b"),
        (b"\x7e", b"\x42\1\x42\2\x7c\x42\2\x7d\x42\2\x7e"),
        (b"\x7d", b"\x43" + bytes(4)),
        (b"\x7c", b"\x44" + bytes(8)),
        (b"\x7b", b"\xfd\x0c" + bytes(16)),
        (b"\x70", b"\xd0\x70"),
        (b"\x70", b"\xd0\0"),
        (b"\x70", b"\xd0\x73"),
        (b"\x64\0", b"\xd2\0"),
        (b"\x6e", b"\x41\0\xfb\x1c"),
        (b"\x64\1", b"\x41\0\xd2\0\xfb\0\1"),
        (b"\x6b", b"\xfb\1\1"),
        (b"\x64\2", b"\x42\0\x41\1\xfb\6\2"),
        (b"\x6a", b"\x41\1\xfb\7\2"),
        (b"\x64\3", b"\xd2\0\xd2\0\xfb\x08\3\2"),
        (b"\x64\x6f", b"\x41\0\xfb\x1c\xfb\x1b"),
        (b"\x6e", b"\xd0\x6f\xfb\x1a"),
    ],
)
def test_valid_constant_expressions(ty: bytes, code: bytes) -> None:
    valid(*CONTEXT, globals_(ty + b"\0" + code + b"\x0b"))


@pytest.mark.parametrize(
    ("ty", "code", "message"),
    [
        (b"\x7f", b"", "type mismatch"),
        (b"\x7f", b"\x41\0\x41\0", "type mismatch"),
        (b"\x7f", b"\x42\0", "type mismatch: expected i32 but got i64"),
        (b"\x7f", b"\x41\0\x6a", "type mismatch"),
        (b"\x7f", b"\x41\0\x42\0\x6a", "type mismatch"),
        (b"\x7f", b"\x23\1", "constant expression required"),
        (b"\x7f", b"\x23\2", "unknown global 2"),
        (b"\x70", b"\xd2\1", "unknown function 1"),
        (b"\x70", b"\xd0\x6f", "type mismatch"),
        (b"\x64\x70", b"\xd0\x70", "type mismatch"),
        (b"\x70", b"\xd0\4", "unknown type 4"),
        (b"\x6e", b"\xfb\0\4", "unknown type 4"),
        (b"\x6e", b"\x42\0\xd2\0\xfb\0\1", "type mismatch"),
        (b"\x6e", b"\xfb\1\2", "type mismatch: type 2 is not a struct type"),
        (b"\x6e", b"\x41\1\xfb\7\1", "type mismatch: type 1 is not an array type"),
        (b"\x6e", b"\x41\1\xfb\7\3", "type mismatch: type 3 has no default value"),
        (b"\x6e", b"\x42\0\xfb\x08\2\2", "type mismatch"),
        (b"\x6e", b"\xfb\x1a", "type mismatch"),
        (b"\x64\x6e", b"\xd0\x6f\xfb\x1a", "type mismatch"),
    ],
)
def test_invalid_constant_expressions(ty: bytes, code: bytes, message: str) -> None:
    assert invalid(*CONTEXT, globals_(ty + b"\0" + code + b"\x0b")).startswith(message)


def test_array_new_fixed_is_limited() -> None:
    code = b"\xfb\x08\2" + uleb(limits.MAX_NEW_FIXED + 1)
    assert isinstance(refused(*CONTEXT, globals_(b"\x6e\0" + code + b"\x0b")), LimitError)


def test_globals_see_the_globals_before_them() -> None:
    one = b"\x7f\0" + ZERO
    valid(globals_(one, b"\x7f\0\x23\0\x0b"))
    assert invalid(globals_(b"\x7f\0\x23\0\x0b")) == "unknown global 0"
    assert invalid(globals_(b"\x7f\0\x23\1\x0b", one)) == "unknown global 1"
    assert invalid(globals_(b"\x7f\1" + ZERO, b"\x7f\0\x23\0\x0b")).startswith("constant expression required")
    memory = section(MEMORIES, vec([b"\0\0"]))
    valid(memory, globals_(one), section(DATA, vec([b"\0\x23\0\x0b\0"])))
    assert invalid(memory, globals_(one), section(DATA, vec([b"\0\x23\1\x0b\0"]))) == "unknown global 1"


def test_tables_see_imported_globals_only_and_need_an_initial_value() -> None:
    table = section(TABLES, vec([b"\x40\0\x64\x70\0\1\x23\0\x0b"]))
    valid(section(IMPORTS, vec([b"\0\0\3\x64\x70\0"])), table)
    first, code = funcs(1)
    own = globals_(b"\x64\x70\0\xd2\0\x0b")
    assert invalid(types(NOP), first, table, own, code) == "unknown global 0"
    assert invalid(section(TABLES, vec([b"\x64\x70\0\1"]))).startswith("type mismatch: table 0")
    valid(section(IMPORTS, vec([b"\0\0\1\x64\x70\0\1"])))


# ---- exports, start, tags, segments


def test_exports() -> None:
    def exports(*entries: bytes) -> bytes:
        return section(EXPORTS, vec(entries))

    for kind, what in enumerate(("function", "table", "memory", "global", "tag")):
        assert invalid(exports(name("x") + bytes([kind, 0]))) == f"unknown {what} 0"
    memory = section(MEMORIES, vec([b"\0\0"]))
    valid(memory, exports(name("a") + b"\2\0", name("b") + b"\2\0", name("") + b"\2\0"))
    assert invalid(memory, exports(name("a") + b"\2\0", name("a") + b"\2\0")) == "duplicate export name 'a'"


def test_start() -> None:
    valid(types(NOP), *funcs(1)[:1], section(START, b"\0"), funcs(1)[1])
    assert invalid(section(START, b"\1")) == "unknown function 1"
    for ty in (b"\x60\1\x7f\0", b"\x60\0\1\x7f"):
        assert invalid(types(ty), *funcs(1)[:1], section(START, b"\0"), funcs(1)[1]).startswith("start function")


def test_tags() -> None:
    tag = section(TAGS, vec([b"\0\0"]))
    valid(types(b"\x60\1\x7f\0"), tag)
    assert invalid(tag).startswith("unknown type 0")
    assert invalid(types(b"\x5f\0"), tag).startswith("type mismatch")
    assert invalid(types(b"\x60\0\1\x7f"), tag).startswith("non-empty tag result type")
    assert invalid(section(IMPORTS, vec([b"\0\0\4\0\1"]))).startswith("unknown type 1")


def test_element_segments() -> None:
    def check(table: bytes, *segments: bytes) -> tuple[bytes, ...]:
        first, code = funcs(2)
        tables = section(TABLES, vec([table]) if table else b"\0")
        return types(NOP, b"\x60\0\1\x7f"), first, tables, section(ELEMS, vec(segments)), code

    funcref = b"\x70\0\0"
    valid(*check(funcref, b"\0" + ZERO + b"\2\0\1", b"\6\0" + ZERO + b"\x64\0\1\xd2\0\x0b", b"\1\0\1\1"))
    valid(*check(b"\x70\4\0", b"\0\x42\0\x0b\0"))
    assert invalid(*check(b"", b"\0" + ZERO + b"\0")) == "unknown table 0"
    assert invalid(*check(funcref, b"\2\1" + ZERO + b"\0\0")) == "unknown table 1"
    assert invalid(*check(funcref, b"\0\x42\0\x0b\0")).startswith("type mismatch: expected i32")
    assert invalid(*check(b"\x70\4\0", b"\0" + ZERO + b"\0")).startswith("type mismatch: expected i64")
    assert invalid(*check(b"\x6f\0\0", b"\0" + ZERO + b"\0")).startswith("type mismatch: elements of (ref func)")
    assert invalid(*check(funcref, b"\1\0\1\2")) == "unknown function 2"
    assert invalid(*check(funcref, b"\5\x70\1\xd2\2\x0b")) == "unknown function 2"
    assert invalid(*check(funcref, b"\5\x6f\1\xd2\0\x0b")).startswith("type mismatch")
    assert invalid(*check(funcref, b"\5\x64\1\1\xd2\0\x0b")).startswith("type mismatch")
    assert invalid(*check(funcref, b"\5\x64\x70\2\xd2\0\x0b\xd0\x70\x0b")).startswith("type mismatch")


def test_data_segments() -> None:
    memory = section(MEMORIES, vec([b"\0\0", b"\4\0"]))
    valid(memory, section(DATA, vec([b"\0" + ZERO + b"\0", b"\2\1\x42\0\x0b\0", b"\1\0"])))
    valid(section(DATA, vec([b"\1\0"])))
    assert invalid(section(DATA, vec([b"\0" + ZERO + b"\0"]))) == "unknown memory 0"
    assert invalid(memory, section(DATA, vec([b"\2\2" + ZERO + b"\0"]))) == "unknown memory 2"
    assert invalid(memory, section(DATA, vec([b"\2\1" + ZERO + b"\0"]))).startswith("type mismatch: expected i64")


# ---- what validation costs an adversary


def test_short_instructions_that_name_wide_types_are_cheap() -> None:
    wide = b"\x5f" + vec([b"\x7f\0"] * limits.MAX_FIELDS)
    code = b"\xfb\1\0" * 100_000
    message = invalid(types(wide), globals_(b"\x6b\0" + code + b"\x0b"))
    assert message == "type mismatch: 99999 values too many in a constant expression"


# ---- features


@pytest.mark.parametrize(
    ("part", "feature"),
    [
        (types(b"\x5f\0"), "gc"),
        (types(b"\x60\1\x6e\0"), "gc"),
        (types(b"\x50\0\x60\0\0", b"\x50\1\0\x60\0\0"), "gc"),
        (globals_(b"\x6f\0\xd0\x71\xfb\x1b\x0b"), "gc"),
        (section(ELEMS, vec([b"\5\x71\0"])), "gc"),
    ],
)
def test_features_outside_of_bodies_are_refused_by_name(part: bytes, feature: str) -> None:
    m = module(part)
    validate_module(m)
    assert list(unsupported_features(m)) == [feature]
    with pytest.raises(UnsupportedError, match=feature):
        require_supported(m)


@pytest.mark.parametrize(
    ("part", "feature"),
    [
        (types(b"\x60\1\x69\0"), "exceptions"),
        (types(NOP) + section(TAGS, vec([b"\0\0"])), "exceptions"),
        (section(MEMORIES, vec([b"\4\1"])), "memory64"),
        (types(b"\x60\1\x7b\0"), "simd"),
        (globals_(b"\x7b\0\xfd\x0c" + bytes(16) + b"\x0b"), "simd"),
        (section(TABLES, vec([b"\x70\4\1"])), "memory64"),
        (section(MEMORIES, vec([b"\x08\1\0"])), "custom_page_sizes"),
    ],
)
def test_features_switched_off_are_refused_by_name(part: bytes, feature: str) -> None:
    m = module(part)
    validate_module(m)
    require_supported(m)
    require_enabled(m, Features())
    with pytest.raises(UnsupportedError, match=f"the feature {feature} is switched off"):
        require_enabled(m, Features(**{feature: False}))


def test_supported_features() -> None:
    m = module(
        types(NOP, b"\x4e" + vec([b"\x60\1\x64\2\0", b"\x60\1\x64\1\0"])),
        section(TABLES, vec([b"\x63\1\0\0", b"\x6f\0\0"])),
        section(MEMORIES, vec([b"\0\0", b"\0\0"])),
        globals_(b"\x7f\0\x41" + sleb(-1) + b"\x41\1\x6a\x0b", b"\x63\0\0\xd0\0\x0b"),
    )
    validate_module(m)
    require_supported(m)
    assert unsupported_features(m) == {}
