"""The commands of a test script as plain data: the common form of `.wast` files and of converted scripts.

Values are bits, never host floats. Two readings of one script compare equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

LANE_BITS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "f32": 32, "f64": 64}


class Nan(Enum):
    """NaN patterns of expected results."""

    CANONICAL = "nan:canonical"
    ARITHMETIC = "nan:arithmetic"


@dataclass(frozen=True, slots=True)
class Number:
    """A number or the pattern of one. ``type`` is i32, i64, f32, f64, or ``float`` (either width, patterns only)."""

    type: str
    bits: int | Nan


@dataclass(frozen=True, slots=True)
class Vector:
    """A v128: ``lane`` is the lanes' type, ``bits`` the lanes from the lowest."""

    lane: str
    bits: tuple[int | Nan, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference. ``type`` is a reference type's name, or ``refnull`` for null of any type.

    ``value`` is a host number, the payload of an i31, or None for "any that is not null".
    """

    type: str
    is_null: bool = False
    value: int | None = None


@dataclass(frozen=True, slots=True)
class Either:
    """Any one of several results."""

    values: tuple[Value, ...]


Value = Number | Vector | Ref | Either


@dataclass(frozen=True, slots=True)
class Source:
    """A module of a script: wasm bytes, or text that was not (or should not be) assembled."""

    data: bytes
    is_text: bool


@dataclass(frozen=True, slots=True)
class Action:
    """Call an export (``invoke``) or read a global (``get``) of the named or the last instance."""

    kind: str
    module: str | None
    name: str
    args: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class DefineModule:
    """``(module ...)``: define and, unless ``only``, instantiate."""

    line: int
    source: Source
    name: str | None = None
    only: bool = False


@dataclass(frozen=True, slots=True)
class Instantiate:
    """``(module instance $instance $module)``."""

    line: int
    instance: str | None
    module: str | None


@dataclass(frozen=True, slots=True)
class Register:
    line: int
    as_name: str
    instance: str | None


@dataclass(frozen=True, slots=True)
class Perform:
    line: int
    action: Action


@dataclass(frozen=True, slots=True)
class AssertReturn:
    line: int
    action: Action
    expected: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class AssertFailure:
    """An action that must not return. ``kind`` is assert_trap, _exhaustion, _exception or _suspension."""

    line: int
    kind: str
    action: Action
    text: str


@dataclass(frozen=True, slots=True)
class AssertModule:
    """A module that must be refused. ``kind`` is assert_malformed, _invalid (and both with _custom), _unlinkable
    or _uninstantiable.
    """

    line: int
    kind: str
    source: Source
    text: str


@dataclass(frozen=True, slots=True)
class Thread:
    line: int
    name: str
    shared_module: str | None
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    line: int
    thread: str


Command = DefineModule | Instantiate | Register | Perform | AssertReturn | AssertFailure | AssertModule | Thread | Wait


@dataclass(frozen=True, slots=True)
class Script:
    """A whole script. ``name`` is for messages; ``features`` are what its valid modules need, if known."""

    name: str
    commands: tuple[Command, ...]
    features: frozenset[str] = field(default=frozenset(), compare=False)


def kind_of(command: Command) -> str:
    """The command's word in a script."""
    match command:
        case AssertFailure(kind=kind) | AssertModule(kind=kind):
            return kind
        case DefineModule(only=only):
            return "module definition" if only else "module"
        case Instantiate():
            return "module instance"
        case Register():
            return "register"
        case Perform():
            return "action"
        case AssertReturn():
            return "assert_return"
        case Thread():
            return "thread"
        case Wait():
            return "wait"


def sources(script: Script) -> list[Source]:
    """The modules of a script that must load, each once, in order."""
    found: dict[Source, None] = {}
    pending = list(reversed(script.commands))
    while pending:
        command = pending.pop()
        if isinstance(command, Thread):
            pending.extend(reversed(command.commands))
        elif isinstance(command, DefineModule) or (
            isinstance(command, AssertModule) and command.kind in ("assert_unlinkable", "assert_uninstantiable")
        ):
            found.setdefault(command.source)
    return list(found)
