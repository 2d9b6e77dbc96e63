"""Imports run one way, and the outside world is touched in one layer only."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "aot"

BELOW: dict[str, tuple[str, ...]] = {
    "errors": (),
    "wasm": ("errors",),
    "abi": ("wasm",),
    "emit": ("abi",),
    "build": ("emit",),
    "embed": ("build",),
    "vm": ("embed",),
    "wasi": ("embed",),
    "component": ("embed",),
    "interface": ("embed",),
    "importer": ("wasi",),
    "compat": ("wasi", "component"),
    "program": ("embed",),
    "cli_run": ("program", "build"),
    "cli": ("compat", "vm", "interface", "importer", "cli_run"),
}
"""Each layer's direct support; it may import that and everything below."""

FACE = frozenset(("__init__.py", "__main__.py", "cli_run.py"))
"""Files of the package's own folder that belong to the top layer: its public names and the command line."""

EXTENSION = "_runtime"
"""The compiled extension module; it belongs to embed. `aot.program` uses it in embed's place: see there why."""

RUNS_COMMANDS = frozenset(
    (
        "subprocess",
        "os.exec",
        "os.spawn",
        "os.posix_spawn",
        "os.system",
        "os.popen",
        "os.fork",
        "pty",
        "multiprocessing",
    )
)
CFFI = frozenset(("cffi", "_cffi_backend", f"aot.{EXTENSION}"))


def allowed(layer: str) -> set[str]:
    """The layer itself and everything it may import."""
    found = {layer}
    for support in BELOW[layer]:
        found |= allowed(support)
    return found


def layer_of(path: Path) -> str:
    """The layer a file of the package belongs to; the package's own face belongs to the top one."""
    first = path.relative_to(PACKAGE).parts[0]
    return "cli" if first in FACE else first.removesuffix(".py")


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything a file imports, ``from a import b`` as ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def attributes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every ``module.attribute`` written in a file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.lineno, f"{node.value.id}.{node.attr}"


def upward(path: Path, tree: ast.AST) -> Iterator[str]:
    may = allowed(layer_of(path))
    for line, name in imported(tree):
        parts = name.split(".")
        if parts[0] != "aot" or len(parts) == 1:
            continue
        if parts[1] == EXTENSION and layer_of(path) == "program":
            continue
        target = "embed" if parts[1] == EXTENSION else parts[1]
        if target not in BELOW:
            target = "cli"  # a name of the package's own face
        if target not in may:
            yield f"{path.relative_to(PACKAGE.parent)}:{line} imports {name}"


def uses(tree: ast.AST, names: frozenset[str]) -> Iterator[tuple[int, str]]:
    """What a file mentions of the modules in ``names``, or of the functions of `os` that begin like one of them."""
    functions = tuple(name for name in names if name.startswith("os."))
    modules = tuple(name + "." for name in names)
    for line, name in (*imported(tree), *attributes(tree)):
        if name in names or name.startswith(modules) or (functions and name.startswith(functions)):
            yield line, name


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_downwards(path: Path) -> None:
    assert layer_of(path) in BELOW, "a new layer needs its place in the order"
    assert list(upward(path, ast.parse(path.read_text()))) == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_build_runs_commands_and_only_embed_uses_cffi(path: Path) -> None:
    tree = ast.parse(path.read_text())
    layer = layer_of(path)
    if layer != "build":
        assert list(uses(tree, RUNS_COMMANDS)) == []
    if layer not in ("embed", "program"):
        assert list(uses(tree, CFFI)) == []


def test_the_walk_sees_what_it_should() -> None:
    text = "import subprocess\nfrom os import execv\nimport os\nos.posix_spawn('x')\nfrom aot.embed import store\n"
    tree = ast.parse(text)
    assert [line for line, _ in uses(tree, RUNS_COMMANDS)] == [1, 2, 4]
    assert list(upward(PACKAGE / "wasm" / "reader.py", tree)) == ["aot/wasm/reader.py:5 imports aot.embed.store"]
    assert list(upward(PACKAGE / "wasi" / "x.py", tree)) == []
