"""Random modules from Binaryen's ``wasm-opt --translate-to-fuzz``, found by number.

wasm-opt is a native program or npm's, which node runs; npm's is kept running, since starting it costs more than a
module.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from tests.fuzz.binary import bodies, instructions, skip_locals, split

_SERVER = Path(__file__).with_name("wasm_opt_server.js")
_ANSWER = "wasm-opt exit status: "
_SECONDS = 60
_TRY = 0x06
LEAST_BYTES, MOST_BYTES = 200, 12_000

FEATURES = (
    "sign-ext",
    "mutable-globals",
    "nontrapping-float-to-int",
    "simd",
    "bulk-memory",
    "multivalue",
    "reference-types",
    "tail-call",
    "exception-handling",
    "extended-const",
    "relaxed-simd",
    "multimemory",
    "threads",
    "memory64",
    "bulk-memory-opt",
    "custom-page-sizes",
    "wide-arithmetic",
)
"""Features by wasm-opt's names; those that an old wasm-opt lacks are left out."""
_RARE = {"simd": 0.7, "threads": 0.4, "memory64": 0.3}
"""Feature -> how often it is on, where that is not most of the time."""
_USUAL = 0.85
_NOT_PLAIN = {"simd", "relaxed-simd", "threads"}
_NEEDED = {"exception-handling": "reference-types"}
"""Feature -> another one that it needs."""
_PASSES = (
    (14, ()),
    (1, ("-O1",)),
    (1, ("-O2",)),
    (1, ("--flatten", "--rereloop")),
    (1, ("--flatten", "--simplify-locals", "--coalesce-locals")),
    (1, ("--inlining-optimizing", "--precompute-propagate")),
)
"""(Weight, passes run on the module): code as optimisers leave it."""


class NoGeneratorError(Exception):
    """There is no wasm-opt, or it does not work; the argument says what to do."""


class Program(Protocol):
    """A wasm-opt that can be run."""

    def run(self, args: list[str]) -> int:
        """Run it; returns the exit status."""

    def close(self) -> None: ...


class NativeProgram:
    def __init__(self, path: str) -> None:
        self._path = path

    def run(self, args: list[str]) -> int:
        command = [self._path, *args]
        return subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False).returncode

    def close(self) -> None:
        pass


class NodeProgram:
    """npm's wasm-opt, kept running."""

    def __init__(self, path: str) -> None:
        node = shutil.which("node")
        if node is None:
            raise NoGeneratorError(f"{path} needs node, which is not on the PATH")
        self._process = subprocess.Popen(
            [node, str(_SERVER), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            errors="replace",
        )

    def run(self, args: list[str]) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(args) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:  # it may print a module that it finds fault with
            if line.startswith(_ANSWER):
                return int(line.removeprefix(_ANSWER))
        raise NoGeneratorError("wasm-opt ended")

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def find_wasm_opt(named: str | None = None) -> str:
    """The path of wasm-opt. Raises NoGeneratorError."""
    path = shutil.which(named or "wasm-opt")
    if path is None:
        what = f"{named} is not there" if named else "wasm-opt is not on the PATH"
        raise NoGeneratorError(f"{what}: `apt-get install binaryen` or `npm install binaryen` brings it")
    return path


def version_of(path: str) -> str:
    """What ``wasm-opt --version`` prints."""
    made = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False)
    return made.stdout.strip() or "wasm-opt of unknown version"


@dataclass(frozen=True, slots=True)
class Source:
    """``data`` as made; ``reference`` is the same with the legacy exception instructions written as new ones, which is
    what an engine without the former is given.
    """

    data: bytes
    reference: bytes
    arguments: tuple[str, ...]


class Maker(Protocol):
    """What modules come from."""

    def make(self, seed: int) -> Source | None:
        """Module number ``seed``; None where there is none."""


def uses_legacy_exceptions(data: bytes) -> bool:
    """Does the module hold ``try``?"""
    for body in bodies(split(data)):
        _, pos = skip_locals(body)
        if any(op == _TRY for op, _, _ in instructions(body, pos)):
            return True
    return False


class Generator:
    """Makes modules; a context manager. ``plain`` leaves out vectors and atomic operations."""

    def __init__(self, path: str, *, plain: bool = False) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="wasm2so-fuzz-")
        self._tmp = Path(self._folder.name)
        with Path(path).open("rb") as file:
            self._program: Program = NodeProgram(path) if file.read(2) == b"#!" else NativeProgram(path)
        if not self._works():
            raise NoGeneratorError(f"{path} does not work")
        # Releases from before that pass encode references by drafts of later features, and exceptions the old way only.
        lacking = set() if self._works("--translate-to-exnref") else {"exception-handling", "reference-types"}
        lacking |= {feature for feature in FEATURES if not self._works(f"--enable-{feature}")}
        self._features = frozenset(FEATURES) - lacking - (_NOT_PLAIN if plain else set())

    def _works(self, *option: str) -> bool:
        seed = self._tmp / "probe"
        seed.write_bytes(bytes(16))
        needed = ["--enable-reference-types", "--enable-bulk-memory"]  # by other features
        return self._program.run(["-ttf", str(seed), "-o", str(self._tmp / "out"), *needed, *option]) == 0

    def make(self, seed: int) -> Source | None:
        """Module number ``seed``; None where wasm-opt fails."""
        rng = Random(seed)
        size = int(LEAST_BYTES * (MOST_BYTES / LEAST_BYTES) ** rng.random())
        content = rng.randbytes(size)
        wanted = [f for f in FEATURES if rng.random() < _RARE.get(f, _USUAL)]
        chosen = [f for f in wanted if f in self._features and _NEEDED.get(f, f) in wanted]
        passes = rng.choices(_PASSES, [weight for weight, _ in _PASSES])[0][1]
        enabled = ["--mvp-features", *(f"--enable-{f}" for f in chosen)]
        given, made, translated = (self._tmp / name for name in ("in", "made.wasm", "translated.wasm"))
        given.write_bytes(content)
        args = ["-ttf", str(given), *enabled, *passes]
        if self._program.run([*args, "-o", str(made)]) != 0:
            return None
        data = reference = made.read_bytes()
        if "exception-handling" in chosen and uses_legacy_exceptions(data):
            if self._program.run([*enabled, "--translate-to-exnref", str(made), "-o", str(translated)]) != 0:
                return None
            reference = translated.read_bytes()
        return Source(data, reference, (*args[:1], *args[2:]))

    def close(self) -> None:
        self._program.close()
        self._folder.cleanup()


@contextmanager
def generator(path: str, *, plain: bool = False) -> Iterator[Generator]:
    made = Generator(path, plain=plain)
    try:
        yield made
    finally:
        made.close()
