"""A C program that loads a compiled module: `wasm2so` makes the .so, its C header and the runtime to link with."""

import shlex
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from aot.build import find_toolchain

HERE = Path(__file__).parent

with TemporaryDirectory() as name:
    folder = Path(name)

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, check=True)

    wasm2so = (sys.executable, "-m", "aot")
    run(*wasm2so, str(HERE / "scores.wasm"), "-o", "scores.so")
    run(*wasm2so, "header", str(HERE / "scores.wasm"), "-o", "scores.h")
    run(*wasm2so, "runtime", "-o", "wasm2so")
    flags = "-std=gnu11 -Wall -Wextra -Werror -Iwasm2so/include -I. wasm2so/lib/wasm2so.o -pthread -ldl -lm -o program"
    run(*find_toolchain().command, str(HERE / "main.c"), *shlex.split(flags))
    run("./program")
