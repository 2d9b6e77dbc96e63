"""Functions with huge frames that call themselves without end: the stack check must see the frame coming.

Without optimisation, whatever compilers inline keeps its variables in the frame, and frames are largest.

Each runs in a process of its own, which a frame that jumps the stack's reserve would kill.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wasm_builder import FUNC, ModuleBuilder, uleb

REPOSITORY = Path(__file__).parents[2]
REPEATS = 20_000

F32, F64, V128 = b"\x7d", b"\x7c", b"\x7b"
CHAINS = {
    "f32.min": (F32, b"\x96"),
    "f64.nearest": (F64, b"\xa1\x9e"),
    "f32x4.min": (V128, b"\xfd\xe8\x01"),
    "i8x16.swizzle": (V128, b"\xfd\x0e"),
}
"""Name -> type of the operands, and an instruction of two operands."""

RUN = """
import sys
from pathlib import Path
import aot
path, cc, value = sys.argv[1:]
engine = aot.Engine(aot.Config(fast=True) if cc == "tcc" else aot.Config(cc=cc, opt_level=0))
function = aot.Instance(aot.Store(engine), aot.Module(engine, Path(path).read_bytes()), []).exports["f"]
argument = bytes(16) if value == "v128" else 1.0
try:
    function(argument, argument)
except aot.Trap as trap:
    print(trap.message)
"""


def recursive_module(type_: bytes, instruction: bytes) -> bytes:
    """A function that applies an instruction many times, then calls itself with the result."""
    builder = ModuleBuilder()
    ty = builder.type(type_ * 2, type_)
    get, set_, call = b"\x20", b"\x21", b"\x10"
    code = get + uleb(0) + (get + uleb(1) + instruction) * REPEATS + set_ + uleb(0)
    builder.function(ty, code + get + uleb(0) + get + uleb(1) + call + uleb(0))
    builder.export("f", FUNC, 0)
    return builder.build()


@pytest.mark.slow
@pytest.mark.parametrize("cc", ["gcc", "clang", "tcc"])
@pytest.mark.parametrize("chain", CHAINS)
def test_endless_recursion_with_large_frames_traps(chain: str, cc: str, tmp_path: Path) -> None:
    if shutil.which(cc) is None:
        pytest.skip(f"{cc} is not installed")
    type_, instruction = CHAINS[chain]
    module = tmp_path / "module.wasm"
    module.write_bytes(recursive_module(type_, instruction))
    arguments = (str(module), cc, "v128" if type_ == V128 else "float")
    done = subprocess.run(
        [sys.executable, "-c", RUN, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=600
    )
    assert (done.returncode, done.stdout.strip()) == (0, "call stack exhausted"), done.stderr[-2000:]
