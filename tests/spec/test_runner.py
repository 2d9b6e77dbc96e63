"""The runner itself: what it takes for agreement, how strict its list is, and that nothing goes uncounted."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, cast

import pytest

from tests.spec import adapter
from tests.spec.adapter import Settings, f32_from_python, f32_to_python, f64_from_python, f64_to_python
from tests.spec.interpreter import run_script
from tests.spec.matching import refusal_text_agrees, trap_text_agrees, value_agrees
from tests.spec.outcome import Cause, NotLinkedError, RefusedError, Result, ScriptResult, Status, TrappedError
from tests.spec.plugin import record, recorded
from tests.spec.pool import Worker
from tests.spec.report import tallies
from tests.spec.scope import apply, excuse_unsupported, load_list, parse_list, unknown_scripts
from tests.spec.suite import ScriptRef
from tests.wast import read_script
from tests.wast.constants import parse_float
from tests.wast.model import Either, Nan, Number, Ref, Value, Vector

# ---- agreement


def f32(text: str) -> Number:
    return Number("f32", parse_float(text, 32))


@pytest.mark.parametrize(
    ("expected", "actual", "agrees"),
    [
        (f32("0"), f32("-0"), False),
        (f32("nan"), f32("-nan"), False),
        (f32("nan:0x200000"), f32("nan:0x200000"), True),
        (Number("f32", Nan.CANONICAL), f32("-nan"), True),
        (Number("f32", Nan.CANONICAL), f32("nan:0x600000"), False),
        (Number("f32", Nan.ARITHMETIC), f32("-nan:0x600000"), True),
        (Number("f32", Nan.ARITHMETIC), f32("nan:0x200000"), False),
        (Number("f32", Nan.ARITHMETIC), f32("inf"), False),
        (Number("float", Nan.CANONICAL), Number("f64", 0xFFF8 << 48), True),
        (Number("float", Nan.CANONICAL), Number("i64", 0x7FF8 << 48), False),
        (Number("i32", 1), Number("i64", 1), False),
        (Either((Number("i32", 1), Number("i32", 2))), Number("i32", 2), True),
        (Either((Number("i32", 1), Number("i32", 2))), Number("i32", 3), False),
        (Vector("i16", (1, 0, 2, 0, 3, 0, 4, 0)), Vector("i32", (1, 2, 3, 4)), True),
        (Vector("f32", (Nan.CANONICAL, 0, 0, 0)), Vector("i64", (0x7FC00000, 0)), True),
        (Vector("f32", (Nan.CANONICAL, 0, 0, 0)), Vector("i64", (0x7FC00001, 0)), False),
        (Ref("refnull", is_null=True), Ref("funcref", is_null=True), True),
        (Ref("externref", value=1), Ref("externref", value=1), True),
        (Ref("externref", value=1), Ref("externref", value=2), False),
        (Ref("externref"), Ref("externref", value=2), True),
        (Ref("externref"), Ref("externref", is_null=True), False),
        (Ref("funcref"), Ref("externref", value=0), False),
        (Ref("nullfuncref"), Ref("funcref", is_null=True), True),
        (Ref("eqref"), Ref("i31ref", value=5), True),
    ],
)
def test_values_agree_bit_by_bit(expected: Value, actual: Value, agrees: bool) -> None:
    assert value_agrees(expected, actual) is agrees


def test_texts_agree_by_their_beginning() -> None:
    assert trap_text_agrees("integer overflow", "integer overflow")
    assert trap_text_agrees("uninitialized element 2", "uninitialized element")
    assert not trap_text_agrees("uninitialized element", "undefined element")
    assert not trap_text_agrees("integer overflow", "integer")
    assert refusal_text_agrees("type mismatch", "type mismatch: expected i32")
    assert not refusal_text_agrees("type mismatch", "unknown type")


@pytest.mark.parametrize("text", ["0", "-0", "1.5", "inf", "-inf", "nan", "-nan:0x200000", "nan:0x1", "0x1p-149"])
def test_floats_cross_the_interface_exactly(text: str) -> None:
    bits32, bits64 = parse_float(text, 32), parse_float(text, 64)
    assert f32_from_python(f32_to_python(bits32)) == bits32
    assert f64_from_python(f64_to_python(bits64)) == bits64


# ---- the list of what is out of scope


def failed(line: int, cause: Cause) -> Result:
    return Result(line, "assert_return", Status.FAILED, "detail", cause)


def judge(listed: str, *results: Result) -> tuple[list[Status], int]:
    """Statuses and the number of entries that excuse nothing."""
    judged = apply(parse_list(listed.splitlines()), ScriptResult("g", "s", results))
    return [result.status for result in judged.results], len(judged.stale)


def test_only_what_is_unsupported_is_excused() -> None:
    results = [Result(1, "module"), failed(2, Cause.UNSUPPORTED), failed(3, Cause.WRONG)]
    statuses = [Status.PASSED, Status.OUT_OF_SCOPE, Status.FAILED]
    assert judge("g/s simd not yet", *results) == (statuses, 0)


def test_an_entry_for_a_line_excuses_that_line() -> None:
    results = [failed(2, Cause.UNSUPPORTED), failed(3, Cause.UNSUPPORTED)]
    assert judge("g/s:3 simd not yet", *results) == ([Status.FAILED, Status.OUT_OF_SCOPE], 0)


def test_an_entry_that_excuses_nothing_is_a_failure() -> None:
    assert judge("g/s simd not yet", Result(1, "module")) == ([Status.PASSED], 1)
    assert judge("g/s:7 simd not yet", failed(2, Cause.UNSUPPORTED)) == ([Status.FAILED], 1)
    assert judge("g/other simd not yet", Result(1, "module")) == ([Status.PASSED], 0)
    assert ScriptResult("g", "s", stale=("entry",)).failures


def test_without_a_list_what_is_unsupported_is_out_of_scope() -> None:
    judged = excuse_unsupported(ScriptResult("g", "s", (failed(2, Cause.UNSUPPORTED), failed(3, Cause.WRONG))))
    assert [result.status for result in judged.results] == [Status.OUT_OF_SCOPE, Status.FAILED]


def test_the_list_is_read_strictly() -> None:
    assert parse_list(["# comment", "", "g/s:3 simd two words"])[0].reason == "two words"
    for bad in (["g/s simd"], ["g/s dragons not yet"], ["g/s simd a", "g/s gc b"], ["g/s:x simd a"]):
        with pytest.raises(ValueError, match=r"line|invalid"):
            parse_list(bad)
    assert unknown_scripts(parse_list(["g/s simd a", "g/t simd b"]), ["g/s"]) == ["no such script: g/t simd b"]


def test_the_list_itself_can_be_read() -> None:
    assert all(entry.reason for entry in load_list())


# ---- running scripts, with an engine made of dictionaries


class FakeEngine:
    """Modules are what ``answers`` says: exports as a dictionary, or an error to raise."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.encode(): answer for name, answer in answers.items()}

    def prepare(self, modules: Sequence[bytes]) -> None:
        self.prepared = list(modules)

    def compile(self, data: bytes) -> Any:
        answer = self.answers[data]
        if isinstance(answer, RefusedError):
            raise answer
        return answer

    def validate(self, data: bytes, version: str) -> None:
        assert version == "3.0"
        self.compile(data)

    @contextmanager
    def session(self) -> Iterator[FakeEngine]:
        yield self

    def spectest(self) -> dict[str, Any]:
        return {"print": list}

    def instantiate(self, module: Any, find: Any) -> Any:
        if isinstance(module, Exception):
            raise module
        for name in module.get("imports", ()):
            find(*name)
        return module

    def exports(self, instance: Any) -> Mapping[str, Any]:
        return cast(Mapping[str, Any], instance)

    def call(self, extern: Any, args: Sequence[Value]) -> list[Value]:
        if isinstance(extern, Exception):
            raise extern
        return cast(list[Value], extern)


ENGINE = FakeEngine(
    good={"one": [Number("i32", 1)], "trap": TrappedError("unreachable"), "broken": KeyError("oops")},
    importer={"imports": [("m", "one")]},
    lost={"imports": [("nowhere", "one")]},
    simd=RefusedError("simd is not supported", unsupported=True),
    invalid=RefusedError("type mismatch: i32"),
    start=TrappedError("out of bounds memory access"),
)


def run(text: str) -> list[tuple[Status, Cause]]:
    """Run a script that writes its modules as names of ENGINE's answers; every command has a line of its own."""
    script = read_script(text.replace('(module "', '(module binary "').encode(), "test")
    result = run_script(cast(adapter.Engine, ENGINE), script)
    assert len(result.results) == len(script.commands) == len({r.line for r in result.results})
    return [(one.status, one.cause) for one in result.results]


PASSED = (Status.PASSED, Cause.WRONG)
WRONG = (Status.FAILED, Cause.WRONG)
UNSUPPORTED = (Status.FAILED, Cause.UNSUPPORTED)


def test_commands_that_pass() -> None:
    script = """(module "good")
        (assert_return (invoke "one") (i32.const 1))
        (assert_trap (invoke "trap") "unreachable")
        (register "m")
        (module "importer")
        (assert_invalid (module "invalid") "type mismatch")
        (assert_malformed (module quote "(func") "unexpected end")
        (assert_unlinkable (module "lost") "unknown import")
        (assert_trap (module "start") "out of bounds memory access")"""
    assert run(script) == [PASSED] * 9


def test_commands_that_fail() -> None:
    script = """(module "good")
        (assert_return (invoke "one") (i32.const 2))
        (assert_return (invoke "one"))
        (assert_return (invoke "none"))
        (assert_return (invoke "trap"))
        (assert_return (invoke "broken"))
        (assert_trap (invoke "one") "unreachable")
        (assert_trap (invoke "trap") "integer overflow")
        (assert_exhaustion (invoke "trap") "call stack exhausted")
        (assert_trap (module "start") "unreachable")
        (assert_unlinkable (module "start") "unknown import")
        (module "lost")"""
    assert run(script) == [PASSED, *[WRONG] * 11]


def test_modules_accepted_against_expectation() -> None:
    script = """(assert_invalid (module "good") "type mismatch")
        (assert_unlinkable (module "good") "unknown import")
        (assert_trap (module "good") "unreachable")"""
    assert run(script) == [WRONG] * 3


def test_what_depends_on_an_unsupported_module_is_unsupported() -> None:
    script = """(module "good")
        (module "simd")
        (assert_return (invoke "one") (i32.const 1))
        (register "m")
        (module "importer")
        (assert_invalid (module "simd") "type mismatch")"""
    assert run(script) == [PASSED, *[UNSUPPORTED] * 5]


def test_what_depends_on_a_module_wrongly_refused_is_wrong() -> None:
    script = """(module "good")
        (module "invalid")
        (assert_return (invoke "one") (i32.const 1))
        (module "lost")
        (assert_return (invoke "one") (i32.const 1))"""
    assert run(script) == [PASSED, *[WRONG] * 4]


def test_link_errors_are_told_from_traps() -> None:
    assert isinstance(NotLinkedError("x"), Exception)
    assert run('(assert_trap (module "lost") "unreachable")') == [WRONG]


# ---- reports and processes


def test_counts_add_up() -> None:
    results = (Result(1, "module"), failed(2, Cause.WRONG), failed(3, Cause.WRONG).out_of_scope())
    texts = (Result(4, "assert_invalid", text_agrees=True), Result(5, "assert_invalid", text_agrees=False))
    rows = tallies([ScriptResult("a", "s", results), ScriptResult("b", "t", texts)])
    assert list(rows) == ["a", "b", "total"]
    total = rows["total"]
    assert (total.passed, total.failed, total.out_of_scope, total.texts, total.texts_compared) == (3, 1, 1, 1, 2)
    assert "3 passed /      4 in scope /      5 total" in total.row("total")


def test_results_travel_with_test_reports() -> None:
    result = ScriptResult("g", "s", (failed(1, Cause.UNSUPPORTED), Result(2, "module", text_agrees=True)), ("stale",))
    properties: list[tuple[str, object]] = []
    record(properties, result)
    report = pytest.TestReport("id", ("", 0, ""), {}, "passed", None, "call", user_properties=properties)
    assert recorded(report) == result


def die_at_the_second(pipe: Connection, settings: Settings) -> None:
    """A worker that answers one script and dies of a signal at the next."""
    ref = pipe.recv()
    pipe.send(ScriptResult(ref.group, ref.name))
    pipe.recv()
    os.kill(os.getpid(), signal.SIGSEGV)


def test_a_crash_costs_one_script_and_is_reported() -> None:
    worker = Worker(Settings(), die_at_the_second)
    ref = ScriptRef("g", "s", Path("none"))
    try:
        assert worker.run(ref).crash == ""
        assert worker.run(ref).crash == f"the process died (signal {int(signal.SIGSEGV)})"
        assert worker.run(ref).crash == ""
    finally:
        worker.stop()
