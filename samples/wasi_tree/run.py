"""A C program that walks files, run with one directory for reading and nothing else; then as a filter of bytes."""

import sys
from pathlib import Path

import aot
from aot.wasi import INHERIT

HERE = Path(__file__).parent

tree = aot.load(HERE / "tree.wasm")


def run(*args: str, stdin: bytes = b"") -> None:
    sys.stdout.flush()  # the program writes to the same place without asking Python
    world = aot.Wasi(args=["tree", *args], dirs={"/data": (HERE / "data", "ro")}, stdin=stdin, stdout=INHERIT)
    print(f"exit status {aot.wasi.run(tree, world).exit_status}")


run("/data")
run("-w", "wasm", "/data")
run("-w", "two", "-", stdin=b"one\ntwo\nthree\nforty-two\n")
run("-w", "root", "/data/../../etc")  # there is no way out, so there is nothing to complain about but the path
