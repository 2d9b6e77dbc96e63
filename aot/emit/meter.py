"""Fuel and epochs: where generated code counts what it does, and where it looks whether it is to stop.

A *region* is a stretch of instructions that are executed together: it begins at the function's start, a loop's head, a
label that is branched to, and behind every branch and call, and its cost is taken off the store's fuel where it begins.
What a run costs is therefore a property of the module alone. Regions that can be entered again and again, the first
ones of the function and of each loop, also look whether fuel is left; the others are too short to matter.

An instruction costs 1, as in wasmtime; `FREE` ones cost nothing, entering a function costs 1, and the bulk instructions
cost 1 more for each byte, element or page.
"""

from __future__ import annotations

from collections.abc import Callable

from aot.emit.state import BodyState, bare
from aot.wasm.opcodes import BY_CODE

FREE = frozenset({"unreachable", "nop", "drop", "block", "loop", "else", "end", "return"})

COSTS: tuple[int, ...] = tuple(
    0 if (op := BY_CODE.get(code)) is not None and op.name in FREE else 1 for code in range(256)
)
"""The cost of an instruction by its first opcode byte."""


def begin(st: BodyState) -> None:
    """Enter the function: its first region, and a look at the epoch. To be called before anything is written."""
    if st.cx.options.epochs:
        st.write("w2s_epoch(vm);")
    if st.metered:
        st.cost = 1
        _open(st, "w2s_burn")


def loop_head(st: BodyState) -> None:
    """Behind the label of a loop."""
    if st.cx.options.epochs:
        st.write("w2s_epoch(vm);")
    if st.metered:
        _close(st)
        _open(st, "w2s_burn")


def forget_loop_head(st: BodyState, line: int) -> None:
    """Nothing branches to the loop whose label is ``lines[line]``: it needs no looks."""
    if st.lines[line + 1 : line + 2] == ["w2s_epoch(vm);"]:
        st.lines[line + 1] = ""
        line += 1
    if st.metered:
        st.lines[line + 1] = st.lines[line + 1].replace("w2s_burn", "w2s_count")


def cut(st: BodyState) -> None:
    """What follows is not always executed together with what came before."""
    if st.metered:
        _close(st)
        _open(st, "w2s_count")


def finish(st: BodyState) -> None:
    """The end of the function."""
    if st.metered:
        _close(st)


def bulk(st: BodyState, n: str) -> None:
    """An instruction does something ``n`` times (a C expression)."""
    if st.metered:
        st.write(f"w2s_burn_bulk(vm, {bare(n)});")


def counting(code: int, step: Callable[[BodyState, int], None]) -> Callable[[BodyState], None]:
    """``step`` for instructions that begin with ``code``, which also counts them."""
    cost = COSTS[code]

    def count_and_step(st: BodyState) -> None:
        if st.live:
            st.cost += cost
        step(st, code)

    return count_and_step


def _open(st: BodyState, helper: str) -> None:
    """Leave a line for the cost of the region that begins here."""
    st.region = len(st.lines) if st.live else -1
    st.write(helper)


def _close(st: BodyState) -> None:
    """Write down the cost of the region that ends here."""
    if st.region >= 0:
        helper = st.lines[st.region]
        st.lines[st.region] = f"{helper}(vm, {st.cost}u);" if st.cost or helper == "w2s_burn" else ""
    st.region, st.cost = -1, 0
