"""docs/compat.md says of every setting what it does."""

from __future__ import annotations

from pathlib import Path

import aot.compat.wasmtime as wasmtime

PAGE = (Path(__file__).parents[2] / "docs" / "compat.md").read_text()


def test_every_setting_is_in_the_table() -> None:
    table = PAGE.partition("## Settings")[2].partition("## Differences")[0]
    settings = {name for name in vars(wasmtime.Config) if not name.startswith("_")}
    assert len(settings) > 40
    assert {name for name in settings if f"`{name}`" not in table} == set()
