"""Python stubs: valid, typed, and harmless whatever a module calls its exports."""

from __future__ import annotations

import ast
from pathlib import Path

import wasmtime
from mypy import api

from aot.interface import of_wasm, python_stub
from aot.interface import stubs as stubs_module
from tests.embed.conftest import *  # noqa: F403, the fixtures of engines
from tests.embed.conftest import Compile
from tests.interface.modules import EVERYTHING, EVIL, both

ROOT = Path(__file__).parents[2]


CONFIG = """\
[mypy]
strict = True
mypy_path = {root}:{folder}
cache_dir = {folder}/cache
[mypy-aot.*]
follow_imports = silent
[mypy-cffi,elftools.*,pycparser.*,tqdm.*,wasmtime.*,_cffi_backend]
ignore_missing_imports = True
"""


def mypy(folder: Path, **sources: str) -> tuple[str, int]:
    """What mypy says about files in a folder."""
    for name, text in sources.items():
        (folder / f"{name}.py").write_text(text)
    config = folder / "mypy.ini"
    config.write_text(CONFIG.format(root=ROOT, folder=folder))
    out, err, status = api.run(["--config-file", str(config), *(str(folder / f"{name}.py") for name in sources)])
    return out + err, status


USE = """
from typing import TYPE_CHECKING, assert_type, cast
import aot
import aot.importer
import mod
if TYPE_CHECKING:
    from mod import Exports, Imports

assert_type(mod.int(1), int)
assert_type(mod.memory, aot.Memory)
assert_type(mod.pool, aot.SharedMemory)
assert_type(mod.table, aot.Table)
assert_type(mod.version, aot.Global)
assert_type(mod.tag, aot.Tag)
assert_type(mod.every(1, 2, 0.5, 0.5, b"", None, "x")[1:4], tuple[aot.Func | None, bytes, float])

def add(a: int, b: int) -> float:
    return a + b

def two(caller: aot.Caller, a: bytes, b: object) -> tuple[int, float]:
    return 1, 0.5

def use(module: aot.Module, library: aot.Instance, count: aot.Global) -> None:
    imports: Imports = {"env": {"add": add, "two": two, "limit": 3, "count": count}, "other lib": library}
    instance = cast("Exports", module(imports, wasi=aot.Wasi()))
    assert_type(instance.typed(None), aot.Func | None)
    assert_type(instance.store, aot.Store)
"""

MISUSE = """
from typing import TYPE_CHECKING
import aot
import mod
if TYPE_CHECKING:
    from mod import Imports

mod.int("x")
mod.nothing(1)
mod.missing
def add(a: str, b: int) -> float:
    return b
def use(library: aot.Instance, count: aot.Global) -> Imports:
    return {"env": {"add": add, "two": print, "limit": 3, "count": count}, "other lib": library}
def none() -> Imports:
    return {}
"""


def test_stubs_are_typed(tmp_path: Path) -> None:
    of_module, of_so = both(EVERYTHING, tmp_path)
    assert of_module == of_so
    (tmp_path / "mod.pyi").write_text(python_stub(of_so, "mod.wasm"))
    out, status = mypy(tmp_path, use=USE)
    assert status == 0, out
    out, _ = mypy(tmp_path, misuse=MISUSE)
    lines = [int(line.split(":")[1]) for line in out.splitlines() if ": error:" in line]
    assert lines == [8, 9, 10, 14, 16], out
    out, _, status = api.run(["--config-file", str(tmp_path / "mypy.ini"), str(tmp_path / "mod.pyi")])
    assert status == 0, out


def test_names_that_are_no_attributes_are_told(tmp_path: Path) -> None:
    stub = python_stub(of_wasm(bytes(wasmtime.wat2wasm(EVERYTHING))), "mod.wasm")
    for name in ("half-open", "class", "__init__", "_aot", "half open", ""):
        assert stub.count(f"# exports[{name!r}]: func [] -> []\n") == 2
    assert "\nstore: _Func" in stub
    assert "\n    # exports['store']: func [] -> [i32]\n" in stub


def test_evil_names_do_nothing(tmp_path: Path) -> None:
    of_module, of_so = both(EVIL, tmp_path)
    assert of_module == of_so
    stub = python_stub(of_so, "'''\n import os; .wasm")
    assert stub.isascii()
    tree = ast.parse(stub)
    imported = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert imported == ["builtins", "collections.abc", "typing", "aot"]
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert called == {"_t.ParamSpec", "_t.TypeVar", "_t.TypedDict"}
    names = {
        node.target.id for node in tree.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert names == {"_Host"}


def test_stubs_know_the_attributes_of_instances(wat: Compile) -> None:
    instance = wat("(module)")()
    assert {*vars(instance), *dir(type(instance))} <= stubs_module._INSTANCE
