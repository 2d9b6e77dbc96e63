"""Types of host functions out of their annotations, and what annotations say against an import's type.

``i32`` ... ``externref`` are what annotations are made of where a Python type is not enough: ``int`` may be an i32 or
an i64. Type checkers take them for int, float, bytes, Func or None, and any object.
"""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Literal,
    Never,
    NewType,
    NoReturn,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from aot.embed._native import BoundFunc, ffi, lib
from aot.embed.types import FuncType, ValType
from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.func import Func

i32 = Annotated[int, ValType.i32()]
i64 = Annotated[int, ValType.i64()]
f32 = Annotated[float, ValType.f32()]
f64 = Annotated[float, ValType.f64()]
v128 = Annotated[bytes, ValType.v128()]
funcref = Annotated["Func | None", ValType.funcref()]
externref = Annotated[Any, ValType.externref()]

MISSING: Any = inspect.Parameter.empty
"""There is no annotation, or none that could be evaluated."""

_CALLER_NAMES = frozenset(("Caller", "aot.Caller"))
_UNIONS = (Union, types.UnionType)
_ANYTHING = (Any, object, MISSING)
_NUMBERS: dict[int, type] = {lib.W2S_I32: int, lib.W2S_I64: int, lib.W2S_F32: float, lib.W2S_F64: float}


@dataclass(frozen=True, slots=True)
class Signature:
    """What a callable says about itself: names and annotations of its positional parameters, without a leading
    `Caller`, and the annotation of its result.
    """

    params: tuple[tuple[str, Any], ...]
    required: int
    """How many parameters have no default."""
    variadic: bool
    result: Any
    wants_caller: bool
    keywords: tuple[str, ...]
    """Keyword-only parameters without a default: nothing can call such a function from wasm."""


@dataclass(slots=True, unsafe_hash=True)
class _Source:
    """What a signature is made of; not changed. Equal ones, such as those of a closure made anew for each instance, are
    read once. ``names`` tells what annotations written as strings mean.
    """

    code: types.CodeType
    annotations: tuple[tuple[str, Any], ...]
    n_defaults: int
    keyword_defaults: tuple[str, ...]
    n_bound: int
    """How many arguments methods and partial calls put in front."""
    given: frozenset[str]
    """What partial calls give by name."""
    names_id: int
    names: dict[str, Any] = field(compare=False)


def signature_of(func: Callable[..., Any]) -> Signature | None:
    """None if the callable has no annotations, or nothing is known of it. Cheap if it was asked before."""
    try:
        source = _source_of(func)
    except (NameError, ValueError):  # annotations evaluated just now; a circle of wrappers
        return None
    if source is None:
        return None
    try:
        return _read(source)
    except TypeError:  # an annotation that cannot be hashed
        return _read.__wrapped__(source)


def _source_of(func: Any) -> _Source | None:
    n_bound = 0
    given: set[str] = set()
    while not isinstance(func, types.FunctionType) or "__wrapped__" in func.__dict__:
        if isinstance(func, types.FunctionType):
            func = inspect.unwrap(func)
        elif isinstance(func, types.MethodType):
            func, n_bound = func.__func__, n_bound + 1
        elif isinstance(func, functools.partial):
            n_bound += len(func.args)
            given.update(func.keywords)
            func = func.func
        else:
            call = None if isinstance(func, type) else getattr(type(func), "__call__", None)  # noqa: B004, its signature is wanted
            if not isinstance(call, types.FunctionType):
                return None
            func, n_bound = call, n_bound + 1
    annotations = func.__annotations__
    if not annotations:
        return None
    names = func.__globals__
    return _Source(
        func.__code__,
        tuple(annotations.items()),
        len(func.__defaults__ or ()),
        tuple(func.__kwdefaults__ or ()),
        n_bound,
        frozenset(given),
        id(names),
        names,
    )


@functools.lru_cache(maxsize=1024)
def _read(source: _Source) -> Signature:
    code, hints = source.code, dict(source.annotations)
    n = code.co_argcount
    end = next((i for i, name in enumerate(code.co_varnames[:n]) if name in source.given), n)
    first = min(source.n_bound, end)
    if first < end:
        written = hints.get(code.co_varnames[first], MISSING)
        caller = _is_caller(written, _evaluate(written, source.names))
    else:
        caller = False
    params = code.co_varnames[first + caller : end]
    keywords = code.co_varnames[n : n + code.co_kwonlyargcount]
    return Signature(
        tuple((name, _evaluate(hints.get(name, MISSING), source.names)) for name in params),
        max(0, min(end, n - source.n_defaults) - first - caller),
        bool(code.co_flags & inspect.CO_VARARGS) and end == n,
        _evaluate(hints.get("return", MISSING), source.names),
        caller,
        tuple(name for name in keywords if name not in source.keyword_defaults and name not in source.given),
    )


def _evaluate(annotation: Any, names: dict[str, Any]) -> Any:
    """The annotation; one written as a string is evaluated where the function was defined."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, names)  # the embedder's own source text
    except Exception:  # such as names that are imported for type checkers only
        return MISSING


def _is_caller(written: Any, hint: Any) -> bool:
    from aot.embed.func import Caller

    if hint is MISSING:
        return isinstance(written, str) and written in _CALLER_NAMES
    return isinstance(hint, type) and issubclass(hint, Caller)


def wants_caller(func: Callable[..., Any]) -> bool:
    """Whether the first parameter is annotated `Caller`."""
    found = signature_of(func)
    return found is not None and found.wants_caller


# ---- deriving a type ---------------------------------------------------------------------------------------------


def func_type_of(func: Callable[..., Any]) -> FuncType:
    """The type that the annotations say. Raises UsageError naming a parameter that says no WebAssembly type.

    ``float`` is f64; ``int`` says too little. A result is None, one type, or a tuple of types.
    """
    name = getattr(func, "__name__", "") or "the host function"
    found = signature_of(func)
    if found is None:
        raise UsageError(f"{name}() has no annotations to derive its type from; use aot.i32, aot.i64, aot.f64 ...")
    if found.variadic or found.keywords:
        raise UsageError(f"{name}() has no fixed number of parameters")
    params = [_val_type(hint, f"{name}(): parameter {param!r}") for param, hint in found.params]
    result = _awaited(found.result)
    if result in (None, type(None), Never, NoReturn):
        return FuncType(params, [])
    where = f"{name}(): the result"
    several = get_args(result) if get_origin(result) is tuple else (result,)
    return FuncType(params, [_val_type(hint, where) for hint in several])


def _val_type(hint: Any, where: str) -> ValType:
    exact = exact_type(hint)
    if exact is not None:
        return exact
    if hint is float:
        return ValType.f64()
    if hint is MISSING:
        raise UsageError(f"{where} has no annotation")
    if hint is int:
        raise UsageError(f"{where} is int, which may be i32 or i64: annotate it aot.i32 or aot.i64")
    raise UsageError(f"{where} is {text_of(hint)}, which is no WebAssembly type: use aot.i32, aot.externref ...")


def exact_type(hint: Any) -> ValType | None:
    """The `ValType` that an annotation carries, such as ``aot.i32``; None if it carries none."""
    if get_origin(hint) is Annotated:
        return next((data for data in hint.__metadata__ if isinstance(data, ValType)), None)
    return hint if isinstance(hint, ValType) else None


# ---- checking against a type -------------------------------------------------------------------------------------


def contradiction(found: Signature, wanted: FuncType) -> str | None:
    """What annotations say against being called as ``wanted``, in words; None if nothing does."""
    n = len(wanted.params)
    if found.keywords:
        return f"parameter {found.keywords[0]!r} can only be given by name"
    if n < found.required:
        return f"the host function needs {found.required} arguments, the import gives {n}"
    if n > len(found.params) and not found.variadic:
        return f"the host function takes {len(found.params)} of the {n} arguments that the import gives"
    for (name, hint), given in zip(found.params, wanted.params, strict=False):
        if not admits(hint, given, is_result=False):
            return f"parameter {name!r} is {text_of(hint)}, the import gives {given}"
    return _result_contradiction(_awaited(found.result), wanted.results)


def _result_contradiction(hint: Any, wanted: tuple[ValType, ...]) -> str | None:
    if any(hint is anything for anything in (*_ANYTHING, Never, NoReturn)):
        return None
    nothing = hint is None or hint is type(None)
    if len(wanted) != 1:
        results = get_args(hint) if get_origin(hint) is tuple else None
        if len(wanted) == 0:
            fits = nothing
        elif results is None or Ellipsis in results:
            fits = get_origin(hint) in (tuple, list) or hint in (tuple, list)
        else:
            fits = len(results) == len(wanted) and all(
                admits(one, t, is_result=True) for one, t in zip(results, wanted, strict=True)
            )
    else:
        fits = wanted[0].is_ref if nothing else admits(hint, wanted[0], is_result=True)
    if fits:
        return None
    words = " ".join(map(str, wanted)) or "no result"
    return f"the result is {text_of(hint)}, the import expects {words}"


def _awaited(hint: Any) -> Any:
    """What awaiting gives, of an annotation that says so."""
    kind = get_origin(hint) or hint
    if kind is not Generator and not (isinstance(kind, type) and hasattr(kind, "__await__")):
        return hint  # the result of types.coroutine says Generator
    return get_args(hint)[-1] if get_args(hint) else MISSING


def admits(hint: Any, val_type: ValType, *, is_result: bool) -> bool:
    """Whether a value of ``val_type`` may stand where ``hint`` is, or for a result the other way round."""
    if any(hint is anything for anything in _ANYTHING) or isinstance(hint, TypeVar):
        return True
    exact = exact_type(hint)
    if exact is not None:
        return exact == val_type or _related(exact, val_type)
    origin = get_origin(hint)
    if origin is Annotated:
        return admits(get_args(hint)[0], val_type, is_result=is_result)
    if isinstance(hint, NewType):
        return admits(hint.__supertype__, val_type, is_result=is_result)
    if origin in _UNIONS:
        return any(admits(one, val_type, is_result=is_result) for one in get_args(hint))
    if origin is Literal:
        return any(admits(type(one), val_type, is_result=is_result) for one in get_args(hint))
    if hint is None or hint is type(None):
        return val_type.is_ref
    kind = origin or hint
    return _class_admits(kind, val_type, is_result=is_result) if isinstance(kind, type) else True


def _class_admits(kind: type, val_type: ValType, *, is_result: bool) -> bool:
    code = val_type._code
    if code in _NUMBERS:
        number = _NUMBERS[code]
        if is_result:
            return hasattr(kind, "__index__") or (number is float and hasattr(kind, "__float__"))
        return issubclass(kind, number) or _is_abstract(kind, number) or (number is int and kind is float)
    if code == lib.W2S_V128:
        return not issubclass(kind, (int, float, str)) if is_result else _is_abstract(kind, bytes)
    if _related(val_type, ValType.funcref()):
        return issubclass(kind, BoundFunc) or _is_abstract(kind, BoundFunc)
    return True


def _is_abstract(kind: type, of: type) -> bool:
    """Whether ``kind`` is ``of`` or something that ``of`` is, such as a protocol."""
    try:
        return issubclass(of, kind)
    except TypeError:  # a protocol that cannot be asked
        return True


def _related(one: ValType, other: ValType) -> bool:
    """Whether one is a subtype of the other."""
    pair = ffi.new("struct w2s_valtype[2]", [(t._code, 0, t._heap) for t in (one, other)])
    return bool(lib.w2s_valtype_matches(pair, pair + 1) or lib.w2s_valtype_matches(pair + 1, pair))


def text_of(hint: Any) -> str:
    exact = exact_type(hint)
    if exact is not None:
        return str(exact)
    return hint.__name__ if isinstance(hint, type) else str(hint)
