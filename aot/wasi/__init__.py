"""WASI preview 1: what a program may see of the world, and running it.

>>> import aot
>>> module = aot.load("cat.wasm")  # doctest: +SKIP
>>> done = aot.wasi.run(module, aot.Wasi(args=["cat"], stdin=b"hello", stdout=aot.wasi.CAPTURE))  # doctest: +SKIP
>>> done.exit_status, done.stdout  # doctest: +SKIP
(0, b'hello')
"""

from aot.embed.wasi import Symlink, WasiContext, WasiLimits, WasiSetup
from aot.wasi.classic import DirPerms, FilePerms, WasiConfig
from aot.wasi.config import Wasi
from aot.wasi.run import Finished, run
from aot.wasi.streams import CAPTURE, INHERIT, NULL, STDOUT, Special

__all__ = [
    "CAPTURE",
    "INHERIT",
    "NULL",
    "STDOUT",
    "DirPerms",
    "FilePerms",
    "Finished",
    "Special",
    "Symlink",
    "Wasi",
    "WasiConfig",
    "WasiContext",
    "WasiLimits",
    "WasiSetup",
    "run",
]
