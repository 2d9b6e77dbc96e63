"""``wasm2so run``: run a program, compiled through the cache. Whatever is not needed for a program that is in the cache
already is imported where it is used: that one should start at once.
"""

import os
from collections.abc import Sequence

HELP_OPTIONS = (
    ("--dir HOST[::GUEST][::ro]", "Let the program use the directory HOST, under the name GUEST if that is given; ::ro "
     "for reading only. May be given several times."),
    ("--env NAME[=VALUE]", "Set a variable; without a value, to this process's own. May be given several times."),
    ("--stdin PATH", "Read standard input from a file."),
    ("--argv0 NAME", "The program's name for itself.  [default: FILE's name]"),
    ("--invoke NAME", "Call this export, with ARGS as its numbers, and print its results; not the program's start."),
    ("--launcher COMMAND", "What to start the C compiler with: ccache, distcc, icecc.  [default: WASM2SO_LAUNCHER]"),
    ("-O 0|1|2", "Optimisation of the C compiler.  [default: 2]"),
    ("--fast", "Compile in the least time, whatever speed comes of it: with tcc, if it is installed."),
)  # fmt: skip
HELP = """Run FILE, a program for WASI: a .wasm or .wat file, which is compiled unless it is in the cache, or a compiled
.so. ARGS are the program's own. The exit status is the program's; 134 if it trapped, 1 if it could not be started."""

_SEVERAL = {"--dir": "dirs", "--env": "env"}
_ONCE = {"--stdin": "stdin", "--argv0": "argv0", "--invoke": "invoke", "--launcher": "launcher", "-O": "opt"}


class Usage(Exception):  # noqa: N818, not an error of this program's
    """The arguments are not understood, or ask for help (no message then)."""


class Request:
    """What the command line asks for. ``args`` are the program's, without its name."""

    def __init__(self) -> None:
        self.file = ""
        self.args: list[str] = []
        self.dirs: list[str] = []
        self.env: list[str] = []
        self.stdin: str | None = None
        self.argv0: str | None = None
        self.invoke: str | None = None
        self.launcher: str | None = None
        self.opt = "2"
        self.fast = False

    @property
    def options(self) -> str:
        """What the compiled file depends on besides the source, as text."""
        return "fast" if self.fast else f"O{min(int(self.opt), 2)}"


def parse(args: Sequence[str]) -> Request:
    """Options may stand before and behind FILE. Behind it, ``--`` or the first word that is no option begins ARGS.

    >>> request = parse(["--dir", "/tmp::/t", "cat.wasm", "--env=A=B", "--", "-n", "x"])
    >>> request.file, request.dirs, request.env, request.args
    ('cat.wasm', ['/tmp::/t'], ['A=B'], ['-n', 'x'])
    """
    request = Request()
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if not word.startswith("-") or word == "-":
            if request.file:
                rest.insert(0, word)
                break
            request.file = word
            continue
        _option(request, word, rest)
    if not request.file and rest:
        request.file = rest.pop(0)
    if not request.file:
        raise Usage("Missing argument 'FILE'.")
    request.args = rest
    return request


def _option(request: Request, word: str, rest: list[str]) -> None:
    if word == "--help":
        raise Usage
    if word == "--fast":
        request.fast = True
        return
    name, equals, value = word.partition("=")
    if word.startswith("-O") and len(word) > 2:
        name, equals, value = "-O", "=", word[2:]
    if name not in _SEVERAL and name not in _ONCE:
        hint = " What is for the program itself goes behind --." if request.file else ""
        raise Usage(f"No such option: {name}{hint}")
    if not equals:
        if not rest:
            raise Usage(f"Option '{name}' requires an argument.")
        value = rest.pop(0)
    if name in _SEVERAL:
        getattr(request, _SEVERAL[name]).append(value)
    else:
        setattr(request, _ONCE[name], value)
    if request.opt not in ("0", "1", "2", "3"):
        raise Usage(f"Invalid value for '-O': {request.opt!r} is not one of '0', '1', '2', '3'.")


def quick(args: Sequence[str]) -> int | None:
    """Run a program that is compiled already. None if it is not, or the arguments are not understood: nothing has
    happened then.
    """
    from aot.build.quick import find, name_of

    try:
        request = parse(args)
        with open(request.file, "rb") as stream:
            name = name_of(os.fstat(stream.fileno()), request.options)
            compiled = find(name) or (request.file if stream.read(4) == b"\x7fELF" else None)
    except (Usage, OSError):
        return None
    return None if compiled is None else start(request, compiled)


def start(request: Request, compiled: str) -> int:
    """Run the ``.so`` at ``compiled``. Returns the exit status."""
    from aot.program import run

    name = os.path.basename(request.file) if request.argv0 is None else request.argv0
    return run(
        compiled,
        request.file,
        [name, *request.args],
        dirs=request.dirs,
        env=request.env,
        stdin=request.stdin,
        invoke=request.invoke,
    )
