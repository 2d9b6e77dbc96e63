"""The working state of one function body: symbolic operand stack, control stack, and the C lines written so far.

Invariant of the operand stack: every expression on it mentions only constants, temporaries, block results and locals
whose value has not changed since it was pushed. Evaluating it later, or twice, therefore gives the same value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from aot.emit import names
from aot.emit.context import BOTTOM, ModuleContext, StackType, type_name
from aot.errors import InvalidError
from aot.wasm.subtyping import ref_matches
from aot.wasm.types import RefType

MAX_PENDING_CHARS = 160
MAX_PENDING_DEPTH = 8
PENDING_WINDOW = 64
"""How far above a frame's height pending expressions may mention locals: bounds the work of `settle`."""

_MENTIONS_LOCAL = re.compile(r"\bl\d")


@dataclass(slots=True)
class Clause:
    """A catch clause. ``tag`` is None if it catches all; ``keeps`` says that the exception can be thrown again.

    ``target`` is where a clause of try_table branches to. The code of a legacy clause follows it: ``line`` is where
    it takes the exception, and ``keep`` the C that does so if it keeps it.
    """

    tag: int | None
    keeps: bool = False
    target: Frame | None = None
    line: int = -1
    keep: str = ""


@dataclass(slots=True)
class Handlers:
    """The handlers of a try: C label ``H{label}``. ``used`` tells whether code that can run may throw to it.

    ``outer`` are those that get what is not caught here; None is the function's caller.
    """

    label: int
    outer: Handlers | None
    clauses: list[Clause] = field(default_factory=list)
    used: bool = False


@dataclass(slots=True)
class Frame:
    """An entry of the control stack (spec: Validation Algorithm), with what its C label needs.

    ``height`` is the operand stack's height below its parameters; ``reached`` tells whether the C code before it can
    run; ``used`` whether any branch that can run goes to its label.
    """

    kind: str  # "func" "block" "loop" "if" "else" "try_table" "try" "catch"
    params: tuple[StackType, ...]
    results: tuple[StackType, ...]
    height: int
    label: int
    reached: bool
    unreachable: bool = False
    used: bool = False
    declared: bool = False  # its variables are declared
    loop_line: int = -1  # where the loop's label stands, to drop it if unused
    else_exprs: tuple[str, ...] = ()  # the parameters again, for the else part
    n_set: int = 0  # how many non-defaultable locals were set on entry
    throws_to: Handlers | None = None  # what gets an exception that is thrown here
    handlers: Handlers | None = None  # its own
    close: Callable[[BodyState, Frame], None] | None = None  # writes the handlers at the frame's end

    @property
    def branch_types(self) -> tuple[StackType, ...]:
        """What a branch to this label carries."""
        return self.params if self.kind == "loop" else self.results


def bare(expr: str) -> str:
    """An expression without its outer parentheses, for places where C needs none.

    Every expression that begins with a parenthesis is enclosed in it, except those that begin with a cast.
    """
    return expr[1:-1] if expr[0] == "(" and expr[1:5] != "uint" else expr


def _write_nothing(line: str) -> None:
    """Where lines of code that can never run go."""


@dataclass(slots=True)
class BodyState:
    """See the module's docstring. ``pos`` and ``at`` are byte positions in ``data``, the body's own bytes."""

    cx: ModuleContext
    func: int
    data: bytes
    pos: int
    local_types: list[StackType]
    n_params: int
    some_unset: bool  # some local has no default value
    hints: dict[int, bool]  # position of an `if` or `br_if` -> likely?
    types: list[StackType] = field(default_factory=list)
    exprs: list[str] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    height: int = 0
    live: bool = True
    lines: list[str] = field(default_factory=list)
    write: Callable[[str], None] = _write_nothing
    declarations: list[str] = field(default_factory=list)
    used_locals: set[int] = field(default_factory=set)
    set_locals: list[int] = field(default_factory=list)
    memories: set[int] = field(default_factory=set)
    callees: set[int] = field(default_factory=set)
    func_types: set[int] = field(default_factory=set)
    at: int = 0
    n_temps: int = 0
    n_labels: int = 0
    calls: bool = False
    vectors: bool = False
    """The C code needs simd.h for more than what the module's types mention."""
    atomics: bool = False
    """The C code needs atomic.h: it has atomic instructions, or uses a shared memory."""
    tail_calls: bool = False
    jumps: set[int] = field(default_factory=set)
    """Own functions that tail calls may jump to."""
    indirect_jumps: set[int] = field(default_factory=set)
    """Canonical types of other functions that they may jump to."""
    tail: list[str] = field(default_factory=list)
    """Lines behind the body's own: handlers."""
    throws: bool = False
    """An exception may leave the function."""
    exceptions: bool = False
    """The C code needs exception.h."""
    keeps: bool = False
    """The function's frame owns exception handles."""
    exn_locals: tuple[int, ...] | None = None
    open_catches: list[int] = field(default_factory=list)
    """Labels of the legacy handlers whose code this is part of."""
    self_tail_calls: bool = False
    metered: bool = False
    """The code counts fuel (see `aot.emit.meter`)."""
    cost: int = 0
    """Of the region that is being written, so far."""
    region: int = -1
    """The line that the cost goes to; none if negative."""

    marks: list[tuple[int, int]] | None = None
    """If lines are to be numbered: how many lines there were behind the instruction at a position."""

    def __post_init__(self) -> None:
        self.write = self.lines.append
        self.marks = [] if self.cx.options.offsets else None
        self.metered = self.cx.options.fuel

    # -- liveness ------------------------------------------------------------------------------------------------

    def set_live(self, live: bool) -> None:
        """Say whether the C code that follows can run; lines that cannot are not written."""
        self.live = live
        self.write = self.lines.append if live else _write_nothing

    def stop(self) -> None:
        """After an instruction that never falls through: what follows type checks against a polymorphic stack."""
        frame = self.frames[-1]
        del self.types[frame.height :]
        del self.exprs[frame.height :]
        frame.unreachable = True
        self.set_live(False)

    # -- operands ------------------------------------------------------------------------------------------------

    def push(self, t: StackType, expr: str) -> None:
        self.types.append(t)
        self.exprs.append(expr)

    def pop(self, expected: StackType) -> str:
        """Pop one operand of type ``expected``; returns its C expression. Raises InvalidError."""
        if len(self.types) <= self.height:
            if self.frames[-1].unreachable:
                return "0"
            raise InvalidError(f"type mismatch: expected {type_name(expected)} but the stack is empty")
        actual = self.types.pop()
        if actual != expected and not self.matches(actual, expected):
            raise InvalidError(f"type mismatch: expected {type_name(expected)} but got {type_name(actual)}")
        return self.exprs.pop()

    def pop_any(self) -> tuple[StackType, str]:
        """Pop one operand of any type. Raises InvalidError."""
        if len(self.types) <= self.height:
            if self.frames[-1].unreachable:
                return BOTTOM, "0"
            raise InvalidError("type mismatch: expected a value but the stack is empty")
        return self.types.pop(), self.exprs.pop()

    def pop_all(self, expected: tuple[StackType, ...]) -> list[str]:
        """Pop operands of types ``expected`` (the last on top); returns their expressions in order."""
        found = [self.pop(t) for t in reversed(expected)]
        found.reverse()
        return found

    def matches(self, actual: StackType, expected: StackType) -> bool:
        """Is ``actual`` a subtype of ``expected``?"""
        if actual in (expected, BOTTOM) or expected == BOTTOM:
            return True
        if isinstance(actual, RefType) and isinstance(expected, RefType):
            return ref_matches(self.cx.module, actual, expected)
        return False

    def name(self, ctype: str, expr: str) -> str:
        """Write ``expr`` out now, as a temporary; returns the temporary's name.

        Vectors are not const: clang tries to evaluate constant ones, along the whole chain of their initialisers.
        """
        name = f"t{self.n_temps}"
        self.n_temps += 1
        if ctype == "w2s_v128":
            self.write(f"{ctype} {name} = {expr};")
        else:
            self.write(f"const {ctype} {name} = {expr};" if ctype[-1] != "*" else f"{ctype}const {name} = {expr};")
        return name

    def redirect(self, temporary: str, variable: str) -> bool:
        """Turn the line that has just named ``temporary``, read by nothing else, into an assignment to ``variable``.

        Returns False, having done nothing, if the last line is another one.
        """
        if not self.lines or not self.live or temporary != f"t{self.n_temps - 1}":
            return False
        head, found, expr = self.lines[-1].partition(f" {temporary} = ")
        if not found or not head.startswith(("const ", "w2s_v128")):
            return False
        self.lines[-1] = f"{variable} = {expr}"
        self.n_temps -= 1
        return True

    def push_named(self, t: StackType, expr: str) -> None:
        """Push the value of ``expr``, evaluated now."""
        self.push(t, self.name(self.cx.ctype(t), expr))

    def push_pure(self, t: StackType, expr: str) -> None:
        """Push a pure expression, which stays pending unless it has grown long or deep."""
        if len(expr) > 40 and (len(expr) > MAX_PENDING_CHARS or expr.count("(") > MAX_PENDING_DEPTH):
            expr = self.name(self.cx.ctype(t), bare(expr))
        self.push(t, expr)

    # -- settling ------------------------------------------------------------------------------------------------

    def settle(self, local: str) -> None:
        """Name every pending expression that mentions ``local``; call before writing it (Step/local.set).

        The test is textual and may name too much ("l1" is in "l12"), never too little. Entries below the frame were
        settled when it was entered, and those more than PENDING_WINDOW above its height never mention a local.
        """
        exprs = self.exprs
        for i in range(self.height, min(len(exprs), self.height + PENDING_WINDOW + 1)):
            if local in exprs[i]:
                exprs[i] = self.name(self.cx.ctype(self.types[i]), bare(exprs[i]))

    def settle_all(self) -> None:
        """Name every pending expression that mentions any local; call before code that may run any number of times."""
        exprs = self.exprs
        for i in range(self.height, min(len(exprs), self.height + PENDING_WINDOW + 1)):
            if _MENTIONS_LOCAL.search(exprs[i]):
                exprs[i] = self.name(self.cx.ctype(self.types[i]), bare(exprs[i]))

    def push_result(self, t: StackType, expr: str) -> None:
        """Push a pending expression that comes out of a block, keeping the rule of `push_local`."""
        if len(self.types) >= self.height + PENDING_WINDOW and _MENTIONS_LOCAL.search(expr):
            expr = self.name(self.cx.ctype(t), bare(expr))
        self.push(t, expr)

    def push_local(self, index: int) -> None:
        """Push a read of local ``index``: pending, unless the stack is so deep that settling would cost too much."""
        t = self.local_types[index]
        if len(self.types) < self.height + PENDING_WINDOW:
            self.push(t, names.local(index))
        else:
            self.push_named(t, names.local(index))

    # -- control -------------------------------------------------------------------------------------------------

    def frame_at(self, depth: int) -> Frame:
        """The target of a branch ``depth`` labels up. Raises InvalidError."""
        if depth >= len(self.frames):
            raise InvalidError(f"unknown label {depth}")
        return self.frames[-1 - depth]

    def new_label(self) -> int:
        self.n_labels += 1
        return self.n_labels

    @contextmanager
    def behind(self) -> Iterator[None]:
        """Write lines that can run behind the body's own."""
        live, write = self.live, self.write
        self.live, self.write = True, self.tail.append
        yield
        self.live, self.write = live, write

    def declare(self, ctype: str, name: str) -> None:
        """Declare a variable at the top of the function."""
        star = "" if ctype[-1] == "*" else " "
        self.declarations.append(f"{ctype}{star}{name};")

    # -- names of things -----------------------------------------------------------------------------------------

    def local(self, index: int) -> str:
        """The C name of a local that is read or written. Raises InvalidError for an unknown one."""
        if index >= len(self.local_types):
            raise InvalidError(f"unknown local {index}")
        self.used_locals.add(index)
        return names.local(index)
