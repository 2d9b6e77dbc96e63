"""An engine with a cache of its own for the run, and modules written as text."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import aot

Compile = Callable[[str], aot.Module]


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASM2SO_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def engine(cache_dir: Path) -> aot.Engine:
    return aot.Engine(aot.Config(opt_level=0))


@pytest.fixture(scope="session")
def wat(engine: aot.Engine) -> Compile:
    """Compiles WebAssembly text; the same text gives the same module."""

    @functools.cache
    def compile_text(text: str) -> aot.Module:
        return aot.Module(engine, text)

    return compile_text


@pytest.fixture
def store(engine: aot.Engine) -> aot.Store:
    return aot.Store(engine)
