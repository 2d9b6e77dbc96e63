"""The C of function bodies, compared with what stands at the end of each `.wat` file.

A file is a module in text form and then, for each of its functions, a line ``;; func N`` and the body's lines behind
``;; ``. ``pytest tests/golden --update`` writes them anew; read the difference before you commit it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aot.emit import EmitOptions, plan_module, render_body
from aot.wasm.decode import decode_module
from aot.wasm.validate import validate_module
from tests.wast.assemble import assemble

FILES = sorted(Path(__file__).parent.glob("*.wat"))
MAX_LINES = 60

_EXPECTED = re.compile(r"^;; func \d+$", re.MULTILINE)


def split(text: str) -> tuple[str, str]:
    """The module's text and the expected C."""
    match = _EXPECTED.search(text)
    return (text[: match.start()], text[match.start() :]) if match else (text, "")


def render(text: str) -> str:
    """The expected C as it should be written."""
    module = decode_module(assemble(text.encode()))
    validate_module(module)
    plan = plan_module(module, EmitOptions())
    lines: list[str] = []
    for func in range(module.n_imported_funcs, len(module.func_types)):
        lines.append(f";; func {func}")
        body = render_body(module, plan, func).splitlines()
        lines += [f";; {line}".rstrip() for line in body if line.strip()]
    return "".join(line + "\n" for line in lines)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(path: Path, request: pytest.FixtureRequest) -> None:
    text = path.read_text()
    wat, expected = split(text)
    actual = render(wat)
    if request.config.getoption("--update"):
        path.write_text(f"{wat.rstrip()}\n\n{actual}")
        return
    assert actual == expected, "the emitted C changed: `pytest tests/golden --update` rewrites the file"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden_files_are_fit_to_read(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0].startswith(";;! "), "the first line says what the file shows"
    assert len(lines) <= MAX_LINES


def test_there_are_golden_files() -> None:
    assert len(FILES) >= 25
