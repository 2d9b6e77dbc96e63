"""docs/seeds.md lists every row of the pages with its tests, and every test there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGES = {0: 17, 1: 17, 4: 7}
"""How many rows each page has."""


def rows(page: int) -> dict[str, list[str]]:
    """Row -> names of its tests."""
    text = (HERE.parents[1] / "docs" / "seeds.md").read_text()
    section = text.split(f"## Page {page},")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    return {cells[0]: re.findall(r"`(test_\w+)`", cells[2]) if len(cells) == 3 else [] for cells in lines}


@pytest.mark.parametrize("page", PAGES)
def test_rows_and_tests_agree(page: int) -> None:
    functions = [
        node
        for node in ast.parse((HERE / f"test_seed_{page}.py").read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    found = rows(page)
    assert len(found) == PAGES[page]
    assert {name for names in found.values() for name in names} == {function.name for function in functions}
    without = [row for row, names in found.items() if not names]
    assert without == (["new: asynchronous store (a panic)"] if page == 1 else [])
    for function in functions:
        said = ast.get_docstring(function) or ""
        assert re.match(rf"Page {page}, (all )?rows?\b", said), f"{function.name} cites no row"
