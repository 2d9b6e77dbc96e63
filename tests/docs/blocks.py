"""Runs the code blocks of a document in order, in a folder: ``python -m tests.docs.blocks DOCUMENT FOLDER``.

- ``python``: executed; all blocks share their names. A ``text`` block behind it is what it prints.
- ``pycon``: an interactive session, compared as doctest does (``...`` stands for anything).
- ``console``: lines that begin with ``$`` are commands of a shell, what follows is their output, errors included. A
  command must succeed unless its output ends with a line ``[exit status N]``.
- Any block whose first line is a comment with nothing but a file's name is written to that file instead.

All others are not run.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FENCE = re.compile(r"^```(\w*)\s*$")
_FILE = re.compile(r"^(?:#|;;|//|/\*|<!--)\s*([\w/-]+\.\w+)\s*(?:\*/|-->)?$")
_STATUS = re.compile(r"\[exit status (\d+)\]\n\Z")
_OPTIONS = doctest.ELLIPSIS


@dataclass(frozen=True, slots=True)
class Block:
    language: str
    text: str
    line: int
    """Of the block's first line in the document."""


class Mismatch(Exception):  # noqa: N818, says what it is
    """A block did not do what the document says."""


def blocks(document: str) -> Iterator[Block]:
    """The fenced blocks of a document.

    >>> [block] = blocks("text\\n```python\\nx = 1\\n```\\n")
    >>> block.language, block.text, block.line
    ('python', 'x = 1\\n', 3)
    """
    language: str | None = None
    lines: list[str] = []
    start = 0
    for number, line in enumerate(document.splitlines(), 1):
        fence = _FENCE.match(line)
        if language is None and fence:
            language, lines, start = fence[1], [], number + 1
        elif language is not None and fence:
            yield Block(language, "".join(f"{line}\n" for line in lines), start)
            language = None
        else:
            lines.append(line)


class Runner:
    """Runs blocks in the current folder."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._printed: str | None = None
        self.n_run = 0

    def run(self, block: Block) -> None:
        """Raises Mismatch, and what a Python block raises."""
        printed, self._printed = self._printed, None
        first, _, rest = block.text.partition("\n")
        named = _FILE.match(first)
        if block.language == "text":
            if printed is not None:
                self._compare(block, block.text, printed)
        elif named and block.language not in ("console", "pycon"):
            path = Path(named[1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rest)
        elif block.language == "python":
            self._python(block)
        elif block.language == "pycon":
            self._session(block)
        elif block.language == "console":
            self._console(block)
        else:
            return
        self.n_run += 1

    def _python(self, block: Block) -> None:
        out = io.StringIO()
        code = compile("\n" * (block.line - 1) + block.text, self._name, "exec")
        with contextlib.redirect_stdout(out):
            exec(code, self._names)
        self._printed = out.getvalue()

    def _session(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.text, self._names, self._name, self._name, block.line - 1)
        out = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=_OPTIONS)
        failed = runner.run(test, out=out.write, clear_globs=False)
        self._names.update(test.globs)
        if failed.failed:
            raise Mismatch(out.getvalue())

    def _console(self, block: Block) -> None:
        parts = re.split(r"^\$ ((?:.*\\\n)*.*)\n", block.text, flags=re.MULTILINE)
        if parts[0]:
            raise Mismatch(f"{self._name}:{block.line}: a console block begins with a command")
        for command, expected in zip(parts[1::2], parts[2::2], strict=True):
            done = subprocess.run(
                command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
            )
            status = f"[exit status {done.returncode}]\n" if done.returncode else ""
            if bool(_STATUS.search(expected)) is not bool(status):
                raise Mismatch(f"{self._name}:{block.line}: $ {command}\n{done.stdout}{status}")
            self._compare(block, expected, done.stdout + status)

    def _compare(self, block: Block, expected: str, got: str) -> None:
        if not doctest.OutputChecker().check_output(expected, got, _OPTIONS):
            raise Mismatch(f"{self._name}:{block.line}: expected\n{expected}\ngot\n{got}")


def main(document: Path) -> None:
    """Run all blocks and say what does not match; the first Python block that raises ends it."""
    runner = Runner(str(document))
    mismatches = []
    for block in blocks(document.read_text(encoding="utf-8")):
        try:
            runner.run(block)
        except Mismatch as err:
            mismatches.append(str(err))
    if mismatches:
        sys.exit("\n".join(mismatches))
    print(f"{runner.n_run} blocks")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
