"""C compilers: finding one, learning what it is, and the flags that make it compile generated C as wasm means it.

Every flag that the meaning of generated code rests on stands in this file (`REQUIRED`), with the reason.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shlex
import shutil
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from aot.abi import include_dir
from aot.build.folders import cache_root, private_folder
from aot.build.run import Outcome, RunLimits, compiler_environment, run_compiler
from aot.build.segments import TRIAL, keeps_segments
from aot.build.tcc import Tcc, find_tcc
from aot.errors import BuildError

REQUIRED = (
    "-std=gnu11",
    "-w",  # generated C is not for people to be warned about
    "-fwrapv",  # i32.add and its like wrap
    "-fno-strict-aliasing",  # memory is accessed at any type
    "-fno-delete-null-pointer-checks",  # address 0 of a memory is an address
    "-fno-math-errno",  # f32.sqrt is an instruction, not a call
    "-ffp-contract=off",  # a*b+c rounds twice
    "-fno-optimize-sibling-calls",  # recursion without end must reach the stack limit
    "-fvisibility=hidden",
    "-fPIC",
)
JUMPS = ("-foptimize-sibling-calls", "-DW2S_JUMPS=1")
"""Tail calls as jumps: only for files where nothing else can become one (runtime_c/include/wasm2so/tail.h)."""
OPTIONAL = (
    "-fno-finite-loops",  # an endless loop without effects must not vanish
    "-fstack-clash-protection",  # a large frame touches every page, so that none jumps the guard
    "-fno-ident",
    "-fno-tree-pta",  # gcc takes it that what points into a segment points to nothing, so that calls leave it alone
    "-fno-tree-reassoc",  # the module's own compiler has put sums and minima in the order that is best for loops
)
"""Used where the compiler knows them; those it lacks it does not need (its optimiser has no such assumption)."""

GCC_O2 = (
    "-O1",
    "-finline-small-functions",
    "-findirect-inlining",
    "-fipa-ra",
    "-fcaller-saves",
    "-fpeephole2",
    "-falign-functions",
    "-falign-loops",
    "-falign-jumps",
    "-falign-labels",
    "-ftree-vrp",
    "-fthread-jumps",
)
"""What -O2 is for gcc: those of its passes that make generated code faster. The others take a third of the time, and do
again what the module's own compiler has done (docs/architecture.md has figures)."""

FRAGILE = ("-fno-tree-fre", "-fno-tree-pre")
"""Passes that gcc 12 breaks down in where a memory is in a segment register, on a store, a load and a store of zero in
a branch; tried without if it does."""

APART = ("-fno-tree-tail-merge", "-fno-crossjumping", "-fno-partial-inlining")
"""What gcc must not do to code that backtraces are to be exact for."""

LINK = (
    "-shared",
    "-Wl,--compress-debug-sections=zlib",
    "-Wl,-z,relro,-z,now,-z,noexecstack,-z,defs",
    "-Wl,--build-id=sha1",
)
NOTHING_STARTED = "-nostartfiles"
"""Nothing of the object runs when it is loaded."""
RUNTIME = ("-std=gnu11", "-O2", "-w", "-fPIC", "-fvisibility=hidden", "-fno-strict-aliasing", "-pthread")
"""For the C runtime of executables."""
EXECUTABLE = ("-pie", "-Wl,-z,relro,-z,now,-z,noexecstack", "-Wl,--gc-sections", "-pthread")
CANDIDATES = ("gcc", "clang", "cc")
QUICKEST = ("clang", "gcc", "cc")
"""The same, those first that take least time at -O0."""
MAX_CPU_LEVEL = 4

_PROBE = """\
#if defined(__TINYC__)
kind tcc 0 0 0
#elif defined(__clang__)
kind clang __clang_major__ __clang_minor__ __clang_patchlevel__
#elif defined(__GNUC__)
kind gcc __GNUC__ __GNUC_MINOR__ __GNUC_PATCHLEVEL__
#else
kind unknown 0 0 0
#endif
#if defined(__x86_64__) && defined(__LP64__)
machine x86_64
#elif defined(__aarch64__) && defined(__LP64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
machine aarch64
#else
machine unsupported
#endif
"""
_PROBE_LIMITS = RunLimits(wall_seconds=30, cpu_seconds=20)


class Kind(StrEnum):
    GCC = "gcc"
    CLANG = "clang"
    ZIG = "zig"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A C compiler that was asked what it is.

    ``command`` begins with an absolute path; ``version`` is for people (``gcc 12.2.0``), ``banner`` the first line that
    ``--version`` prints; ``machine`` is ``x86_64`` or ``aarch64``; ``optional`` are those of `OPTIONAL` it accepts;
    ``segments`` says that it keeps a memory in a segment register wherever it should (`aot.build.segments`).
    """

    command: tuple[str, ...]
    kind: Kind
    version: str
    banner: str
    target: str
    machine: str
    optional: tuple[str, ...]
    segments: bool
    tcc: Tcc | None = None
    """What compiles functions in its place where that goes."""

    @property
    def identity(self) -> str:
        """All that can change the code it makes, for cache keys."""
        quick = (*self.tcc.command, self.tcc.banner) if self.tcc else ()
        return "\n".join((*self.command, self.banner, self.target, *self.optional, str(self.segments), *quick))

    def cpu_level(self, wanted: int) -> int:
        """``wanted`` as x86-64-vN, or 0 on machines that have no such levels."""
        return wanted if self.machine == "x86_64" else 0

    def _target_flags(self) -> tuple[str, ...]:
        # zig's cc turns on the undefined-behaviour sanitizer by default, and builds for the very CPU it runs on.
        return ("-target", self.target, "-fno-sanitize=undefined") if self.kind is Kind.ZIG else ()

    def _cpu_flags(self, level: int) -> tuple[str, ...]:
        if self.machine != "x86_64":
            return ("-mcpu=baseline",) if self.kind is Kind.ZIG else ()
        suffix = "" if level <= 1 else f"v{level}"
        if self.kind is Kind.ZIG:
            return (f"-mcpu=x86_64{suffix and '_' + suffix}",)
        return (f"-march=x86-64{suffix and '-' + suffix}",)

    def _line_flags(self) -> tuple[str, ...]:
        # Equal calls in different places must stay apart, or their lines get lost (clang is told so in port.h), and
        # a part of a function must not look like a call of it.
        return ("-g1", *(APART if self.kind is Kind.GCC else ()))

    def compile_command(
        self,
        source: str,
        out: str,
        *,
        opt: int,
        cpu_level: int,
        debug: bool,
        offsets: bool = False,
        jumps: bool,
        profile: Sequence[str] = (),
        include: Path,
        tmp: Path,
    ) -> tuple[str, ...]:
        """C file to relocatable object, both named relative to ``tmp``, the folder the command is to run in."""
        return (
            *self.command,
            *self._target_flags(),
            *(GCC_O2 if opt == 2 and self.kind is Kind.GCC and not profile else (f"-O{opt}",)),
            *self._cpu_flags(cpu_level),
            *REQUIRED,
            *self.optional,
            *(JUMPS if jumps else ()),
            *(("-g",) if debug else ()),
            *(self._line_flags() if offsets else ()),
            *profile,
            # The same bytes come out wherever the temporary folder is.
            f"-ffile-prefix-map={tmp}=.",
            f"-ffile-prefix-map={include}=include",
            f"-I{include}",
            "-c",
            source,
            "-o",
            out,
        )

    def link_command(
        self, objects: Sequence[str], out: str, exports: str = "", profile: Sequence[str] = ()
    ) -> tuple[str, ...]:
        """Objects to shared object; ``exports`` is a version script, for objects without hidden symbols. ``profile`` is
        for code that counts, whose run-time library is the only thing that is started when a file is loaded.
        """
        script = (f"-Wl,--version-script={exports}",) if exports else ()
        flags = (*profile, *LINK) if profile else (NOTHING_STARTED, *LINK)
        return (*self.command, *self._target_flags(), *flags, *script, *objects, "-o", out, "-lm")

    def runtime_command(self, source: Path, out: str, *, defines: Sequence[str], folder: Path) -> tuple[str, ...]:
        """A file of the C runtime, whose headers are in ``folder / "include"``, to relocatable object."""
        return (
            *self.command,
            *self._target_flags(),
            *RUNTIME,
            f"-ffile-prefix-map={folder}=runtime",
            *(f"-D{define}" for define in defines),
            f"-I{folder / 'include'}",
            "-c",
            str(source),
            "-o",
            out,
        )

    def executable_command(self, objects: Sequence[str], out: str, profile: Sequence[str] = ()) -> tuple[str, ...]:
        """Objects to executable."""
        return (*self.command, *self._target_flags(), *EXECUTABLE, *profile, *objects, "-o", out, "-ldl", "-lm")

    def combine_command(self, objects: Sequence[str], out: str) -> tuple[str, ...]:
        """Objects to one relocatable object (``ld -r``)."""
        return (*self.command, *self._target_flags(), "-r", "-nostdlib", *objects, "-o", out)


def find_command(cc: str | None = None, candidates: Sequence[str] = CANDIDATES) -> tuple[str, ...]:
    """The compiler's argument list, beginning with an absolute path.

    ``cc`` (a name, a path or a command line; ``zig`` for the ziglang package's) comes first, then the variables
    WASM2SO_CC and CC, then ``candidates`` on the PATH, then the ziglang package. Raises BuildError.
    """
    origins = (("--cc", cc), ("WASM2SO_CC", os.environ.get("WASM2SO_CC")), ("CC", os.environ.get("CC")))
    for origin, text in origins:
        if text and text.strip():
            return _named_command(text, origin)
    for name in candidates:
        if path := shutil.which(name):
            return (path,)
    if zig := _packaged_zig():
        return zig
    raise BuildError(
        f"no C compiler found: {', '.join(CANDIDATES)} are not on the PATH and the ziglang package is not installed; "
        "install gcc or clang, or `pip install wasm2so[zig]`, or name one with --cc"
    )


def find_toolchain(cc: str | None = None, *, fast: bool = False) -> Toolchain:
    """Find a compiler as `find_command` does and ask it what it is. Raises BuildError if it will not do.

    ``fast``: the one that is quickest at -O0, and with it tcc if there is one that can be used.
    """
    toolchain = probe(find_command(cc, QUICKEST if fast else CANDIDATES))
    return with_tcc(toolchain) if fast else toolchain


def with_tcc(toolchain: Toolchain) -> Toolchain:
    """``toolchain`` helped by tcc, if there is one that can be used."""
    return replace(toolchain, tcc=find_tcc(toolchain.machine, include_dir()))


def probe(command: tuple[str, ...]) -> Toolchain:
    """Ask a compiler what it is; asked again in this process only if its file changed."""
    stamp = file_stamp(command[0])
    if _is_zig(command) and "ZIG_GLOBAL_CACHE_DIR" not in os.environ:
        private_folder(private_folder(cache_root()) / "zig")
    return _probe(command, stamp)


def file_stamp(path: str) -> tuple[int, ...]:
    """Changes whenever the file behind ``path`` is replaced. Raises BuildError if there is none."""
    try:
        stat = Path(path).stat()
    except OSError as err:
        raise BuildError(f"C compiler {path}: {err.strerror}") from None
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


def native_cpu_level() -> int:
    """The highest x86-64 level that this machine's CPU has, 1 where that cannot be told."""
    needed = {
        2: {"cx16", "lahf_lm", "popcnt", "pni", "ssse3", "sse4_1", "sse4_2"},
        3: {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
        4: {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    }
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 1
    have = set(next((line for line in lines if line.startswith("flags")), "").split())
    level = 1
    while level < MAX_CPU_LEVEL and needed[level + 1] <= have:
        level += 1
    return level


def _named_command(text: str, origin: str) -> tuple[str, ...]:
    try:
        first, *rest = shlex.split(text)
    except ValueError as err:
        raise BuildError(f"{origin} {text!r}: {err}") from None
    if first == "zig" and not rest and (zig := _packaged_zig()):
        return zig
    path = shutil.which(first)
    if path is None:
        raise BuildError(f"C compiler {first!r} (from {origin}) not found, or not executable")
    if Path(path).name == "zig" and not rest:
        rest = ["cc"]
    return (str(Path(path).absolute()), *rest)


def _is_zig(command: tuple[str, ...]) -> bool:
    return Path(command[0]).name.startswith("zig") and "cc" in command[1:]


def _packaged_zig() -> tuple[str, ...] | None:
    spec = importlib.util.find_spec("ziglang")
    for folder in (spec and spec.submodule_search_locations) or ():
        zig = Path(folder) / "zig"
        if os.access(zig, os.X_OK):
            return str(zig), "cc"
    return None


@functools.lru_cache(maxsize=16)
def _probe(command: tuple[str, ...], stamp: tuple[int, ...]) -> Toolchain:
    with tempfile.TemporaryDirectory(prefix="wasm2so-cc-") as folder:
        tmp = Path(folder)
        (tmp / "probe.c").write_text(_PROBE, encoding="ascii")
        (tmp / "empty.c").write_text("int w2s_probe;\n", encoding="ascii")
        banner = _ask(command, ("--version",), tmp).partition("\n")[0].strip()
        _ask(command, ("-E", "-P", "probe.c", "-o", "probe.i"), tmp)
        kind, version, machine = _read_answer(command, tmp / "probe.i")
        if _is_zig(command):
            kind = Kind.ZIG
        target = f"{machine}-linux-{_libc()}" if kind is Kind.ZIG else _ask(command, ("-dumpmachine",), tmp).strip()
        optional = _accepted(command, OPTIONAL, tmp)
        # clang has segments too, but gains nothing by them
        segments = kind is Kind.GCC and machine == "x86_64" and "-fno-tree-pta" in optional
        segments = segments and _keeps_segments(command, optional, tmp)
    return Toolchain(command, kind, f"{kind} {version}", banner, target, machine, optional, segments)


def _keeps_segments(command: tuple[str, ...], optional: tuple[str, ...], tmp: Path) -> bool:
    (tmp / "trial.c").write_text(TRIAL, encoding="ascii")
    for level in (("-O1",), GCC_O2, ("-O2",), ("-O3",)):
        flags = (*level, *REQUIRED, *optional, f"-I{include_dir()}", "-save-temps=obj")
        args = (*command, *flags, "-c", "trial.c", "-o", "trial.o")
        if run_compiler(args, tmp, _PROBE_LIMITS, compiler_environment(tmp)).outcome is not Outcome.OK:
            return False
        try:
            text = (tmp / "trial.s").read_text(encoding="utf-8", errors="replace")
            if not keeps_segments(text, (tmp / "trial.o").read_bytes()):
                return False
        except OSError:
            return False
    return True


def _ask(command: tuple[str, ...], args: tuple[str, ...], tmp: Path) -> str:
    """Run a probe and return what it printed. Raises BuildError if the command fails."""
    full = (*command, *args)
    try:
        result = run_compiler(full, tmp, _PROBE_LIMITS, compiler_environment(tmp))
    except OSError as err:
        raise BuildError(f"C compiler {command[0]}: {err.strerror}", full) from None
    if result.outcome is not Outcome.OK:
        raise BuildError(
            f"C compiler {shlex.join(command)} cannot be used: `{shlex.join(args)}` {result.outcome}", full, result.log
        )
    return result.log


def _read_answer(command: tuple[str, ...], answer: Path) -> tuple[Kind, str, str]:
    try:
        words = answer.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        words = []
    match words:
        case ["kind", ("gcc" | "clang") as kind, major, minor, patch, "machine", ("x86_64" | "aarch64") as machine]:
            return Kind(kind), f"{major}.{minor}.{patch}", machine
        case ["kind", ("gcc" | "clang"), *_]:
            raise BuildError(f"C compiler {shlex.join(command)} is for a machine other than 64-bit x86 or Arm")
        case ["kind", "tcc", *_]:
            raise BuildError(f"C compiler {shlex.join(command)} is tcc, which is not used alone; see --fast")
    raise BuildError(f"{shlex.join(command)} does not act like gcc or clang")


def _accepted(command: tuple[str, ...], flags: tuple[str, ...], tmp: Path) -> tuple[str, ...]:
    """Those of ``flags`` that the compiler takes without an error or warning."""
    if not flags:
        return ()
    args = (*command, "-Werror", *flags, "-c", "empty.c", "-o", "empty.o")
    result = run_compiler(args, tmp, _PROBE_LIMITS, compiler_environment(tmp))
    if result.outcome is Outcome.OK:
        return flags
    if result.outcome is not Outcome.FAILED:
        raise BuildError(f"C compiler {shlex.join(command)} {result.outcome} on an empty file", args, result.log)
    if len(flags) == 1:
        return ()
    half = len(flags) // 2
    return _accepted(command, flags[:half], tmp) + _accepted(command, flags[half:], tmp)


def _libc() -> str:
    """The C library of this process, in zig's words."""
    return "musl" if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or "") else "gnu"
