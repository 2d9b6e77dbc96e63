"""Host functions and their annotations: checked against imports, types derived from them, callers passed on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NewType

import pytest

import aot
from aot import Caller
from tests.embed.conftest import Compile

if TYPE_CHECKING:
    from somewhere import Elsewhere  # type: ignore[import-not-found]

TAKES = '(module (import "env" "f" (func $f (param {p}) (result {r}))) (memory (export "memory") 1))'
Pointer = NewType("Pointer", int)


def _int_float_to_int(a: int, b: float) -> int:
    return a + int(b)


def _exact(a: aot.i32, b: aot.f64) -> aot.i32:
    return a


def _pointer(a: Pointer, b: Any) -> bool:
    return bool(a)


def _defaults(a: int, b: float = 0.5, c: str = "") -> int:
    return a


def _rest(a: int, *b: str) -> int:
    return a


def _unknown(a: Elsewhere, b: Elsewhere) -> Elsewhere:
    return a


def _tower(a: float, b: float) -> int:
    return 1


@pytest.mark.parametrize("f", [_int_float_to_int, _exact, _pointer, _defaults, _rest, _unknown, _tower, lambda a, b: 1])
def test_annotations_that_agree(wat: Compile, f: Callable[..., Any]) -> None:
    wat(TAKES.format(p="i32 f64", r="i32"))(env={"f": f})


def _vector(a: bytes) -> bytes:
    return a


def _function(a: aot.Func | None) -> aot.funcref:
    return a


def _callable(a: Callable[..., Any] | None) -> None:
    return None


def _extern(a: list[str]) -> aot.externref:
    return a


async def _coroutine(a: int) -> int:
    return a


def _pair(a: int) -> tuple[int, float]:
    return a, 0.5


@pytest.mark.parametrize(
    ("params", "results", "f"),
    [
        ("v128", "v128", _vector),
        ("funcref", "funcref", _function),
        ("funcref", "funcref", _callable),
        ("externref", "externref", _extern),
        ("i64", "i64", _coroutine),
        ("i32", "i32 f32", _pair),
    ],
)
def test_annotations_of_other_types(wat: Compile, params: str, results: str, f: Callable[..., Any]) -> None:
    wat(TAKES.format(p=params, r=results))(env={"f": f})


def _swapped(a: float, b: int) -> int:
    return b


def _text(a: str, b: float) -> int:
    return 0


def _wide(a: aot.i64, b: float) -> int:
    return a


def _short(a: int) -> int:
    return a


def _long(a: int, b: float, c: int) -> int:
    return a


def _named(a: int, b: float, *, c: int) -> int:
    return a


def _nothing(a: int, b: float) -> None:
    return None


def _two(a: int, b: float) -> tuple[int, int]:
    return a, a


@pytest.mark.parametrize(
    ("f", "problem"),
    [
        (_swapped, "parameter 'b' is int, the import gives f64"),
        (_text, "parameter 'a' is str, the import gives i32"),
        (_wide, "parameter 'a' is i64, the import gives i32"),
        (_short, "the host function takes 1 of the 2 arguments that the import gives"),
        (_long, "the host function needs 3 arguments, the import gives 2"),
        (_named, "parameter 'c' can only be given by name"),
        (_nothing, "the result is None, the import expects i32"),
        (_two, r"the result is tuple\[int, int\], the import expects i32"),
    ],
)
def test_annotations_that_contradict(wat: Compile, f: Callable[..., Any], problem: str) -> None:
    module = wat(TAKES.format(p="i32 f64", r="i32"))
    with pytest.raises(aot.LinkError, match=rf'^incompatible import type: "env" "f" \(func .*\): {problem}$'):
        module(env={"f": f})


def _float() -> float:
    return 0.5


def _three() -> tuple[int, float, int]:
    return 1, 0.5, 1


def _int() -> int:
    return 1


@pytest.mark.parametrize(
    ("results", "f"), [("i32", _float), ("i32 f64", _three), ("", _int), ("v128", _int), ("i32 i32", _int)]
)
def test_results_that_contradict(wat: Compile, results: str, f: Callable[..., Any]) -> None:
    with pytest.raises(aot.LinkError, match="the result is .*, the import expects"):
        wat(TAKES.format(p="", r=results))(env={"f": f})


CALLS = """(module (import "env" "log" (func $log (param i32 i32))) (memory (export "memory") 1)
  (data (i32.const 16) "hello") (func (export "run") (call $log (i32.const 16) (i32.const 5))))"""


class Logger:
    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def method(self, caller: aot.Caller, at: int, size: int) -> None:
        self.seen.append(caller.memory[at : at + size])

    def __call__(self, caller: Caller, at: int, size: int) -> None:
        self.method(caller, at, size)


@pytest.mark.parametrize("how", ["method", "object", "partial", "wrapped"])
def test_a_first_parameter_annotated_caller_gets_it(wat: Compile, how: str) -> None:
    logger = Logger()

    def plain(log: Logger, caller: Caller, at: int, size: int) -> None:
        log.method(caller, at, size)

    @functools.wraps(logger.method)
    def wrapped(*args: Any) -> None:
        logger.method(*args)

    given = {"method": logger.method, "object": logger, "partial": functools.partial(plain, logger), "wrapped": wrapped}
    wat(CALLS)(env={"log": given[how]}).run()
    assert logger.seen == [b"hello"]


def test_caller_shows_exports(wat: Compile) -> None:
    seen: list[Any] = []

    def log(caller: Caller, at: int, size: int) -> None:
        assert caller["memory"] is caller.memory is caller.get("memory")
        seen.extend([hasattr(caller, "nothing"), caller.get("nothing"), hasattr(caller, "__len__")])

    wat(CALLS)(env={"log": log}).run()
    assert seen == [False, None, False]


def test_a_type_derived_from_annotations(store: aot.Store) -> None:
    def every(
        caller: Caller,
        a: aot.i32,
        b: aot.i64,
        c: aot.f32,
        d: aot.f64,
        e: aot.v128,
        f: aot.funcref,
        g: aot.externref,
        h: float,
        i: Annotated[int, "anything", aot.ValType.i64()],
    ) -> tuple[aot.i32, aot.externref]:
        return a + b, caller

    func = aot.Func.from_callable(store, every)
    assert str(func.type()) == "[i32 i64 f32 f64 v128 funcref externref f64 i64] -> [i32 externref]"
    total, caller = func(1, 2, 0.5, 0.5, bytes(16), None, None, 0.5, 4)
    assert total == 3
    assert isinstance(caller, Caller)


def test_func_of_a_store_and_a_callable(store: aot.Store) -> None:
    def half(x: aot.f64) -> aot.f64:
        return x / 2

    def stop() -> None:
        return None

    assert aot.Func(store, half)(3.0) == 1.5
    assert str(aot.Func(store, stop).type()) == "[] -> []"


def test_what_no_type_can_be_derived_from(store: aot.Store) -> None:
    def f_int(a: int) -> None: ...
    def f_none(a) -> None: ...  # type: ignore[no-untyped-def]
    def f_str(a: aot.i32) -> str:
        return str(a)

    def f_rest(*a: aot.i32) -> None: ...
    def f_result(a: aot.i32): ...  # type: ignore[no-untyped-def]

    for func, problem in (
        (f_int, r"f_int\(\): parameter 'a' is int, which may be i32 or i64: annotate it aot.i32 or aot.i64"),
        (f_none, r"f_none\(\): parameter 'a' has no annotation"),
        (f_str, r"f_str\(\): the result is str, which is no WebAssembly type"),
        (f_rest, r"f_rest\(\) has no fixed number of parameters"),
        (f_result, r"f_result\(\): the result has no annotation"),
        (lambda: 1, r"<lambda>\(\) has no annotations to derive its type from"),
        (print, r"print\(\) has no annotations"),
    ):
        with pytest.raises(aot.UsageError, match=f"^{problem}"):
            aot.Func(store, func)


def test_linker_decorator(wat: Compile, engine: aot.Engine) -> None:
    linker = aot.Linker(engine)
    seen: list[bytes] = []

    @linker.func("env")
    def log(caller: Caller, at: aot.i32, size: aot.i32) -> None:
        seen.append(caller.memory[at : at + size])

    @linker.func("env", "other-name")
    def other() -> aot.i64:
        return 7

    linker.instantiate(aot.Store(engine), wat(CALLS)).exports["run"]()
    assert seen == [b"hello"]
    assert linker.get(aot.Store(engine), "env", "other-name")() == other() == 7
    with pytest.raises(aot.UsageError, match="already defined"):
        linker.func("env")(log)


def test_explicit_types_are_not_second_guessed(store: aot.Store) -> None:
    def f(a: str) -> str:
        return a

    i32 = aot.ValType.i32()
    assert aot.Func(store, aot.FuncType([i32], [i32]), f)(3) == 3
