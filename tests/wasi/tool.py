"""The guest program of these tests (programs/tool.c), compiled once a session."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import aot
from aot.wasi import CAPTURE, Finished

PROGRAM = Path(__file__).with_name("programs") / "tool.wasm"


@functools.cache
def module() -> aot.Module:
    return aot.load(PROGRAM, aot.Config(opt_level=1))


def run(*args: str, **world: Any) -> Finished:
    """Run ``tool ARGS`` with its output captured unless ``world`` says otherwise."""
    given: dict[str, Any] = {"stdout": CAPTURE, "stderr": CAPTURE, **world}
    return aot.wasi.run(module(), aot.Wasi(["tool", *args], **given))


SCRIPT = """
import sys
import aot
from aot.wasi import CAPTURE, INHERIT
from tests.wasi import tool
"""


def script(text: str) -> list[str]:
    """The command line of a Python process that runs ``text`` behind the imports above."""
    module()  # so that it need not compile
    return [sys.executable, "-c", SCRIPT + text]
