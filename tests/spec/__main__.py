"""``python -m tests.spec [GROUP | GROUP/SCRIPT]... [--cc CC] [-O N] [--matrix] [--sanitize]``: run the suite, print a
table.
"""

from __future__ import annotations

import os
import sys
from functools import partial

from tests.spec.command import parser, run
from tests.spec.sanitize import COMPILER, VARIABLE, run_again
from tests.spec.scope import apply, load_list
from tests.spec.suite import GROUPS, ScriptRef, all_scripts, suite_folder


def chosen(names: list[str]) -> list[ScriptRef]:
    """The scripts named, by group or one by one. Raises SystemExit for a name that is nothing."""
    refs = all_scripts(suite_folder())
    if not names:
        return refs
    unknown = set(names) - set(GROUPS) - set(map(str, refs))
    if unknown:
        raise SystemExit(f"no such group or script: {', '.join(sorted(unknown))}; groups: {', '.join(GROUPS)}")
    return [ref for ref in refs if ref.group in names or str(ref) in names]


def main() -> None:
    options = parser("Runs the official test suite (WASM_SPEC_TESTS) through the engine.")
    options.add_argument("names", nargs="*", metavar="GROUP[/SCRIPT]", help="what to run; default: everything")
    options.add_argument("--sanitize", action="store_true", help="with the sanitizers in runtime and generated code")
    arguments = options.parse_args()
    if arguments.sanitize:
        if arguments.cc or arguments.matrix:
            options.error("--sanitize chooses the compiler")
        if VARIABLE not in os.environ:
            sys.exit(run_again(sys.argv[1:]))
        arguments.cc = COMPILER
    sys.exit(not run(arguments, chosen(arguments.names), partial(apply, load_list())))


if __name__ == "__main__":
    main()
