"""Telling people how far a build is."""

from __future__ import annotations

import shlex
import sys
from typing import Any, Protocol, TextIO

from aot.build.options import Unit

_PATIENCE_SECONDS = 2.0


class Progress(Protocol):
    """What a build tells while it runs. Calls come from one thread."""

    def begin(self, functions: tuple[int, ...], code_bytes: tuple[int, ...]) -> None:
        """Compiling begins: the number of functions and of bytes of wasm code in each chunk."""

    def done(self, unit: Unit, chunk: int | None) -> None:
        """A C file was compiled: that of ``chunk``, or module.c."""

    def end(self) -> None:
        """The build is over, in whatever way."""


class Quiet:
    """Says nothing."""

    def begin(self, functions: tuple[int, ...], code_bytes: tuple[int, ...]) -> None:
        pass

    def done(self, unit: Unit, chunk: int | None) -> None:
        pass

    def end(self) -> None:
        pass


class Bar:
    """A progress bar for a terminal, shown once the work takes more than two seconds.

    With ``verbose``, each compiler command is printed when it has ended.
    """

    def __init__(self, stream: TextIO | None = None, *, verbose: bool = False) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._verbose = verbose
        self._bar: Any = None
        self._functions: tuple[int, ...] = ()
        self._code_bytes: tuple[int, ...] = ()
        self._n_functions = 0
        self._n_files = 0

    def begin(self, functions: tuple[int, ...], code_bytes: tuple[int, ...]) -> None:
        self._functions, self._code_bytes = functions, code_bytes
        if self._verbose or not self._stream.isatty():
            return
        from tqdm import tqdm

        # By bytes of code, which take about the same time each; by files the estimate would jump.
        self._bar = tqdm(
            total=sum(code_bytes),
            unit="B",
            unit_scale=True,
            delay=_PATIENCE_SECONDS,
            smoothing=0,  # several files end at about the same time: the mean of all tells more than the latest
            file=self._stream,
            leave=False,
        )

    def done(self, unit: Unit, chunk: int | None) -> None:
        if self._verbose:
            for command in unit.commands:
                print(shlex.join(command), file=self._stream)
        self._n_files += 1
        if chunk is not None:
            self._n_functions += self._functions[chunk]
        if self._bar is not None:
            total = sum(self._functions)
            self._bar.set_postfix_str(
                f"{self._n_files}/{len(self._functions) + 1} files, {self._n_functions}/{total} functions",
                refresh=False,
            )
            n_bytes = 0 if chunk is None else self._code_bytes[chunk]
            if unit.kept:  # done, but it says nothing about the speed
                self._bar.initial += n_bytes
            self._bar.update(n_bytes)

    def end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
