"""Commands that compilers are started with, which run them elsewhere or know what they made before: ccache, distcc,
icecc and their like.

A launcher is given files that need nothing but themselves and the headers: what names other files (`.incbin`) is
compiled without it, since preprocessing, which is all that launchers carry elsewhere, leaves those names in.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from aot.errors import BuildError

VARIABLE = "WASM2SO_LAUNCHER"
_PREFIXES = ("CCACHE_", "SCCACHE_", "DISTCC_", "ICECC_", "ICECREAM_")
_NAMES = ("HOME", "USER", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR")


def find_launcher(text: str | None) -> tuple[str, ...]:
    """The launcher's argument list, beginning with an absolute path; empty if there is none.

    ``text`` (a name, a path or a command line) comes first, then the variable WASM2SO_LAUNCHER. An empty text asks for
    none. Raises BuildError if there is no such command.
    """
    origin = "--launcher"
    if text is None:
        text, origin = os.environ.get(VARIABLE, ""), VARIABLE
    try:
        words = shlex.split(text)
    except ValueError as err:
        raise BuildError(f"{origin} {text!r}: {err}") from None
    if not words:
        return ()
    path = shutil.which(words[0])
    if path is None:
        raise BuildError(f"launcher {words[0]!r} (from {origin}) not found, or not executable")
    return (str(Path(path).absolute()), *words[1:])


def launcher_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that launchers are told their settings by, beside those that compilers get."""
    return {name: value for name, value in environ.items() if name in _NAMES or name.startswith(_PREFIXES)}
