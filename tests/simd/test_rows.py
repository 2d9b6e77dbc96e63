"""The rows of vector instructions, the two forms of simd.h's machine part, and how shuffles are written."""

from __future__ import annotations

import random
import re

from aot.abi import include_dir
from aot.emit import EmitOptions, plan_module, render_body, render_chunk, render_module
from aot.wasm.features import Features
from aot.wasm.load import load_module
from aot.wasm.opcodes_simd import FIRST_RELAXED, PREFIX, SIMD
from tests.wasm_builder import ModuleBuilder
from tests.wast.assemble import assemble

V128 = b"\x7b"
HEADERS = include_dir() / "wasm2so"


def test_all_vector_instructions_are_there() -> None:
    numbers = [op.code & 0xFFFF for op in SIMD]
    assert {op.code >> 16 for op in SIMD} == {PREFIX}
    unused = set(bytes.fromhex("9a a2 a5 a6 af b0 b2 b3 b4 bb c2 c5 c6 cf d0 d2 d3 d4 e2 ee"))
    assert sorted(numbers) == sorted({*range(0x100)} - unused | {*range(FIRST_RELAXED, 0x114)})
    assert sum(number < FIRST_RELAXED for number in numbers) == 236


def functions(header: str) -> set[str]:
    return set(re.findall(r"^W2S_INLINE \w+ (w2s_\w+)\(", (HEADERS / header).read_text(), re.MULTILINE))


def test_both_forms_of_the_machine_part_have_the_same_functions() -> None:
    assert functions("simd_sse41.h") == functions("simd_plain.h")
    assert len(functions("simd_plain.h")) > 100


def shuffled(lanes: bytes) -> str:
    """The C of a shuffle of two parameters by ``lanes``."""
    builder = ModuleBuilder()
    builder.function(builder.type(V128 * 2, V128), b"\x20\x00\x20\x01\xfd\x0d" + lanes)
    module = load_module(builder.build(), Features())
    return render_body(module, plan_module(module, EmitOptions()), 0)


def test_shuffles_are_written_in_wider_lanes_where_those_move_whole() -> None:
    chooser = random.Random(20)
    for width in (1, 2, 4, 8):
        for _ in range(50):
            wide = [chooser.randrange(32 // width) for _ in range(16 // width)]
            lanes = bytes(lane * width + k for lane in wide for k in range(width))
            match = re.search(r"W2S_SHUFFLE(\d+)\(l0, l1, ([\d, ]+)\)", shuffled(lanes))
            assert match
            bytes_ = int(match[1]) // 8
            assert bytes_ >= width
            chosen = [int(lane) for lane in match[2].split(", ")]
            assert bytes(lane * bytes_ + k for lane in chosen for k in range(bytes_)) == lanes


def includes(text: str) -> tuple[bool, bool]:
    """Whether module.h and the functions include simd.h."""
    module = load_module(assemble(text.encode()), Features())
    plan = plan_module(module, EmitOptions())
    line = "#include <wasm2so/simd.h>"
    return line in render_module(module, plan, "")["module.h"].decode(), line in render_chunk(module, plan, 0).text


def test_only_what_uses_vectors_includes_their_header() -> None:
    assert includes("(module (func (param i32) (result i32) (local.get 0)))") == (False, False)
    assert includes("(module (func (drop (i8x16.all_true (i8x16.splat (i32.const 1))))))") == (False, True)
    assert includes("(module (func (local v128)))") == (False, True)
    assert includes("(module (type (func (param v128))))") == (True, False)
    assert includes('(module (import "" "" (global v128)))') == (True, False)
