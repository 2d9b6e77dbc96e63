"""From the bytes of a module to a file: decode, validate, render, compile, link, publish.

Every file is made in a private temporary folder that is removed whatever happens; the result appears at its place
whole or not at all.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from aot.abi import include_dir
from aot.build.elf import ObjectKind, read_meta
from aot.build.executable import check_imports, link_executable
from aot.build.folders import cache_root, new_file
from aot.build.launcher import find_launcher
from aot.build.objects import Keeper, ObjectCache
from aot.build.options import MAX_OPT, BuildOptions, BuildReport, EmitKind, Unit
from aot.build.pool import run_pool
from aot.build.profile import begin, counting_flags, prepare, write_manifest
from aot.build.progress import Progress, Quiet
from aot.build.run import Outcome
from aot.build.state import ModuleState, with_state
from aot.build.toolchain import Toolchain, find_toolchain
from aot.build.unit import Workplace, check_output, compile_functions, compile_unit, failure, run
from aot.build.version import VERSION
from aot.build.worker import BLOBS_UNIT, MODULE_UNIT, ChunkSource, Job, compile_chunk
from aot.emit import EmitOptions, Plan, names, plan_module, render_module
from aot.errors import BuildError, FormatError, ModuleError, ResourceError, UsageError
from aot.wasm.load import load_module
from aot.wasm.module import Module

_WASM = "module.wasm"
_EXPORTS = "exports"
_ALONE_BYTES = 512 << 10
"""Code that is translated sooner than worker processes begin to; all that counts if tcc compiles it."""
_ANY_OPT = MAX_OPT


@dataclass(slots=True)
class _Record:
    """What a build tells of itself (see `BuildReport`), and where it may keep objects."""

    seconds: dict[str, float]
    cache_folder: Path
    not_kept: str = ""


@dataclass(frozen=True, slots=True)
class _Source:
    """A module that is valid but for its function bodies, and the plan for its C."""

    module: Module
    plan: Plan
    emit: EmitOptions
    state: ModuleState | None
    chunks: ChunkSource

    def render(self, producer: str, *, blobs_apart: bool = False) -> dict[str, bytes]:
        """Everything but the functions, see `render_module`; instances begin with ``state`` if there is one."""
        files = render_module(self.module, self.plan, producer, blobs_apart=blobs_apart)
        if self.state is not None:
            files["meta.bin"], files["image.bin"] = with_state(files["meta.bin"], self.state)
        return files

    @property
    def n_chunks(self) -> int:
        return len(self.plan.chunks)


def compile_to_file(
    data: bytes,
    out: Path,
    options: BuildOptions | None = None,
    *,
    emit: EmitKind = "so",
    progress: Progress | None = None,
    toolchain: Toolchain | None = None,
    state: ModuleState | None = None,
    cache_folder: Path | None = None,
) -> BuildReport:
    """Compile a module to ``out``: a shared object, with ``emit="obj"`` a relocatable one, with ``emit="exe"`` a
    program that needs nothing else, with ``emit="c"`` a folder of C files, blobs and the headers they include.

    ``toolchain`` saves looking for the compiler again. With ``state``, which is one of this module's, instances begin
    there instead of running segments and the start function. ``cache_folder`` is where objects are kept, if not in the
    user's cache. Raises ModuleError for the first thing wrong with the
    module, before any BuildError; UsageError if ``out`` cannot be such a result.
    """
    options = BuildOptions() if options is None else options
    progress = Quiet() if progress is None else progress
    target = _check_target(out, emit)
    clock = time.monotonic()
    module = load_module(data, options.features)
    if emit == "exe":
        check_imports(module)
    seconds = {"decode": time.monotonic() - clock}
    record = _Record(seconds, cache_root() if cache_folder is None else cache_folder)
    try:
        with _workfolder(options) as tmp:
            if emit == "c":
                units = _write_all(module, options, tmp, state, record)
                out_bytes = _publish_folder(tmp, target)
            else:
                units = _make_object(module, options, tmp, emit, progress, toolchain, state, record)
                out_bytes = _publish_file(tmp / "out", target, executable=emit != "obj")
    finally:
        progress.end()
    seconds["render"] = sum(unit.render_seconds for unit in units)
    seconds["compile"] = sum(unit.compile_seconds for unit in units)
    seconds["total"] = time.monotonic() - clock
    c_bytes = sum(unit.c_bytes for unit in units)
    peak = max((unit.peak_bytes for unit in units), default=0)
    n_chunks = max(1, sum(unit.name not in (MODULE_UNIT, BLOBS_UNIT) for unit in units))  # one is part of module.c
    counts = len(module.bodies), n_chunks, c_bytes, out_bytes, peak
    return BuildReport(target, *counts, seconds, units, record.not_kept)


def _plan(module: Module, options: BuildOptions, cpu_level: int, state: ModuleState | None, record: _Record) -> _Source:
    start = time.monotonic()
    emit = EmitOptions(
        guard=options.guard,
        segment=options.segment,
        precise=options.precise,
        cpu_level=cpu_level,
        debug=options.debug,
        fuel=options.fuel,
        epochs=options.epochs,
        offsets=options.has_offsets,
        apart=options.fast,
        counters=options.counters is not None,
        features=options.features,
    )
    plan = plan_module(module, emit)
    record.seconds["plan"] = time.monotonic() - start
    return _Source(module, plan, emit, state, ChunkSource(module, plan))


def _write_all(
    module: Module, options: BuildOptions, tmp: Path, state: ModuleState | None, record: _Record
) -> tuple[Unit, ...]:
    """All C of a module, for people and other build systems; no compiler is needed, nor named in it."""
    source = _plan(module, replace(options, offsets=False, segment=False), options.cpu_level, state, record)
    units = []
    for chunk in range(source.n_chunks):
        written = source.chunks.write(chunk, tmp)
        name = source.chunks.name(chunk)
        units.append(Unit(name, written.max_opt, c_bytes=len(written.text), render_seconds=written.seconds))
    files = source.render(f"wasm2so {VERSION}")
    _write(tmp, files)
    shutil.copytree(include_dir() / "wasm2so", tmp / "wasm2so")
    return (Unit(MODULE_UNIT, _ANY_OPT, c_bytes=len(files["module.c"])), *units)


def _make_object(
    module: Module,
    options: BuildOptions,
    tmp: Path,
    emit: EmitKind,
    progress: Progress,
    toolchain: Toolchain | None,
    state: ModuleState | None,
    record: _Record,
) -> tuple[Unit, ...]:
    """Leave the object in ``tmp / "out"``."""
    source: _Source | None = None
    error: BuildError | ModuleError
    try:
        toolchain = find_toolchain(options.cc, fast=options.fast) if toolchain is None else toolchain
        if emit != "so":
            toolchain = replace(toolchain, tcc=None)  # its symbols are not hidden, which only the last link mends
        options = replace(options, segment=options.uses_segment(toolchain))
        place = Workplace(tmp, include_dir(), toolchain, options, launcher=find_launcher(options.launcher))
        if options.counters is not None:
            begin(options.counters)
            threads = any(memory.limits.shared for memory in module.memories)
            place = replace(place, counting=counting_flags(toolchain, options.counters.resolve(), threads=threads))
        if options.profile is not None:
            prepare(options.profile, toolchain, tmp, options.limits)
        source = _plan(module, options, toolchain.cpu_level(options.cpu_level), state, record)
        chunks = source.plan.chunks
        progress.begin(tuple(len(c.funcs) for c in chunks), tuple(c.code_bytes for c in chunks))
        units = _compile_all(source, place, progress, record)
        _note_profile(options, toolchain, units)
        start = time.monotonic()
        _link(replace(place, launcher=()), units, emit)
        record.seconds["link"] = time.monotonic() - start
        return units
    except (BuildError, ModuleError) as err:
        error = err
    _raise_first(source or _plan(module, options, options.cpu_level, state, record), tmp)
    raise error


def _note_profile(options: BuildOptions, toolchain: Toolchain, units: tuple[Unit, ...]) -> None:
    """Say what the code will count; raises BuildError if what was counted is of none of this code."""
    if options.counters is not None:
        write_manifest(options.counters, toolchain, {unit.name: unit.text_digest for unit in units if unit.text_digest})
    profile = options.profile
    if profile is not None and not any(unit.profiled for unit in units):
        raise BuildError(f"the profile in {profile.folder} is of another module, or of one compiled with other options")


def _compile_all(source: _Source, place: Workplace, progress: Progress, record: _Record) -> tuple[Unit, ...]:
    """Compile everything. A single module's only object is module.o, which has the chunk in it."""
    tmp = place.tmp
    level = "" if place.toolchain.machine != "x86_64" else f" x86-64-v{source.emit.cpu_level}"
    compilers = ", ".join(c.version for c in (place.toolchain.tcc, place.toolchain) if c is not None)
    producer = f"wasm2so {VERSION}; {compilers}; -O{place.options.opt_level}{level}"
    # Launchers do not carry elsewhere what assembly includes.
    blobs_apart = bool(place.launcher)
    _write(tmp, source.render(producer, blobs_apart=blobs_apart))
    units = (compile_unit(replace(place, launcher=()), BLOBS_UNIT, 0),) if blobs_apart else ()
    if not source.plan.single:
        return _compile_chunks(source, place, progress, record) + units
    written = source.chunks.write(0, tmp)
    unit = compile_functions(place, MODULE_UNIT, written.text, written.max_opt, jumps=written.jumps)
    unit = replace(unit, c_bytes=unit.c_bytes + len(written.text), render_seconds=written.seconds)
    progress.done(unit, None)
    return (unit, *units)


def _compile_chunks(source: _Source, place: Workplace, progress: Progress, record: _Record) -> tuple[Unit, ...]:
    """Compile module.c and all chunks, several at a time; objects that have been kept are used."""
    tmp = place.tmp
    place = replace(place, objects=_kept_objects(place.options, record))
    keeper = Keeper(place.objects)

    def done(unit: Unit, chunk: int | None) -> None:
        keeper.added(unit.stored_bytes)
        progress.done(unit, chunk)

    n_workers = min(place.options.n_jobs, source.n_chunks + 1)
    if place.toolchain.tcc and sum(chunk.code_bytes for chunk in source.plan.chunks) < _ALONE_BYTES:
        n_workers = 1
    if n_workers > 1:
        (tmp / _WASM).write_bytes(source.module.data)
        return run_pool(Job(tmp / _WASM, source.emit, place, _ANY_OPT), source.n_chunks, n_workers, done)
    units = [compile_unit(place, MODULE_UNIT, _ANY_OPT)]
    done(units[0], None)
    for chunk in range(source.n_chunks):
        units.append(compile_chunk(place, source.chunks, chunk))
        done(units[-1], chunk)
    return tuple(units)


def _kept_objects(options: BuildOptions, record: _Record) -> ObjectCache | None:
    """The cache of objects. A build does not need it, so one that cannot be used is only told of."""
    if not options.incremental:
        return None
    try:
        return ObjectCache.under(record.cache_folder)
    except ResourceError as err:
        record.not_kept = str(err)
        return None


def _raise_first(source: _Source, tmp: Path) -> None:
    """After a failure: raise the error of the lowest chunk with an invalid body, if there is one.

    Chunks are compiled in no certain order, so what failed first need not be what a reader of the module meets
    first; and a module that is invalid is refused for that even where the compiler fails as well.
    """
    for chunk in range(source.n_chunks):
        if not (tmp / f"{source.chunks.name(chunk)}.c").exists():
            source.chunks.render(chunk)


def _link(place: Workplace, units: tuple[Unit, ...], emit: EmitKind) -> None:
    objects = [f"{unit.name}.o" for unit in units]
    if emit == "exe":
        link_executable(place, objects, place.counting)
        return
    if emit == "so":
        (place.tmp / _EXPORTS).write_text(f"{{ global: {names.DESCRIPTOR}; local: *; }};\n", encoding="ascii")
        command = place.toolchain.link_command(objects, "out", _EXPORTS if place.toolchain.tcc else "", place.counting)
    else:
        command = place.toolchain.combine_command(objects, "out")
    result = run(place, command)
    if result.outcome is not Outcome.OK:
        raise failure(command, result)
    if emit == "obj":
        check_output(place, command, "out", ObjectKind.RELOCATABLE)
        return
    try:
        read_meta(place.tmp / "out")
    except (FormatError, OSError) as err:
        raise BuildError(f"{command[0]} reported success but its output is no good: {err}", command) from None


def _write(tmp: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (tmp / name).write_bytes(content)


@contextmanager
def _workfolder(options: BuildOptions) -> Iterator[Path]:
    """The build's private folder; with ``options.keep``, its C files and objects are copied there at the end."""
    with tempfile.TemporaryDirectory(prefix="wasm2so-", ignore_cleanup_errors=True) as name:
        tmp = Path(name)
        try:
            yield tmp
        finally:
            if options.keep is not None:
                options.keep.mkdir(parents=True, exist_ok=True)
                for path in tmp.iterdir():
                    if path.suffix in {".c", ".h", ".bin", ".o"} and path.is_file():
                        shutil.copyfile(path, options.keep / path.name)


def _check_target(out: Path, emit: EmitKind) -> Path:
    """The path to publish at, symbolic links followed. Raises UsageError if such a result cannot be put there."""
    target = out.resolve()
    if not target.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {target.parent}")
    if emit != "c":
        if target.is_dir():
            raise UsageError(f"{out}: is a folder")
        return target
    if target.exists() and not target.is_dir():
        raise UsageError(f"{out}: exists and is not a folder, which is what C is written to")
    foreign = sorted(path.name for path in target.iterdir() if not _is_ours(path)) if target.is_dir() else []
    if foreign:
        raise UsageError(f"{out}: the folder holds other files ({', '.join(foreign[:3])}); name a new or empty one")
    return target


def _is_ours(path: Path) -> bool:
    """Could `_publish_folder` have written this?"""
    if path.name == "wasm2so":
        return path.is_dir() and all(header.suffix == ".h" for header in path.iterdir())
    numbered = path.suffix == ".c" and path.stem[:1] == "f" and path.stem[1:].isdigit()
    return numbered or path.name in {"module.h", "module.c", "meta.bin", "data.bin", "image.bin"}


def _publish_file(made: Path, target: Path, *, executable: bool) -> int:
    """Put the result at ``target``. A device or pipe is written to, never replaced."""
    size = made.stat().st_size
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        with made.open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return size
    with new_file(target, 0o777 if executable else 0o666) as temporary:
        shutil.copyfile(made, temporary)
    return size


def _publish_folder(tmp: Path, target: Path) -> int:
    """Put a copy of ``tmp`` at ``target``, in exchange for an earlier result if there is one."""
    fresh = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name[:64]}."))
    try:
        new, old = fresh / "new", fresh / "old"
        new.mkdir()
        for path in tmp.iterdir():
            if path.is_dir():
                shutil.copytree(path, new / path.name)
            else:
                shutil.copyfile(path, new / path.name)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
