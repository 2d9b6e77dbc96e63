"""Custom sections are kept in the compiled file and can be read from the module."""

from __future__ import annotations

from pathlib import Path

import aot
from tests.wasm_builder import HEADER, name, section


def custom(label: str, contents: bytes) -> bytes:
    return section(0, name(label) + contents)


def test_custom_sections_survive_compilation(tmp_path: Path) -> None:
    wasm = HEADER + custom("notes", b"one") + custom("other", b"\0\xff*/") + custom("notes", b"")
    out = tmp_path / "m.so"
    aot.compile(wasm, out)
    for module in (aot.load(wasm), aot.load(out)):
        assert module.custom_sections("notes") == [b"one", b""]
        assert module.custom_sections("other") == [b"\0\xff*/"]
        assert module.custom_sections("none") == []
