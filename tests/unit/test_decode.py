"""The binary format: what a module of every section decodes to, and how malformed ones are refused."""

from __future__ import annotations

import pytest

from aot.errors import DecodeError, InvalidError, LimitError, ModuleError
from aot.wasm import constexpr, limits
from aot.wasm.decode import decode_module, sections
from aot.wasm.module import ConstExpr, ConstInstr, ExternKind, Module, SegmentMode
from aot.wasm.types import (
    EXTERNREF,
    F64,
    FUNCREF,
    I8,
    I16,
    I32,
    I64,
    V128,
    ArrayType,
    FieldType,
    FuncType,
    HeapKind,
    Limits,
    MemoryType,
    RefType,
    StructType,
)
from aot.wasm.validate import validate_module
from tests.wasm_builder import HEADER, body, name, section, sized, uleb, vec

TYPES, IMPORTS, FUNCS, TABLES, MEMORIES, GLOBALS, EXPORTS = 1, 2, 3, 4, 5, 6, 7
START, ELEMS, CODE, DATA, DATA_COUNT, TAGS = 8, 9, 10, 11, 12, 13

NOP_TYPE = section(TYPES, vec([b"\x60\0\0"]))
ONE_FUNC = section(FUNCS, vec([b"\0"]))
ONE_BODY = section(CODE, vec([body(b"")]))
ZERO = b"\x41\0\x0b"


def everything() -> bytes:
    """A valid module with every section."""
    return HEADER + b"".join(
        [
            section(0, name("first") + b"xyz"),
            section(
                TYPES,
                vec(
                    [
                        b"\x60\0\0",
                        b"\x60" + vec([b"\x7f", b"\x63\x70", b"\x64\0"]) + vec([b"\x7e", b"\x7c"]),
                        b"\x4e" + vec([b"\x5f" + vec([b"\x78\1", b"\x63\3\0"]), b"\x50\0\x5e\x77\0"]),
                        b"\x4f" + vec([b"\3"]) + b"\x5e\x77\0",
                    ]
                ),
            ),
            section(
                IMPORTS,
                vec(
                    [
                        name("env") + name("f") + b"\0\0",
                        name("env") + name("t") + b"\1\x6f\0\5",
                        name("env") + name("m") + b"\2\1\1\2",
                        name("env") + name("g") + b"\3\x7f\0",
                        name("env") + name("e") + b"\4\0\0",
                    ]
                ),
            ),
            section(FUNCS, vec([b"\0", b"\0"])),
            section(TABLES, vec([b"\x70\1\2\3", b"\x40\0\x64\x70\0\1\xd2\0\x0b"])),
            section(MEMORIES, vec([b"\0\1", b"\3\1\2", b"\4\1", b"\x08\1\0"])),
            section(TAGS, vec([b"\0\0"])),
            section(GLOBALS, vec([b"\x7e\1\x42\x7f\x0b", b"\x7f\0\x23\0\x41\x7f\x6a\x0b"])),
            section(EXPORTS, vec([name("run") + b"\0\1", name("é") + b"\2\0"])),
            section(START, b"\1"),
            section(
                ELEMS,
                vec(
                    [
                        b"\2\1" + ZERO + b"\0" + vec([b"\0", b"\1"]),
                        b"\1\0" + vec([b"\2"]),
                        b"\3\0" + vec([]),
                        b"\6\1" + ZERO + b"\x70" + vec([b"\xd2\0\x0b", b"\xd2\1\x0b"]),
                        b"\5\x70" + vec([b"\xd2\2\x0b", b"\xd0\x70\x0b", b"\xd0\x70\x0b"]),
                        b"\7\x6f" + vec([b"\xd0\x6f\x0b"]),
                    ]
                ),
            ),
            section(DATA_COUNT, b"\3"),
            section(CODE, vec([body(b""), body(b"\x01" * 200)])),
            section(DATA, vec([b"\0" + ZERO + name("ab"), b"\1" + name(""), b"\2\1" + ZERO + name("c")])),
            section(0, name("name") + b"\1" + sized(vec([b"\1" + name("one"), b"\x09" + name("nine")]))),
        ]
    )


def refused(*parts: bytes, header: bytes = HEADER) -> ModuleError:
    data = header + b"".join(parts)
    with pytest.raises(ModuleError) as info:
        decode_module(data)
    assert info.value.site is not None
    assert 0 <= info.value.site.offset <= len(data)
    return info.value


def malformed(*parts: bytes, header: bytes = HEADER) -> str:
    err = refused(*parts, header=header)
    assert isinstance(err, DecodeError)
    return err.message


def decode(*parts: bytes) -> Module:
    return decode_module(HEADER + b"".join(parts))


def test_types() -> None:
    m = decode_module(everything())
    assert [t.comp for t in m.types] == [
        FuncType((), ()),
        FuncType((I32, FUNCREF, RefType(False, 0)), (I64, F64)),
        StructType((FieldType(I8, True), FieldType(RefType(True, 3), False))),
        ArrayType(FieldType(I16, False)),
        ArrayType(FieldType(I16, False)),
    ]
    assert [(t.final, t.super, t.rec_start, t.rec_n) for t in m.types] == [
        (True, None, 0, 1),
        (True, None, 1, 1),
        (True, None, 2, 2),
        (False, None, 2, 2),
        (True, 3, 4, 1),
    ]


def test_index_spaces_hold_imports_first() -> None:
    m = decode_module(everything())
    assert [(i.module, i.name, i.kind, i.index) for i in m.imports] == [
        ("env", letter, kind, 0) for letter, kind in zip("ftmge", ExternKind, strict=True)
    ]
    assert (m.func_types, m.n_imported_funcs, m.n_imported_memories) == ((0, 0, 0), 1, 1)
    assert [(t.elem, t.limits) for t in m.tables] == [
        (EXTERNREF, Limits(5, None)),
        (FUNCREF, Limits(2, 3)),
        (RefType(False, HeapKind.FUNC), Limits(1, None)),
    ]
    assert m.memories == (
        MemoryType(Limits(1, 2)),
        MemoryType(Limits(1, None)),
        MemoryType(Limits(1, 2, shared=True)),
        MemoryType(Limits(1, None, is64=True)),
        MemoryType(Limits(1, None), 0),
    )
    assert [t.init is None for t in m.own_tables] == [True, False]
    assert [(g.type.value, g.type.mutable) for g in m.own_globals] == [(I64, True), (I32, False)]
    assert [i.op for i in m.own_globals[1].init.instrs] == [0x23, 0x41, 0x6A]
    assert (len(m.tags), m.start, m.data_count) == (2, 1, 3)
    assert [(e.name, e.kind, e.index) for e in m.exports] == [("run", ExternKind.FUNC, 1), ("é", ExternKind.MEMORY, 0)]


def test_segments_bodies_and_custom_sections() -> None:
    data = everything()
    m = decode_module(data)
    active, passive, declared = SegmentMode
    non_null = RefType(False, HeapKind.FUNC)
    assert [(e.mode, e.table, e.type, e.funcs) for e in m.elems] == [
        (active, 1, non_null, (0, 1)),
        (passive, 0, non_null, (2,)),
        (declared, 0, non_null, ()),
        (active, 1, FUNCREF, (0, 1)),
        (passive, 0, FUNCREF, None),
        (declared, 0, EXTERNREF, None),
    ]
    mixed = m.elems[4].exprs
    assert mixed is not None
    assert [i.index for e in mixed for i in e.instrs] == [2, HeapKind.FUNC, HeapKind.FUNC]
    assert mixed[1] is mixed[2], "equal expressions share one object"
    assert [(d.mode, d.memory, data[d.start : d.end]) for d in m.datas] == [
        (active, 0, b"ab"),
        (passive, 0, b""),
        (active, 1, b"c"),
    ]
    assert [data[b.start : b.end] for b in m.bodies] == [b"\0\x0b", b"\0" + b"\x01" * 200 + b"\x0b"]
    assert [(c.name, data[c.start : c.end][:3]) for c in m.customs] == [("first", b"xyz"), ("name", b"\1\x0c\2")]
    assert m.func_names == {1: "one"}, "names of functions that do not exist are left out"
    assert m.declared_refs == {0, 1, 2}


def test_truncation_anywhere_is_a_module_error() -> None:
    data = everything()
    validate_module(decode_module(data))
    whole = {end for _, _, end in sections(data)} | {len(HEADER)}
    for n in range(len(data)):
        if n in whole:
            continue  # cut between two sections
        with pytest.raises(DecodeError):
            decode_module(data[:n])


def test_every_byte_changed_is_decoded_or_refused() -> None:
    data = everything()
    for at in range(len(data)):
        for value in (0x00, 0x01, 0x40, 0x7F, 0x80, 0xFF, data[at] ^ 1):
            changed = data[:at] + bytes([value]) + data[at + 1 :]
            try:
                validate_module(decode_module(changed))
            except ModuleError as err:
                assert err.site is not None
                assert 0 <= err.site.offset <= len(data)


def test_preamble() -> None:
    assert malformed(header=b"").startswith("unexpected end")
    assert malformed(header=b"\0as").startswith("unexpected end")
    assert malformed(header=b"\0asm\1\0\0").startswith("unexpected end")
    assert malformed(header=b"\0asn\1\0\0\0") == "magic header not detected"
    assert malformed(header=b"\0asm\x0d\0\1\0") == "unknown binary version"


def test_framing_of_sections() -> None:
    for section_id in (14, 0x7F, 0x80, 0xFF):
        assert malformed(bytes([section_id, 1, 0])) == "malformed section id"
    assert malformed(b"\1\x07\2\x60\0\0") == "length out of bounds"
    assert malformed(b"\0\0").startswith("unexpected end")
    assert malformed(section(TYPES, b"\1\x60\0\0\x60\0\0")) == "section size mismatch"
    assert malformed(section(MEMORIES, vec([b"\0\1"])), section(MEMORIES, vec([]))) == (
        "unexpected content after last section"
    )
    order = (TYPES, IMPORTS, FUNCS, TABLES, MEMORIES, TAGS, GLOBALS, EXPORTS, ELEMS, DATA_COUNT, CODE, DATA)
    for first, second in zip(order, order[1:], strict=False):
        parts = section(first, b"\0"), section(second, b"\0")
        assert decode(*parts).bodies == ()
        assert malformed(*reversed(parts)) == "unexpected content after last section"


def test_counts_that_must_agree() -> None:
    functions = "function and code section have inconsistent lengths"
    datas = "data count and data section have inconsistent lengths"
    assert malformed(NOP_TYPE, ONE_FUNC).startswith(functions)
    assert malformed(NOP_TYPE, ONE_BODY).startswith(functions)
    assert malformed(section(DATA_COUNT, b"\1")).startswith(datas)
    assert malformed(section(DATA_COUNT, b"\0"), section(DATA, vec([b"\1\0"]))).startswith(datas)


@pytest.mark.parametrize(
    ("number", "content", "message"),
    [
        (TYPES, b"\1\x40\0\0", "malformed definition type"),
        (TYPES, b"\1\xe0\x7f\0\0", "integer representation too long"),
        (TYPES, b"\1\x4e\1\x4e\0", "malformed definition type"),
        (TYPES, b"\1\x60\1\x66\0", "malformed value type"),
        (TYPES, b"\1\x60\1\x64\x40\0", "malformed heap type"),
        (TYPES, b"\1\x5e\x78\2", "malformed mutability"),
        (IMPORTS, b"\1\0\0\5\0", "malformed import kind"),
        (IMPORTS, b"\1\0\0\4\1\0", "zero byte expected"),
        (TABLES, b"\1\x7f\0\0", "malformed reference type"),
        (TABLES, b"\1\x70\2\0", "malformed limits flags"),
        (TABLES, b"\1\x40\1\x70\0\0", "zero byte expected"),
        (MEMORIES, b"\1\x10\0", "malformed limits flags"),
        (MEMORIES, b"\1\x81\0\0", "malformed limits flags"),
        (MEMORIES, b"\1\x08\0\x41", "invalid custom page size"),
        (GLOBALS, b"\1\x7f\2\x41\0\x0b", "malformed mutability"),
        (GLOBALS, b"\1\x7f\0\x41\0", "unexpected end"),
        (GLOBALS, b"\1\x7f\0\x27\x0b", "illegal opcode 27"),
        (GLOBALS, b"\1\x7f\0\xfb\x1f\x0b", "illegal opcode fb 1f"),
        (EXPORTS, b"\1\0\5\0", "malformed export kind"),
        (EXPORTS, b"\1\3ab", "length out of bounds"),
        (ELEMS, b"\1\x08", "malformed elements segment kind"),
        (ELEMS, b"\1\1\1\0", "malformed element kind"),
        (ELEMS, b"\1\5\x7f\0", "malformed reference type"),
        (CODE, b"\1\3\0\x0b", "unexpected end"),
        (DATA, b"\1\3\0", "malformed data segment kind"),
        (DATA, b"\1\1\2a", "unexpected end"),
    ],
)
def test_malformed_contents(number: int, content: bytes, message: str) -> None:
    assert malformed(section(number, content)).startswith(message)


def test_constant_expressions() -> None:
    instrs = {
        b"\x41\x7f": ConstInstr(constexpr.I32_CONST, value=0xFFFFFFFF),
        b"\x42\x7f": ConstInstr(constexpr.I64_CONST, value=2**64 - 1),
        b"\x43\0\0\xc0\x7f": ConstInstr(constexpr.F32_CONST, value=0x7FC00000),
        b"\x44" + bytes(7) + b"\x80": ConstInstr(constexpr.F64_CONST, value=1 << 63),
        b"\xfd\x0c\1" + bytes(15): ConstInstr(constexpr.V128_CONST, value=1),
        b"\x23\x80\1": ConstInstr(constexpr.GLOBAL_GET, 128),
        b"\xd0\x70": ConstInstr(constexpr.REF_NULL, HeapKind.FUNC),
        b"\xd0\5": ConstInstr(constexpr.REF_NULL, 5),
        b"\xd2\5": ConstInstr(constexpr.REF_FUNC, 5),
        b"\x7c": ConstInstr(0x7C),
        b"\xfb\0\7": ConstInstr(constexpr.STRUCT_NEW, 7),
        b"\xfb\x08\7\3": ConstInstr(constexpr.ARRAY_NEW_FIXED, 7, 3),
        b"\xfb\x1c": ConstInstr(constexpr.REF_I31),
    }
    content = b"\1\x7b\0" + b"".join(instrs) + b"\x0b"
    (glob,) = decode(section(GLOBALS, content)).own_globals
    assert glob.type.value is V128
    assert glob.init == ConstExpr(tuple(instrs.values()), len(HEADER) + 2 + 3)


@pytest.mark.parametrize(
    "code", [b"\x01", b"\x02\x40\x0b", b"\x20\0", b"\x10\0", b"\x68", b"\xfb\x09\0\0", b"\xfc\x08"]
)
def test_other_instructions_are_not_constant(code: bytes) -> None:
    err = refused(section(GLOBALS, b"\1\x7f\0" + code + b"\x0b"))
    assert isinstance(err, InvalidError)
    assert err.message.startswith("constant expression required")


def test_long_constant_expressions_need_no_depth() -> None:
    code = b"\x41\1" * 50_000 + b"\x6a" * 49_999
    m = decode(section(GLOBALS, b"\1\x7f\0" + code + b"\x0b"))
    validate_module(m)
    assert len(m.own_globals[0].init.instrs) == 99_999


def test_counts_beyond_the_bytes_are_refused_at_once() -> None:
    huge = b"\xff\xff\xff\xff\x0f"
    for number in (TYPES, IMPORTS, FUNCS, TABLES, MEMORIES, TAGS, GLOBALS, EXPORTS, ELEMS, CODE, DATA):
        assert malformed(section(number, huge + bytes(8))).startswith("unexpected end")
    for content in (b"\1\x4e" + huge, b"\1\x60" + huge, b"\1\x5f" + huge):
        assert malformed(section(TYPES, content)).startswith("unexpected end")
    for content in (b"\1\1\0" + huge, b"\1\5\x70" + huge):
        assert malformed(section(ELEMS, content)).startswith("unexpected end")


@pytest.mark.parametrize(
    ("number", "content", "message"),
    [
        (TYPES, b"\1\x60" + vec([b"\x7f"] * (limits.MAX_PARAMS + 1)) + b"\0", "too many parameters"),
        (TYPES, b"\1\x60\0" + vec([b"\x7f"] * (limits.MAX_RESULTS + 1)), "too many results"),
        (TYPES, b"\1\x5f" + vec([b"\x7f\0"] * (limits.MAX_FIELDS + 1)), "too many fields"),
        (TYPES, vec([b"\x4e\0"] * (limits.MAX_TYPES + 1)), "too many types"),
        (IMPORTS, vec([b"\0\0\2\0\0"] * (limits.MAX_MEMORIES + 1)), "too many memories"),
        (FUNCS, vec([b"\0"] * (limits.MAX_FUNCTIONS + 1)), "too many functions"),
        (MEMORIES, vec([b"\0\0"] * (limits.MAX_MEMORIES + 1)), "too many memories"),
        (TABLES, vec([b"\x70\0\0"] * (limits.MAX_TABLES + 1)), "too many tables"),
        (DATA_COUNT, uleb(limits.MAX_DATA_SEGMENTS + 1), "too many data segments"),
        (CODE, vec([sized(bytes(limits.MAX_BODY_BYTES + 1))]), "function body of"),
    ],
)
def test_implementation_limits(number: int, content: bytes, message: str) -> None:
    err = refused(section(number, content))
    assert isinstance(err, LimitError)
    assert err.message.startswith(message)


def test_types_of_several_groups_are_limited_together() -> None:
    full = b"\x4e" + vec([b"\x5f\0"] * limits.MAX_TYPES)
    err = refused(section(TYPES, vec([b"\x5f\0", full])))
    assert isinstance(err, LimitError)


def test_the_name_section_is_never_an_error() -> None:
    good = b"\1" + sized(vec([b"\0" + name("a"), b"\1" + name("b")]))
    module_name = b"\0" + sized(name("m"))
    funcs = section(FUNCS, vec([b"\0"] * 2)), section(CODE, vec([body(b"")] * 2))

    def names(content: bytes) -> dict[int, str]:
        return decode(NOP_TYPE, *funcs, section(0, name("name") + content)).func_names

    assert names(module_name + good) == {0: "a", 1: "b"}
    assert names(good[:-1]) == {0: "a"}
    assert names(b"\1" + sized(vec([b"\0" + name("a"), b"\1" + name(b"\xff")]))) == {0: "a"}
    assert names(b"\1" + sized(b"\xff\xff\xff\xff\x0f\0" + name("a"))) == {0: "a"}
    assert names(b"\x80") == {}


def test_canonical_types() -> None:
    pair = b"\x4e" + vec([b"\x60" + vec([b"\x64" + uleb(1)]) + b"\0", b"\x60" + vec([b"\x64" + uleb(0)]) + b"\0"])

    def shifted(at: int) -> bytes:
        return pair.replace(b"\x64\1", b"\x64" + uleb(at + 1)).replace(b"\x64\0", b"\x64" + uleb(at))

    swapped = b"\x4e" + vec([b"\x60\0" + vec([b"\x64\5"]), b"\x60\0" + vec([b"\x64\4"])])
    m = decode(
        section(
            TYPES,
            vec(
                [
                    pair,  # 0, 1
                    shifted(2),  # 2, 3: the same, written at another place
                    swapped,  # 4, 5: results instead of parameters
                    b"\x60" + vec([b"\x64\0"]) + b"\0",  # 6
                    b"\x60" + vec([b"\x64\2"]) + b"\0",  # 7: refers to an equal type
                    b"\x60" + vec([b"\x63\2"]) + b"\0",  # 8: nullable
                    b"\x4e\1\x60" + vec([b"\x64\0"]) + b"\0",  # 9: a group of one is no group
                    b"\x50\0\x60" + vec([b"\x64\0"]) + b"\0",  # 10: not final
                    b"\x60" + vec([b"\x64\x0b"]) + b"\0",  # 11: refers to itself
                    b"\x60" + vec([b"\x64\x0c"]) + b"\0",  # 12: the same
                    b"\x4f\1\x0a\x60" + vec([b"\x64\0"]) + b"\0",  # 13: has a supertype
                ]
            ),
        )
    )
    assert m.canonical == (0, 1, 0, 1, 4, 5, 6, 6, 8, 6, 10, 11, 11, 13)


def test_many_functions_and_segments() -> None:
    n = 100_000
    m = decode(
        NOP_TYPE,
        section(FUNCS, uleb(n) + bytes(n)),
        section(MEMORIES, vec([b"\0\0"])),
        section(CODE, uleb(n) + b"\2\0\x0b" * n),
        section(DATA, uleb(n) + (b"\0" + ZERO + b"\1x") * n),
    )
    validate_module(m)
    ends = {number: end for number, _, end in sections(m.data)}
    assert (len(m.bodies), m.bodies[-1].end) == (n, ends[CODE])
    assert (len(m.datas), m.datas[-1].end) == (n, ends[DATA])
