"""A C program that calls back: its output goes through a Python function."""

from pathlib import Path

import aot

module = aot.load(Path(__file__).parent / "mandelbrot.wasm")


def put_line(address: int, size: int) -> None:
    print(bytes(memoryview(program.memory)[address : address + size]).decode().rstrip())


program = module(env={"put_line": put_line})
print(program.main(), "points inside")
