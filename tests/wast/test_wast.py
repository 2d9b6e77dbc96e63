"""The `.wast` reader: our own samples against what they say, and against the converted suite where it is."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from tests.spec.suite import all_scripts, suite_folder
from tests.wast import WastError, read_file, read_script
from tests.wast.constants import FORMATS, parse_float, parse_int, print_float
from tests.wast.model import (
    LANE_BITS,
    Action,
    AssertFailure,
    AssertModule,
    AssertReturn,
    Command,
    DefineModule,
    Either,
    Instantiate,
    Nan,
    Number,
    Perform,
    Ref,
    Register,
    Script,
    Source,
    Thread,
    Value,
    Vector,
    Wait,
    kind_of,
    sources,
)
from tests.wast.sexpr import Group, parse

SAMPLES = Path(__file__).with_name("samples")
EMPTY_MODULE = Source(b"\0asm\1\0\0\0", is_text=False)


def i32(value: int) -> Number:
    return Number("i32", value & 0xFFFF_FFFF)


def test_commands() -> None:
    got = {command.line: command for command in read_file(SAMPLES / "commands.wast").commands}
    add = Action("invoke", "$m", "add", (i32(0), i32(0)))
    nan = Action("invoke", None, "nan")
    inner = AssertReturn(26, Action("invoke", None, "add", (i32(1), i32(1))), (i32(2),))
    expected: list[Command] = [
        Register(5, "M", "$m"),
        Perform(6, Action("invoke", None, "add", (i32(1), i32(-1)))),
        AssertReturn(7, Action("invoke", "$m", "add", (i32(16), i32(1000))), (i32(1016),)),
        AssertReturn(8, Action("get", "$m", "g"), (i32(7),)),
        Instantiate(10, "$i", "$d"),
        Instantiate(11, None, None),
        DefineModule(12, EMPTY_MODULE),
        DefineModule(13, EMPTY_MODULE, only=True),
        AssertModule(15, "assert_malformed", Source(b"(func", is_text=True), "unexpected end"),
        AssertModule(16, "assert_malformed", Source(b"\0as", is_text=False), "unexpected end"),
        AssertFailure(19, "assert_trap", add, "unreachable"),
        AssertFailure(21, "assert_exhaustion", Action("invoke", None, "runaway"), "call stack exhausted"),
        AssertFailure(22, "assert_exception", Action("invoke", None, "throw"), ""),
        AssertReturn(23, nan, (Number("float", Nan.CANONICAL),)),
        AssertReturn(24, nan, (Number("float", Nan.ARITHMETIC),)),
        Thread(25, "$t", "$m", (inner,)),
        Wait(27, "$t"),
    ]
    for command in expected:
        assert got[command.line] == command
    assembled = {2: "module", 9: "module definition", 14: "module", 17: "assert_invalid", 18: "assert_unlinkable"}
    assembled[20] = "assert_uninstantiable"
    assert {line: kind_of(command) for line, command in got.items() if command not in expected} == assembled


def test_assembled_modules_have_no_names_and_are_bytes() -> None:
    script = read_file(SAMPLES / "commands.wast")
    first = script.commands[0]
    assert isinstance(first, DefineModule)
    assert first.name == "$m"
    assert first.source.data.startswith(b"\0asm\1\0\0\0")
    assert b"\x03add\x00\x00\x01g\x03\x00" in first.source.data
    assert b"name" not in first.source.data
    assert [source.is_text for source in sources(script)] == [False] * 6


def test_values() -> None:
    commands = read_file(SAMPLES / "values.wast").commands
    integers, floats, vectors, refs, patterns = (c for c in commands if isinstance(c, AssertReturn))
    assert integers.action.args == (i32(-1), i32(-1), Number("i64", 1 << 63))
    bits32 = [0x40400000, 1 << 31, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFA00000, 1, 1, 0x7F7FFFFF, 0x4B800000]
    bits64 = [as_f64("0.1"), 0x7FF4_0000_0000_0000, 1]
    assert floats.action.args == (*(Number("f32", b) for b in bits32), *(Number("f64", b) for b in bits64))
    assert vectors.action.args == (
        Vector("i8", (*range(15), 255)),
        Vector("i64", (1, (1 << 64) - 1)),
        Vector("f32", (0x3F800000, 1 << 31, 0x7F800001, 0x7F800000)),
    )
    assert refs.action.args == (
        Ref("funcref", is_null=True),
        Ref("externref", is_null=True),
        Ref("externref", value=3),
        Ref("anyref", value=4),
    )
    assert patterns.expected == (
        Number("f32", Nan.CANONICAL),
        Number("f64", Nan.ARITHMETIC),
        Vector("f32", (Nan.CANONICAL, 0x3F800000, Nan.ARITHMETIC, 0)),
        Either((i32(1), i32(2))),
        *(Ref(kind) for kind in ("funcref", "externref", "i31ref", "structref")),
        *(Ref(kind, is_null=True) for kind in ("refnull", "anyref", "nullfuncref")),
    )


def test_lexing() -> None:
    module, first, second = read_file(SAMPLES / "lexing.wast").commands
    assert isinstance(module, DefineModule)
    assert '€\t"\\A'.encode() in module.source.data
    assert "raw \u202e name".encode() in module.source.data
    assert first == Perform(7, Action("invoke", None, '€\t"\\A'))
    assert second == Perform(7, Action("invoke", None, "\udcff\0\n\r'"))


def test_a_file_of_fields_is_one_module() -> None:
    (module,) = read_file(SAMPLES / "fields.wast").commands
    assert isinstance(module, DefineModule)
    assert module.source.data.startswith(b"\0asm")


def test_nesting_has_no_limit() -> None:
    (node,) = parse("(" * 200_000 + ")" * 200_000)
    assert isinstance(node, Group)
    assert node.end == 400_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(module", "unclosed parenthesis"),
        (")", "unmatched closing"),
        ("(; (; ;)", "unclosed block comment"),
        ('"abc', "unclosed string"),
        ('"\\q"', "bad escape"),
        ('"\\u{110000}"', "bad escape"),
        ('"\\u{d800}"', "bad escape"),
        ('"\n"', "control character"),
        ("(assert_nothing)", "unknown command"),
        ("(assert_return)", "too few operands"),
        ("(assert_return (call))", "unknown action"),
        ('(invoke "f" (i32.const 0x))', "not an integer"),
        ('(invoke "f" (i32.const 4294967296))', "out of range"),
        ('(invoke "f" (f32.const 1e39))', "out of range"),
        ('(invoke "f" (f32.const nan:0x0))', "payload out of range"),
        ('(invoke "f" (f64.const 1__0))', "not a float"),
        ('(invoke "f" (v128.const i32x4 1 2 3))', "wrong number of lanes"),
        ('(invoke "f" (ref.what))', "bad constant"),
        ("atom", "expected a list"),
    ],
)
def test_errors_say_what(text: str, message: str) -> None:
    with pytest.raises(WastError, match=message):
        read_script(text.encode(), "test")


def test_errors_say_where(tmp_path: Path) -> None:
    path = tmp_path / "bad.wast"
    path.write_text(";; one\n(module)\n  (oops)\n")
    with pytest.raises(WastError, match=r"bad\.wast:3: unknown command: oops"):
        read_file(path)


# ---- constants


def as_f64(text: str) -> int:
    return int(struct.unpack("<Q", struct.pack("<d", float(text)))[0])


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "1",
        "0.1",
        "1e23",
        "9007199254740993",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "5e-324",
        "2.4703282292062328e-324",
        "2.4703282292062327e-324",
        "2.2250738585072011e-308",
        "123456789.123456789e-300",
    ],
)
def test_decimal_doubles_round_as_the_host_does(text: str) -> None:
    assert parse_float(text, 64) == as_f64(text)


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        # Rounding to 64 bits first would make ties of these, and then round the wrong way.
        ("0x1.00000100000001p0", 0x3F800001),
        ("0x1.000002fffffffffp0", 0x3F800001),
        ("1.00000005960464477539062500000000001", 0x3F800001),
        ("1.000000059604644775390625", 0x3F800000),
        ("0x1.000003p0", 0x3F800002),
        ("0x0.8p-149", 0),
        ("0x0.80000001p-149", 1),
        ("0x1.fffffefp127", 0x7F7FFFFF),
        ("0x1.ffffffp-127", 0x00800000),
        ("0x.8p1", None),
        ("0x1.8", 0x3FC00000),
        ("0X1", None),
        ("1.", 0x3F800000),
        (".5", None),
        ("1e", None),
        ("nan:0x800000", None),
        ("0x1.ffffffp127", None),
        ("1_0.0_1e+0_1", 0x42C83333),
    ],
)
def test_float_literals(text: str, bits: int | None) -> None:
    if bits is None:
        with pytest.raises(ValueError, match=r"float|range"):
            parse_float(text, 32)
    else:
        assert parse_float(text, 32) == bits


@pytest.mark.parametrize("width", [32, 64])
def test_every_kind_of_float_survives_printing(width: int) -> None:
    form = FORMATS[width]
    step = (1 << width) // 997 | 1
    edges = [0, 1, (1 << form.mantissa) - 1, 1 << form.mantissa, form.infinity - 1, form.infinity, form.quiet_nan]
    for magnitude in [*edges, form.infinity + 1, *(i * step % (1 << (width - 1)) for i in range(400))]:
        for bits in (magnitude, magnitude | 1 << (width - 1)):
            assert parse_float(print_float(bits, width, 16), width) == bits
            assert parse_float(print_float(bits, width, 10), width) == bits


def test_printed_decimals_are_exact() -> None:
    assert Fraction(print_float(1, 64, 10)) == Fraction(1, 1 << 1074)
    assert print_float(as_f64("-0.75"), 64, 10) == "-0.75"


# ---- the suite


def numbers(value: Value) -> Iterator[tuple[str, int]]:
    """Type and bits of every number in a value, lanes of vectors included."""
    match value:
        case Number(kind, int(bits)):
            yield kind, bits
        case Vector(lane, lanes):
            yield from ((lane, bits) for bits in lanes if isinstance(bits, int))
        case Either(values):
            for one in values:
                yield from numbers(one)


def values_of(script: Script) -> Iterator[Value]:
    for command in script.commands:
        match command:
            case AssertReturn(action=action, expected=expected):
                yield from (*action.args, *expected)
            case Perform(action=action) | AssertFailure(action=action):
                yield from action.args


@pytest.mark.skipif(not suite_folder().is_dir(), reason="no converted suite (WASM_SPEC_TESTS)")
def test_every_value_of_the_suite_survives_printing() -> None:
    folder = suite_folder()
    groups = tuple(sorted(path.stem for path in folder.glob("*.zip")))
    seen = {number for ref in all_scripts(folder, groups) for v in values_of(ref.load()) for number in numbers(v)}
    assert len(seen) > 5_000
    for kind, bits in seen:
        width = LANE_BITS[kind]
        if kind.startswith("f"):
            assert parse_float(print_float(bits, width, 16), width) == bits
            assert parse_float(print_float(bits, width, 10), width) == bits
        else:
            signed = bits - (1 << width) if bits >> (width - 1) else bits
            assert parse_int(str(bits), width) == parse_int(str(signed), width) == parse_int(hex(signed), width) == bits


def layout(script: Script) -> list[tuple[int, str]]:
    return [(command.line, kind_of(command)) for command in script.commands]


@pytest.mark.skipif("WASM_WAST_TESTS" not in os.environ, reason="no clone of the public suite (WASM_WAST_TESTS)")
@pytest.mark.skipif(not suite_folder().is_dir(), reason="no converted suite (WASM_SPEC_TESTS)")
def test_reading_a_clone_gives_what_the_converted_suite_says() -> None:
    """Every script whose commands stand on the same lines in both is the same revision, and must be equal."""
    files: dict[str, list[Path]] = {}
    for path in sorted(Path(os.environ["WASM_WAST_TESTS"]).rglob("*.wast")):
        files.setdefault(path.stem, []).append(path)
    folder = suite_folder()
    groups = tuple(path.stem for path in sorted(folder.glob("[123].*.zip")))
    different, compared = [], 0
    for ref in all_scripts(folder, groups):
        converted = ref.load()
        same = [script for script in map(read_file, files.get(ref.name, ())) if layout(script) == layout(converted)]
        compared += bool(same)
        if same and all(script.commands != converted.commands for script in same):
            different.append(str(ref))
    assert different == []
    assert compared > 100
