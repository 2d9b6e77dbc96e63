"""What the documents show is what happens: every block of code is run, and what it prints compared."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import wasmtime

from tests.docs.blocks import Block, Mismatch, Runner, blocks

ROOT = Path(__file__).parents[2]
DOCUMENTS = {"README.md": 8, "docs/guide.md": 50}
"""And how many blocks of each are run at least. Both may use the modules in ``files``; the guide makes its own."""


def commands(folder: Path) -> Path:
    """A folder with the commands that the documents use, as an installation has them."""
    folder.mkdir()
    for name, words in {"python": [sys.executable], "wasm2so": [sys.executable, "-m", "aot"]}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        script.chmod(0o755)
    return folder


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document(document: str, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for text in (ROOT / "tests" / "docs" / "files").glob("*.wat"):
        (work / f"{text.stem}.wasm").write_bytes(wasmtime.wat2wasm(text.read_text()))
    environment = os.environ | {
        "PATH": f"{commands(tmp_path / 'bin')}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }
    command = [sys.executable, "-m", "tests.docs.blocks", str(ROOT / document)]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert int(done.stdout.split()[-2]) >= DOCUMENTS[document]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("pycon", ">>> 1 + 1\n3\n"),
        ("console", "$ echo a\nb\n"),
        ("console", "$ false\n"),
        ("console", "$ true\n[exit status 1]\n"),
        ("console", "no command\n"),
    ],
)
def test_wrong_blocks_are_found(language: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mismatch):
        Runner("document").run(Block(language, text, 1))


def test_blocks_share_names_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    document = """
```python
x = 41
print("one")
```
```text
one
```
```c
/* file.c */
int a;
```
```pycon
>>> y = x + 1
>>> y
42
```
```console
$ cat file.c; echo \\
   two
int a;
two
$ exit 3
[exit status 3]
```
```python
assert y == 42
```
```sh
exit 1
```
"""
    runner = Runner("document")
    for block in blocks(document):
        runner.run(block)
    assert runner.n_run == 6
    runner.run(Block("python", "print(1)\n", 1))
    with pytest.raises(Mismatch, match="expected"):
        runner.run(Block("text", "2\n", 1))
