"""This package's version."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """The installed version; ``0`` if the package runs from a folder and was never installed."""
    try:
        return version("wasm2so")
    except PackageNotFoundError:
        return "0"
