"""The greatest common divisor, as a WebAssembly module that was compiled when the wheel was built."""

from importlib.resources import as_file, files

import aot

with as_file(files(__package__) / "gcd.so") as _path:
    _module = aot.load(_path)


def gcd(a: int, b: int) -> int:
    """In an instance of its own, so that threads can call it at the same time."""
    return int(_module().gcd(a, b))
