"""Compiles one C file to an object: the ladder of levels, and what is believed of a compiler's exit status."""

from __future__ import annotations

import os
import shlex
import signal
import time
from dataclasses import dataclass, replace
from pathlib import Path

from aot.build.elf import ObjectKind, check_whole
from aot.build.jumps import all_jumps
from aot.build.launcher import launcher_environment
from aot.build.objects import KeptObject, ObjectCache, object_key
from aot.build.options import BuildOptions, Unit
from aot.build.profile import text_digest, using_flags
from aot.build.run import Outcome, RunResult, compiler_environment, run_compiler
from aot.build.tcc import why_not
from aot.build.toolchain import FRAGILE, Kind, Toolchain
from aot.errors import BuildError, FormatError


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where and with what to compile: ``tmp`` is the build's private folder and every compiler's working folder, and
    ``objects`` has what was compiled before. Compilers are started by ``launcher``, if there is one. ``counting`` are
    the flags for code that counts, if it is to, ``profile`` those for the file being compiled.
    """

    tmp: Path
    include: Path
    toolchain: Toolchain
    options: BuildOptions
    objects: ObjectCache | None = None
    launcher: tuple[str, ...] = ()
    counting: tuple[str, ...] = ()
    profile: tuple[str, ...] = ()


def kept_unit(place: Workplace, name: str, text: bytes, max_opt: int, *, jumps: bool) -> Unit:
    """`compile_unit` for ``{name}.c``, whose content is ``text``; its object comes from the cache or goes there."""
    cache, out = place.objects, place.tmp / f"{name}.o"
    if cache is None:
        return compile_unit(place, name, max_opt, jumps=jumps)
    options, toolchain = place.options, place.toolchain
    limits = f"{jumps} {options.compiler_seconds} {options.compiler_bytes}"
    anywhere = replace(place, tmp=Path(), include=Path("include"))
    levels = range(min(options.opt_level, max_opt) + 1)  # that it may step down to
    commands = (shlex.join(_command(anywhere, name, opt, jumps)) for opt in levels)
    parts = (name, limits, options.code_key(toolchain), toolchain.identity, *commands)
    key = object_key(text, place.include, parts)
    if (known := cache.fetch(key, out)) is not None:
        return Unit(
            name,
            known.opt,
            known.stepped_down,
            len(text),
            cpu_seconds=known.cpu_seconds,
            peak_bytes=known.peak_bytes,
            jumps=known.jumps,
            kept=True,
        )
    unit = compile_unit(place, name, max_opt, jumps=jumps)
    known = KeptObject(unit.opt, unit.stepped_down, unit.jumps, unit.cpu_seconds, unit.peak_bytes)
    return replace(unit, stored_bytes=cache.store(key, out, known))


def _command(place: Workplace, name: str, opt: int, jumps: bool) -> tuple[str, ...]:
    return place.toolchain.compile_command(
        f"{name}.c",
        f"{name}.o",
        opt=opt,
        cpu_level=place.options.cpu_level,
        debug=place.options.debug,
        offsets=place.options.has_offsets,
        jumps=jumps,
        profile=place.profile,
        include=place.include,
        tmp=place.tmp,
    )


def compile_unit(place: Workplace, name: str, max_opt: int, *, jumps: bool = False) -> Unit:
    """Compile ``{name}.c`` to ``{name}.o`` at the lower of the wanted level and ``max_opt``, stepping further down each
    time the compiler runs out of time or memory or breaks. With ``jumps`` tail calls become jumps, if an optimising
    compiler makes them all.

    Raises BuildError if it refuses the file, or none of the levels works.
    """
    start = time.monotonic()
    source, out = f"{name}.c", f"{name}.o"
    commands: list[tuple[str, ...]] = []
    troubles: list[str] = []
    peak, cpu = 0, 0.0
    opt = min(place.options.opt_level, max_opt)
    spared: tuple[str, ...] = ()
    while opt >= 0:
        jumps = jumps and opt > 0
        command = (*place.launcher, *_command(place, name, opt, jumps), *spared)
        commands.append(command)
        result = run(place, command)
        peak, cpu = max(peak, result.peak_bytes), cpu + result.cpu_seconds
        if result.outcome is Outcome.OK:
            check_output(place, command, out, ObjectKind.RELOCATABLE)
            if jumps and not all_jumps(place.tmp / out):
                jumps = False
                continue
            return Unit(
                name,
                opt,
                ", ".join(troubles),
                (place.tmp / source).stat().st_size,
                compile_seconds=time.monotonic() - start,
                cpu_seconds=cpu,
                peak_bytes=peak,
                jumps=jumps,
                compiler=place.toolchain.version,
                commands=tuple(commands),
            )
        if result.outcome is Outcome.FAILED:
            raise failure(command, result)
        if result.outcome is Outcome.CRASHED and opt > 0 and place.toolchain.kind is Kind.GCC and not spared:
            spared = FRAGILE
            continue
        troubles.append(f"-O{opt} {describe(result)}")
        opt -= 1
    raise BuildError(f"{place.toolchain.version} cannot compile {source}: {', '.join(troubles)}", command, result.log)


def compile_functions(place: Workplace, name: str, text: bytes, max_opt: int, *, jumps: bool) -> Unit:
    """Compile ``{name}.c``, which is ``text`` or includes it: with counters or a profile if these are wanted, for a
    fast build by tcc where that can be done.
    """
    if place.counting:
        unit = compile_unit(replace(place, profile=place.counting), name, max_opt, jumps=jumps)
        return replace(unit, text_digest=text_digest(text))
    if (profile := place.options.profile) is not None:
        covered = profile.covers(name, text)
        place = replace(place, profile=using_flags(place.toolchain) if covered else ())
        return replace(kept_unit(place, name, text, max_opt, jumps=jumps), profiled=covered)
    if not place.options.fast:
        return kept_unit(place, name, text, max_opt, jumps=jumps)
    return _by_tcc(place, name, text, max_opt, jumps=jumps)


def _by_tcc(place: Workplace, name: str, text: bytes, max_opt: int, *, jumps: bool) -> Unit:
    start = time.monotonic()
    tcc = place.toolchain.tcc
    source, out = f"{name}.c", f"{name}.o"
    if tcc is None:
        reason = "there is no tcc that can be used"
    elif place.options.debug:
        reason = "debugging information"
    else:
        reason = why_not(tcc, source, out, place.tmp, place.include, place.options.limits)
    if tcc is None or reason:
        return replace(compile_unit(place, name, max_opt, jumps=jumps), not_tcc=reason)
    return Unit(
        name,
        0,
        c_bytes=len(text),
        compile_seconds=time.monotonic() - start,
        compiler=tcc.version,
        commands=(tcc.compile_command(source, out, place.include),),
    )


def run(place: Workplace, command: tuple[str, ...]) -> RunResult:
    """Run a compiler or linker in the build's folder. Raises BuildError if it cannot be started."""
    env = compiler_environment(place.tmp)
    if place.launcher:
        env |= launcher_environment(os.environ)
    try:
        return run_compiler(command, place.tmp, place.options.limits, env)
    except OSError as err:
        raise BuildError(f"C compiler {command[0]}: {err.strerror}", command) from None


def failure(command: tuple[str, ...], result: RunResult) -> BuildError:
    """The error for a run that failed: the command's first word and its first line that speaks of an error."""
    lines = [line.strip() for line in result.log.splitlines() if line.strip()]
    telling = next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it printed nothing")
    return BuildError(f"{shlex.quote(command[0])} {describe(result)}: {telling[:500]}", command, result.log)


def describe(result: RunResult) -> str:
    """How a run ended, in words."""
    if result.outcome is Outcome.FAILED:
        return f"failed with status {result.returncode}"
    if result.outcome is Outcome.CRASHED and result.returncode < 0:
        return f"crashed ({signal.Signals(-result.returncode).name})"
    if result.outcome is Outcome.TIMEOUT:
        return f"ran out of time after {result.seconds:.1f} s"
    return str(result.outcome)


def check_output(place: Workplace, command: tuple[str, ...], out: str, kind: ObjectKind) -> None:
    """Raises BuildError unless the command left a whole ELF file of this machine: exit status 0 is not enough."""
    try:
        check_whole(place.tmp / out, kind, place.toolchain.machine)
    except (FormatError, OSError) as err:
        text = err.strerror if isinstance(err, OSError) else str(err)
        raise BuildError(f"{command[0]} reported success but {out} is no good: {text}", command) from None
