"""``python -m tests.wast FILE-or-FOLDER...``: run `.wast` scripts through the engine, print counts and failures.

What the engine says it does not support is counted as out of scope.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.spec.command import parser, run
from tests.spec.scope import excuse_unsupported
from tests.spec.suite import wast_scripts


def main() -> None:
    options = parser("Runs .wast scripts, such as a clone of the public test suite, through the engine.")
    options.add_argument("paths", nargs="+", type=Path, metavar="FILE-or-FOLDER")
    arguments = options.parse_args()
    sys.exit(not run(arguments, wast_scripts(arguments.paths), excuse_unsupported))


if __name__ == "__main__":
    main()
