"""Training: compile with counters, run that by commands of the user's, and hand over what was counted."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from aot.build.options import BuildOptions, EmitKind
from aot.build.pipeline import compile_to_file
from aot.build.profile import TRAINING, Profile, read_profile
from aot.build.progress import Progress
from aot.build.state import ModuleState
from aot.errors import BuildError, UsageError


@contextmanager
def trained(
    data: bytes,
    options: BuildOptions,
    commands: Sequence[str],
    *,
    emit: EmitKind = "so",
    progress: Progress | None = None,
    state: ModuleState | None = None,
) -> Iterator[Profile]:
    """The profile of a module, in a folder that is there for the block: of all ``commands``, in each of which ``{}``
    stands for what ``emit`` makes of the module (so or exe), with counters.

    Raises UsageError for commands that cannot be run, BuildError if one fails, and what `compile_to_file` raises.
    """
    for command in commands:
        _words(command)
    if emit not in ("so", "exe"):
        raise UsageError(f"what is trained is a shared object or an executable, not {emit}")
    with tempfile.TemporaryDirectory(prefix="wasm2so-training-") as name:
        folder, compiled = Path(name, "profile"), Path(name, "module.so" if emit == "so" else "program")
        counting = replace(options, counters=folder, profile=None, keep=None)
        compile_to_file(data, compiled, counting, emit=emit, progress=progress, state=state)
        for command in commands:
            _run(_words(command), compiled)
        yield read_profile(folder)


def _words(command: str) -> list[str]:
    """Raises UsageError for what is no command, or has no place for the compiled file."""
    try:
        words = shlex.split(command)
    except ValueError as err:
        raise UsageError(f"training command {command!r}: {err}") from None
    if not any("{}" in word for word in words):
        raise UsageError(f"training command {command!r}: it must say {{}} where the compiled file goes")
    return words


def _run(words: list[str], compiled: Path) -> None:
    """No shell is involved. What the command prints goes to standard error."""
    full = tuple(word.replace("{}", str(compiled)) for word in words)
    try:
        done = subprocess.run(full, env=os.environ | {TRAINING: "1"}, stdout=2, check=False)
    except OSError as err:
        raise UsageError(f"training: {full[0]}: {err.strerror}") from None
    if done.returncode != 0:
        raise BuildError(f"the training ended with status {done.returncode}", full)
