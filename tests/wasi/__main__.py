"""``python -m tests.wasi FOLDER``: run a copy of the public wasi-testsuite and print counts by language."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from tests.wasi.suite import find_cases, run_case


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wasi", description=__doc__)
    parser.add_argument("folder", type=Path, help="a clone of the suite with its compiled programs, or a part of one")
    parser.add_argument("--walk", action="store_true", help="resolve paths without openat2")
    parser.add_argument("-k", metavar="WORD", default="", help="only programs with this in their name")
    args = parser.parse_args()
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for case in find_cases(args.folder):
        if args.k not in case.name:
            continue
        wrong = run_case(case, walk_paths=args.walk)
        total[case.group] += 1
        passed[case.group] += not wrong
        if wrong:
            print(f"FAILED {case.name}")
            for line in wrong:
                print(f"    {line}")
    for group in sorted(total):
        print(f"{group}: {passed[group]} of {total[group]} pass")
    print(f"all: {passed.total()} of {total.total()} pass")
    return int(passed != total)


if __name__ == "__main__":
    raise SystemExit(main())
