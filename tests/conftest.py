"""Options and reports of the whole test run."""

from __future__ import annotations

import pytest

pytest_plugins = ["tests.spec.plugin"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the expected C of tests/golden/*.wat")
