"""The official suite, an item a script. Counts stand at the end of the test run's report."""

from __future__ import annotations

import os

import pytest

from tests.spec.adapter import Engine, Settings, default_jobs
from tests.spec.plugin import record
from tests.spec.pool import run_ref
from tests.spec.scope import apply, load_list, unknown_scripts
from tests.spec.suite import GROUPS, ScriptRef, all_scripts, suite_folder

FOLDER = suite_folder()
HERE = FOLDER.is_dir()
SHOWN = 30


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(Settings(jobs=default_jobs()))


def test_the_suite_is_there() -> None:
    if HERE:
        assert len(all_scripts(FOLDER)) >= 200
    elif os.environ.get("CI"):
        pytest.fail(f"no test suite in {FOLDER}: set WASM_SPEC_TESTS to the folder of zips")
    else:
        pytest.skip(f"no test suite in {FOLDER} (WASM_SPEC_TESTS): nothing of it was run")


@pytest.mark.parametrize("ref", all_scripts(FOLDER) if HERE else [], ids=str)
def test_script(ref: ScriptRef, engine: Engine, request: pytest.FixtureRequest) -> None:
    result = apply(load_list(), run_ref(engine, ref))
    record(request.node.user_properties, result)
    failures = result.failures
    if failures:
        more = [f"... and {len(failures) - SHOWN} more"] if len(failures) > SHOWN else []
        pytest.fail("\n".join([f"{len(failures)} failures", *failures[:SHOWN], *more]), pytrace=False)


@pytest.mark.skipif(not HERE, reason="no test suite (WASM_SPEC_TESTS)")
def test_the_list_of_what_is_out_of_scope_names_scripts_of_the_suite() -> None:
    assert unknown_scripts(load_list(), map(str, all_scripts(FOLDER, GROUPS))) == []
