"""The opcode table and the handlers of the emitter divide the instructions between them."""

from __future__ import annotations

import re

import pytest

from aot.abi import include_dir
from aot.emit.handlers import HANDLERS
from aot.wasm.opcodes import TABLE, Effect, Imm, Op

ROWS = pytest.mark.parametrize("op", TABLE, ids=lambda op: op.name)
SIMPLE = [op for op in TABLE if op.c is not None]


def test_every_instruction_is_simple_or_handled_but_not_both() -> None:
    simple = {op.name for op in SIMPLE}
    assert simple.isdisjoint(HANDLERS)
    assert simple | set(HANDLERS) == {op.name for op in TABLE}


def test_codes_and_names_are_unique() -> None:
    assert len({op.code for op in TABLE}) == len(TABLE) == len({op.name for op in TABLE})


def test_the_instructions_of_version_2_without_vectors_are_all_there() -> None:
    single = {op.code for op in TABLE if op.code < 0x100}
    prefixed = {op.code & 0xFFFF for op in TABLE if op.code >> 16 == 0xFC}
    expected = {*range(0x00, 0x06), *range(0x0B, 0x12), *range(0x1A, 0x1D), *range(0x20, 0x27), *range(0x28, 0xC5)}
    assert expected | {0xD0, 0xD1, 0xD2} <= single
    assert prefixed >= set(range(18))


@ROWS
def test_a_template_has_a_place_for_each_operand(op: Op) -> None:
    if op.c is not None and op.imm is Imm.NONE:
        assert op.sig is not None
        assert op.c.count("%s") == len(op.params)


@ROWS
def test_a_signature_is_letters_of_number_types(op: Op) -> None:
    assert (op.sig is None) == (op.c is None)
    if op.sig is not None:
        assert re.fullmatch(r"[ilfdv]*_[ilfdv]?", op.sig)


def test_templates_call_only_functions_of_the_headers() -> None:
    headers = "".join(path.read_text() for path in sorted((include_dir() / "wasm2so").glob("*.h")))
    declared = set(re.findall(r"\b(w2s_\w+)\s*\(", headers))
    called = {name for op in SIMPLE for name in re.findall(r"\b(w2s_\w+)", op.c or "")}
    assert called - declared == set()


@ROWS
def test_what_may_trap_is_never_pending(op: Op) -> None:
    if op.c is not None and "vm" in re.findall(r"\w+", op.c):
        assert op.effect is not Effect.PURE
