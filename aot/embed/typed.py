"""What an embedder says about an exported function: in types, or by the annotations of a callable or protocol."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

from aot.embed.annotations import admits, signature_of, text_of
from aot.embed.types import FuncType, ValType

Types = Any
"""One type of a value, or a sequence of them: a `ValType`, or what annotates host functions (`aot.i32`, float)."""


def disagreement(actual: FuncType, like: Any, params: Types, results: Types) -> str | None:
    """Why a function of type ``actual`` is not what is expected, in words; None if it is.

    ``like`` is a `FuncType`, an annotated callable, or a class whose instances are called like the function.
    """
    if like is not None:
        found = _differs(actual, like) if isinstance(like, FuncType) else _contradicts(actual, like)
        if found is not None:
            return found
    if params is not None and not _fits(_sequence(params), actual.params):
        return f"its parameters are {_words(actual.params)}, not {_words(_sequence(params))}"
    if results is not None and not _fits(_sequence(results), actual.results):
        return f"its results are {_words(actual.results)}, not {_words(_sequence(results))}"
    return None


def _differs(actual: FuncType, expected: FuncType) -> str | None:
    return None if actual == expected else f"its type is {actual}, not {expected}"


def _contradicts(actual: FuncType, like: Any) -> str | None:
    call: Callable[..., Any] = functools.partial(like.__call__, None) if isinstance(like, type) else like
    said = signature_of(call)
    if said is None:
        raise TypeError(f"{getattr(like, '__name__', like)!r} has no annotations that say a function's type")
    if said.wants_caller or said.keywords:
        raise TypeError("wasm functions take arguments by position, and no Caller")
    hints = [hint for _, hint in said.params]
    if said.variadic:
        hints += [Any] * (len(actual.params) - len(hints))
    if not _fits(hints, actual.params):
        return f"its parameters are {_words(actual.params)}, not {_words(hints)}"
    if not _fits(_results(said.result), actual.results):
        return f"its results are {_words(actual.results)}, not {_words(_results(said.result))}"
    return None


def _results(hint: Any) -> Sequence[Any]:
    """Several results are annotated as a tuple."""
    if hint is None or hint is type(None):
        return ()
    return get_args(hint) if get_origin(hint) is tuple else (hint,)


def _sequence(types: Types) -> Sequence[Any]:
    return types if isinstance(types, (list, tuple)) else (types,)


def _fits(hints: Sequence[Any], types: Sequence[ValType]) -> bool:
    return len(hints) == len(types) and all(
        hint == type_ if isinstance(hint, ValType) else admits(hint, type_, is_result=False)
        for hint, type_ in zip(hints, types, strict=True)
    )


def _words(hints: Sequence[Any]) -> str:
    return f"[{' '.join(map(text_of, hints))}]"
