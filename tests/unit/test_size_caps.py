"""No file over 800 lines, no function over 80: beyond that it is two things."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MAX_FILE = 800
MAX_FUNCTION = 80
EXEMPT = frozenset(("aot/wasm/opcodes.py", "aot/wasm/opcodes_simd.py"))
"""Data: a row per opcode."""

_C_SIGNATURE = re.compile(r"^[A-Za-z_].*\(")


def sources(*suffixes: str) -> list[Path]:
    folders = ("aot", "runtime_c", "tests", "samples", "bench")
    found = [path for folder in folders for suffix in suffixes for path in (REPOSITORY / folder).rglob(f"*{suffix}")]
    made = REPOSITORY / "runtime_c" / "build"
    return sorted(path for path in found if not path.is_relative_to(made))


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def python_functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            yield node.name, node.end_lineno - node.lineno + 1


def c_functions(text: str) -> Iterator[tuple[str, int]]:
    """Bodies between a signature at the left margin and the closing brace there, as the project writes C."""
    start, signature = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if _C_SIGNATURE.match(line) and not line.rstrip().endswith(";"):
            start, signature = number, line
        elif line.startswith("}") and start:
            yield signature, number - start + 1
            start = 0


@pytest.mark.parametrize("path", sources(".py", ".c", ".h"), ids=name)
def test_size(path: Path) -> None:
    text = path.read_text()
    if name(path) not in EXEMPT:
        assert len(text.splitlines()) <= MAX_FILE
    functions = python_functions(text) if path.suffix == ".py" else c_functions(text)
    assert [(function, lines) for function, lines in functions if lines > MAX_FUNCTION] == []


def test_the_scan_of_c_sees_functions() -> None:
    text = "struct s {\n  int a;\n};\nstatic int f(int a,\n             int b) {\n  return a;\n}\nint g(void);\n"
    assert list(c_functions(text)) == [("static int f(int a,", 4)]
