"""The public wasi-testsuite, a test for each program, if WASI_TESTSUITE names a folder with its compiled programs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.wasi.suite import Case, find_cases, run_case

FOLDER = os.environ.get("WASI_TESTSUITE")

if FOLDER:

    @pytest.mark.parametrize("walk_paths", [False, True], ids=["openat2", "walk"])
    @pytest.mark.parametrize("case", find_cases(Path(FOLDER)), ids=lambda case: case.name)
    def test_program(case: Case, walk_paths: bool) -> None:
        assert run_case(case, walk_paths=walk_paths) == []

else:

    def test_program_of_the_public_suite() -> None:
        pytest.skip("WASI_TESTSUITE names no folder with the public wasi-testsuite's compiled programs")
