"""Exports looked up by kind, and functions with the type that is expected of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest

import aot
from tests.embed.conftest import Compile

ALL_KINDS = """(module
  (func (export "f") (param i32 i64) (result f64) (f64.const 0.5))
  (func (export "two") (result i32 f32) (i32.const 1) (f32.const 2))
  (func (export "nothing"))
  (func (export "refs") (param externref funcref) (result externref) (local.get 0))
  (memory (export "memory") 1) (memory (export "shared") 1 1 shared) (table (export "table") 1 funcref)
  (global (export "global") i32 (i32.const 7)) (tag (export "tag") (param i32)))"""

KINDS = {
    "f": "get_func",
    "memory": "get_memory",
    "shared": "get_shared_memory",
    "table": "get_table",
    "global": "get_global",
    "tag": "get_tag",
}


def test_each_export_is_found_by_its_kind_and_no_other(wat: Compile) -> None:
    inst = wat(ALL_KINDS)()
    for name, getter in KINDS.items():
        assert inst.get_export(name) is inst.exports[name]
        assert getattr(inst, getter)(name) is inst.exports[name]
        others = set(KINDS.values()) - {getter}
        assert [getattr(inst, other)(name) for other in others] == [None] * len(others)
        assert getattr(inst, getter)("none") is None
    assert inst.get_export("none") is None


def test_exports_are_made_when_they_are_asked_for(wat: Compile) -> None:
    made: list[str] = []

    class Watched(aot.Store):
        def _export(self, instance: int, nth: int, name: str, /) -> Any:
            made.append(name)
            return super()._export(instance, nth, name)

    inst = wat(ALL_KINDS)(store=Watched(wat("(module)").engine))
    assert made == []
    assert inst.get_func("f") is inst.f
    assert inst.get_func("f") is inst.exports["f"]
    assert made == ["f"]


class Two(Protocol):
    def __call__(self) -> tuple[int, float]: ...


def f_like(a: int, b: aot.i64) -> float:
    raise NotImplementedError


def two_like() -> tuple[aot.i32, aot.f32]:
    raise NotImplementedError


def nothing_like() -> None: ...


def refs_like(a: object, b: aot.Func | None) -> Any: ...


F_TYPE = aot.FuncType([aot.ValType.i32(), aot.ValType.i64()], [aot.ValType.f64()])


@pytest.mark.parametrize(
    ("name", "like", "more"),
    [
        ("f", F_TYPE, {}),
        ("f", f_like, {}),
        ("f", None, {"params": (aot.i32, aot.ValType.i64()), "results": aot.f64}),
        ("f", None, {"results": [float]}),
        ("f", None, {"params": [int, int]}),
        ("two", Two, {}),
        ("two", two_like, {}),
        ("two", None, {"results": (aot.i32, aot.f32)}),
        ("nothing", nothing_like, {}),
        ("nothing", None, {"params": (), "results": ()}),
        ("refs", refs_like, {}),
        ("refs", None, {"params": (aot.externref, aot.funcref), "results": aot.externref}),
    ],
)
def test_a_function_of_the_expected_type(wat: Compile, name: str, like: Any, more: dict[str, Any]) -> None:
    inst = wat(ALL_KINDS)()
    assert inst.get_typed_func(name, like, **more) is inst.exports[name]


class NotTwo(Protocol):
    def __call__(self, a: int) -> tuple[int, float]: ...


def text_like(a: str, b: int) -> float:
    raise NotImplementedError


def one_result_like() -> aot.i32:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("name", "like", "more", "reason"),
    [
        ("f", aot.FuncType([], []), {}, r"its type is \[i32 i64\] -> \[f64\], not \[\] -> \[\]"),
        ("f", text_like, {}, r"its parameters are \[i32 i64\], not \[str int\]"),
        ("f", None, {"params": (aot.i64, aot.i64)}, r"its parameters are \[i32 i64\], not \[i64 i64\]"),
        ("f", None, {"params": aot.i32}, r"its parameters are \[i32 i64\], not \[i32\]"),
        ("f", None, {"results": aot.i32}, r"its results are \[f64\], not \[i32\]"),
        ("f", None, {"results": ()}, r"its results are \[f64\], not \[\]"),
        ("two", NotTwo, {}, r"its parameters are \[\], not \[int\]"),
        ("two", one_result_like, {}, r"its results are \[i32 f32\], not \[i32\]"),
        ("nothing", None, {"results": aot.i32}, r"its results are \[\], not \[i32\]"),
    ],
)
def test_a_function_of_another_type(wat: Compile, name: str, like: Any, more: dict[str, Any], reason: str) -> None:
    with pytest.raises(aot.LinkError, match=f"^the function '{name}' is not as expected: {reason}$"):
        wat(ALL_KINDS)().get_typed_func(name, like, **more)


def wants_caller(caller: aot.Caller, a: int) -> None: ...


def unsaid(a, b):  # type: ignore[no-untyped-def]
    ...


@pytest.mark.parametrize("like", [wants_caller, unsaid, 5])
def test_what_says_no_type_of_an_export(wat: Compile, like: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        wat(ALL_KINDS)().get_typed_func("f", like)


@pytest.mark.parametrize("name", ["none", "memory"])
def test_no_function_of_that_name(wat: Compile, name: str) -> None:
    with pytest.raises(aot.LinkError, match=f"the instance exports no function '{name}'"):
        wat(ALL_KINDS)().get_typed_func(name)


def test_type_checkers_know_what_a_typed_function_takes(wat: Compile) -> None:
    inst = wat(ALL_KINDS)()
    f: Callable[[int, int], float] = inst.get_typed_func("f", f_like)
    assert f(1, 2) == 0.5
    assert inst.get_typed_func("two", Two)() == (1, 2.0)
