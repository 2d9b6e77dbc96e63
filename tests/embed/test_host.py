"""Python functions called from wasm: arguments, results, exceptions, nesting, callers."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest

import aot
from tests.embed.conftest import Compile

ONE = """(module (import "env" "f" (func $f (param {p}) (result {r})))
  (func (export "g") (param {p}) (result {r}) {body}))"""


def through(wat: Compile, params: str, results: str, f: Callable[..., Any]) -> Any:
    """A wasm function that hands its arguments to ``f`` and returns what that returns."""
    body = "".join(f"local.get {i} " for i in range(len(params.split()))) + "call $f"
    return wat(ONE.format(p=params, r=results, body=body))(env={"f": f}).g


@pytest.mark.parametrize(
    ("type_", "values"),
    [
        ("i32", [0, -1, 2**31 - 1, -(2**31)]),
        ("i64", [0, -1, 2**63 - 1, -(2**63)]),
        ("f32", [0.5, -1.25]),
        ("f64", [0.1, 1e300]),
        ("externref", [None, "x", object]),
        ("funcref", [None]),
    ],
)
def test_one_of_each_type(wat: Compile, type_: str, values: list[object]) -> None:
    seen: list[object] = []

    def f(value: object) -> object:
        seen.append(value)
        return value

    g = through(wat, type_, type_, f)
    assert [g(value) for value in values] == values
    assert seen == values


def test_arguments_keep_their_order(wat: Compile) -> None:
    g = through(wat, "i32 i64 f32 f64 externref", "externref f64 f32 i64 i32", lambda *args: args[::-1])
    assert g(1, 2, 3.0, 4.0, "five") == ("five", 4.0, 3.0, 2, 1)


def test_more_arguments_than_registers(wat: Compile) -> None:
    n = 40
    g = through(wat, "i32 f64 " * (n // 2), "i64", lambda *args: sum(int(a) for a in args))
    assert g(*range(n)) == sum(range(n))


def test_no_result(wat: Compile) -> None:
    out: list[int] = []
    g = through(wat, "i32", "", out.append)
    assert g(5) is None
    assert out == [5]
    with pytest.raises(TypeError, match=r"(?m)^env\.f\(\): expected no result \(None\), not int$"):
        through(wat, "", "", lambda: 1)()


def test_unsigned_results_are_taken(wat: Compile) -> None:
    assert through(wat, "", "i32", lambda: 2**32 - 1)() == -1
    assert through(wat, "", "i32", lambda: True)() == 1


@pytest.mark.parametrize(
    ("results", "value", "error", "message"),
    [
        ("i32", "x", TypeError, r"^env\.f\(\): result \(i32\): expected an int, not str$"),
        ("i32", None, TypeError, r"expected an int, not NoneType$"),
        ("i32", 2**32, OverflowError, r"^env\.f\(\): result \(i32\): 4294967296 is out of range$"),
        ("f64", "x", TypeError, r"expected a float, not str$"),
        ("funcref", 1, TypeError, r"expected a Func or None, not int$"),
        ("i32 i32", 1, TypeError, r"^env\.f\(\): expected a sequence of 2 results, not int$"),
        ("i32 i32", (1,), TypeError, r"^env\.f\(\): expected 2 results, not 1$"),
        ("i32 i32", (1, "x"), TypeError, r"^env\.f\(\): result 2 \(i32\): expected an int, not str$"),
    ],
)
def test_wrong_results(wat: Compile, results: str, value: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"(?m){message}"):  # a note follows
        through(wat, "", results, lambda: value)()


def test_lists_serve_as_several_results(wat: Compile) -> None:
    assert through(wat, "", "i32 i32", lambda: [1, 2])() == (1, 2)


@pytest.mark.parametrize(
    "error", [ValueError("no"), KeyboardInterrupt(), SystemExit(3), aot.Trap("mine"), StopIteration(1)]
)
def test_exceptions_come_back_as_themselves(wat: Compile, error: BaseException) -> None:
    def f() -> None:
        raise error

    g = through(wat, "", "", f)
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            g()
        assert caught.value is error
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        assert "raise error" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_wasm_stops_where_the_host_function_failed(wat: Compile) -> None:
    inst = wat("""(module (import "env" "f" (func $f)) (global (export "n") (mut i32) (i32.const 0))
      (func (export "g") (global.set 0 (i32.const 1)) (call $f) (global.set 0 (i32.const 2))))""")(
        env={"f": lambda: 1 / 0}
    )
    with pytest.raises(ZeroDivisionError):
        inst.g()
    assert inst.n.value == 1


def test_exception_from_the_start_function(wat: Compile) -> None:
    module = wat('(module (import "env" "f" (func $f)) (start $f))')
    with pytest.raises(ZeroDivisionError):
        module(env={"f": lambda: 1 / 0})
    called: list[int] = []
    module(env={"f": lambda: called.append(1)})
    assert called == [1]


NEST = """(module (import "env" "down" (func $down (param i32) (result i32)))
  (func (export "f") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then unreachable)
      (else (i32.add (i32.const 1) (call $down (i32.sub (local.get 0) (i32.const 1))))))))"""


def test_nested_six_deep(wat: Compile) -> None:
    def down(n: int) -> int:
        return 100 if n == 0 else int(inst.f(n))

    inst = wat(NEST)(env={"down": down})
    assert inst.f(6) == 106


def test_a_trap_in_the_depth_passes_through_every_level(wat: Compile) -> None:
    levels: list[int] = []

    def down(n: int) -> int:
        try:
            return int(inst.f(n))
        finally:
            levels.append(n)

    inst = wat(NEST)(env={"down": down})
    with pytest.raises(aot.Trap) as caught:
        inst.f(6)
    assert caught.value.trap_code is aot.TrapCode.UNREACHABLE
    assert levels == [0, 1, 2, 3, 4, 5]


def test_an_exception_can_be_handled_half_way(wat: Compile) -> None:
    def down(n: int) -> int:
        if n == 0:
            raise LookupError("bottom")
        try:
            return int(inst.f(n))
        except LookupError:
            if n != 3:
                raise
            return 50

    inst = wat(NEST)(env={"down": down})
    assert inst.f(6) == 53
    with pytest.raises(LookupError, match="bottom"):
        inst.f(2)


def recursive(wat: Compile, store: aot.Store | None = None) -> aot.Instance:
    """``g`` calls itself, by way of the host."""

    def f() -> None:
        inst.g()

    inst = wat('(module (import "env" "f" (func $f)) (func (export "g") (call $f)))')(env={"f": f}, store=store)
    return inst


def test_recursion_through_the_host_ends(wat: Compile) -> None:
    inst = recursive(wat)
    with pytest.raises((RecursionError, aot.Trap)) as caught:
        inst.g()
    if isinstance(caught.value, aot.Trap):
        assert caught.value.trap_code is aot.TrapCode.STACK_OVERFLOW
    with pytest.raises((RecursionError, aot.Trap)):
        inst.g()


def test_recursion_through_the_host_ends_at_the_stack_limit(wat: Compile, engine: aot.Engine) -> None:
    store = aot.Store(engine)
    store.set_limits(stack_size=64 << 10)
    inst = recursive(wat, store)
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(100_000)
    try:
        with pytest.raises(aot.Trap) as caught:
            inst.g()
    finally:
        sys.setrecursionlimit(old)
    assert caught.value.trap_code is aot.TrapCode.STACK_OVERFLOW


def test_func_made_by_hand(wat: Compile, store: aot.Store) -> None:
    i32 = aot.ValType.i32()
    double = aot.Func(store, aot.FuncType([i32], [i32]), lambda x: 2 * x)
    assert double.type() == aot.FuncType([i32], [i32])
    assert double(21) == 42
    assert double(store, 21) == 42
    with pytest.raises(TypeError, match="expected an int"):
        double("x")
    inst = wat(ONE.format(p="i32", r="i32", body="local.get 0 call $f"))(env={"f": double}, store=store)
    assert inst.g(4) == 8

    def fail() -> None:
        raise LookupError("direct")

    with pytest.raises(LookupError, match="direct"):
        aot.Func(store, aot.FuncType([], []), fail)()


def test_func_refuses_what_does_not_fit(store: aot.Store) -> None:
    void = aot.FuncType([], [])
    with pytest.raises(TypeError, match="expected a callable"):
        aot.Func(store, void, 1)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="expected a FuncType"):
        aot.Func(store, None, print)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="expected a Store"):
        aot.Func(None, void, print)  # type: ignore[call-overload]


CALLER = """(module (import "env" "f" (func $f (param i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "{letter}")
  (func (export "g") (result i32) (call $f (i32.const 7))))"""


def test_caller_shows_the_instance_that_imported_the_function(wat: Compile, store: aot.Store) -> None:
    i32 = aot.ValType.i32()

    def f(caller: aot.Caller, x: int) -> int:
        assert caller.store is store
        assert caller.get("nothing") is None
        with pytest.raises(KeyError):
            caller["nothing"]
        return int(caller["memory"].read(caller, 0, 1)[0]) + x

    func = aot.Func(store, aot.FuncType([i32], [i32]), f, access_caller=True)
    a = wat(CALLER.format(letter="a"))(env={"f": func}, store=store)
    b = wat(CALLER.format(letter="b"))(env={"f": func}, store=store)
    relay = wat("""(module (import "b" "g" (func $g (result i32))) (memory (export "memory") 1)
      (func (export "g") (result i32) (call $g)))""")(b=b, store=store)
    assert [a.g(), b.g(), relay.g(), a.g()] == [ord("a") + 7, ord("b") + 7, ord("b") + 7, ord("a") + 7]


def test_caller_in_a_start_function(wat: Compile, store: aot.Store) -> None:
    seen: list[bytes] = []
    func = aot.Func(store, aot.FuncType([], []), lambda caller: seen.append(caller["m"][0:2]), access_caller=True)
    wat("""(module (import "env" "f" (func $f)) (memory (export "m") 1) (data (i32.const 0) "hi") (start $f))""")(
        env={"f": func}, store=store
    )
    assert seen == [b"hi"]


def test_caller_of_a_direct_call_is_nobody(store: aot.Store) -> None:
    seen: list[object] = []
    aot.Func(store, aot.FuncType([], []), lambda caller: seen.append(caller.get("m")), access_caller=True)()
    assert seen == [None]


def test_host_functions_see_a_consistent_store(wat: Compile) -> None:
    inst = wat("""(module (import "env" "f" (func $f)) (memory (export "memory") 1 3)
      (func (export "g") (result i32)
        (i32.store8 (i32.const 0) (i32.const 5)) (call $f)
        (i32.add (i32.load8_u (i32.const 0)) (memory.size))))""")

    def f() -> None:
        assert instance.memory[0] == 5
        instance.memory.grow(1)
        instance.memory[0] = 9

    instance = inst(env={"f": f})
    assert instance.g() == 11
