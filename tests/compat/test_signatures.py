"""Every public name of wasmtime-py exists here, and is called the same way."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import aot.compat.wasmtime as ours
from aot.compat.wasmtime._config import Setting
from tests.compat.under_alias import install

theirs = pytest.importorskip("wasmtime")

CLASSES = sorted(name for name, value in vars(theirs).items() if inspect.isclass(value) and not name.startswith("_"))

BEYOND = {
    "ValType.v128": "a type that wasmtime-py aborts the process for",
    "WasiConfig.preopen_dir": "takes the permissions of earlier releases as well",
}
"""What has more parameters, or is there only here."""

ONLY_HERE = {"DirPerms", "FilePerms", "Storelike"}
"""Names of earlier releases, and one that theirs has as no class."""


def public(cls: type) -> dict[str, Any]:
    """Attributes that a class of either package declares, ``__init__`` and operators included."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.split(".")[0] in ("wasmtime", "aot"):
            found.update(
                {n: v for n, v in vars(base).items() if not n.startswith("_") or n in ("__init__", "__call__")}
            )
    return found


def shape(function: Any) -> list[tuple[str, Any, bool]]:
    """Names and kinds of parameters, and whether they can be left out."""
    parameters = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default is not inspect.Parameter.empty) for p in parameters]


MEMBERS = [(name, member) for name in CLASSES for member in public(getattr(theirs, name))]


def test_every_name_is_there() -> None:
    assert set(theirs.__all__) <= set(ours.__all__)
    assert set(ours.__all__) - set(vars(theirs)) == ONLY_HERE - set(vars(theirs))
    assert {name for name in CLASSES if not inspect.isclass(getattr(ours, name))} == set()
    assert len(CLASSES) > 30
    assert len(MEMBERS) > 150


@pytest.mark.parametrize(("cls", "member"), MEMBERS, ids=lambda x: x)
def test_members_have_the_same_shape(cls: str, member: str) -> None:
    wanted, found = public(getattr(theirs, cls))[member], public(getattr(ours, cls)).get(member)
    if isinstance(wanted, property):
        settable = isinstance(found, Setting) or (isinstance(found, property) and found.fset is not None)
        readable = isinstance(found, property)
        assert (readable, settable) == (wanted.fget is not None, wanted.fset is not None)
        return
    if not callable(wanted) and not isinstance(wanted, (classmethod, staticmethod)):
        assert found is not None
        return
    ours_, theirs_ = shape(getattr(getattr(ours, cls), member)), shape(getattr(getattr(theirs, cls), member))
    if f"{cls}.{member}" in BEYOND:
        assert ours_[: len(theirs_)] == theirs_
        assert all(optional for _, _, optional in ours_[len(theirs_) :])
    else:
        assert ours_ == theirs_


def test_functions() -> None:
    assert shape(ours.wat2wasm) == shape(theirs.wat2wasm)


def test_the_alias_serves_text_and_its_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wasmtime", theirs)
    monkeypatch.delattr(ours, "_ffi", raising=False)
    alias = install()
    assert __import__("wasmtime") is alias is ours
    assert alias.wat2wasm("(module)") == b"\0asm\1\0\0\0"
    with pytest.raises(ours.WasmtimeError):
        alias.wat2wasm("(")
    monkeypatch.setitem(__import__("sys").modules, "wasmtime", theirs)
    delattr(ours, "_ffi")
