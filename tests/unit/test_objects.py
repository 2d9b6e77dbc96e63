"""Objects kept between builds: what is compiled again after a change, what a stopped build leaves, and limits."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import aot
from aot.abi import include_dir
from aot.build import BuildOptions, BuildReport, compile_to_file
from aot.build.objects import Keeper, KeptObject, ObjectCache, object_key
from aot.build.options import Unit
from aot.build.progress import Bar
from aot.build.sealed import sealed
from aot.errors import UsageError
from tests.unit.compilers import NOP, chunked_module, fake_compiler, runs, small_module, wait_until
from tests.wasm_builder import FUNC, I32, ModuleBuilder, i32_const

KNOWN = KeptObject(2, "", False, 1.5, 1 << 20)
N_FUNCTIONS = 1000


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def options(tmp_path: Path) -> BuildOptions:
    return BuildOptions(opt_level=0, jobs=1, cc=fake_compiler(tmp_path, ":"))


def compiled(folder: Path) -> list[str]:
    """The C files that the fake compiler was given since the last time."""
    names = [line.rpartition(" -c ")[2].split()[0] for line in runs(folder)]
    (folder / "runs").unlink(missing_ok=True)
    return sorted(names)


def module(changed: int | None = None, more: bytes = b"", *, grown: bool = False) -> bytes:
    """A module of many C files; with ``changed``, one function is longer by ``more``, which begins with something
    that stays in C. ``grown``: the module has one more global, export, data segment and type, too.
    """
    builder = ModuleBuilder()
    binary = builder.type(I32, I32)
    builder.globals.append(I32 + b"\1" + i32_const(0) + b"\x0b")
    if grown:
        builder.type(I32 + I32, I32)
        builder.globals.append(I32 + b"\0" + i32_const(9) + b"\x0b")
    for k in range(N_FUNCTIONS):
        called = (k + 1) % N_FUNCTIONS
        # Division may trap, so that its line is numbered.
        body = b"\x20\x00" + i32_const(k + 1) + b"\x6e\x10" + leb(called) + b"\x23\x00\x6a" + NOP * 800
        builder.function(binary, (more if k == changed else b"") + body)
    builder.export("f", FUNC, 0)
    if grown:
        builder.export("g", FUNC, 500)
    return builder.build()


def leb(n: int) -> bytes:
    return bytes((n & 0x7F | 0x80, n >> 7)) if n > 0x7F else bytes((n,))


def build(data: bytes, folder: Path, options: BuildOptions) -> BuildReport:
    return compile_to_file(data, folder / "m.so", options)


MORE = b"\x20\x00" + i32_const(77) + b"\x6e\x21\x00" + NOP * 5  # local 0 divided by 77


@pytest.mark.parametrize("changed", [0, 333, N_FUNCTIONS - 1])
@pytest.mark.parametrize("offsets", [True, False])
def test_a_changed_function_recompiles_its_own_file(
    tmp_path: Path, options: BuildOptions, changed: int, offsets: bool
) -> None:
    options = replace(options, offsets=offsets)
    first = build(module(), tmp_path, options)
    assert first.n_chunks > 6
    assert first.n_kept == 0
    assert len(compiled(tmp_path)) == first.n_chunks + 1
    second = build(module(changed, MORE), tmp_path, options)
    again = compiled(tmp_path)
    assert len(again) == 2
    assert "module.c" in again
    assert second.n_kept == first.n_chunks - 1
    kept = (tmp_path / "m.so").read_bytes()
    build(module(changed, MORE), tmp_path, replace(options, incremental=False))
    assert len(compiled(tmp_path)) == first.n_chunks + 1
    assert (tmp_path / "m.so").read_bytes() == kept


def test_what_files_do_not_use_may_change(tmp_path: Path, options: BuildOptions) -> None:
    """A global, an export, and a type behind the others."""
    n_chunks = build(module(), tmp_path, options).n_chunks
    compiled(tmp_path)
    assert build(module(grown=True), tmp_path, options).n_kept == n_chunks
    assert compiled(tmp_path) == ["module.c"]


@pytest.mark.parametrize(
    "change",
    [{"opt_level": 1}, {"guard": False}, {"precise": False}, {"debug": True}, {"compiler_seconds": 119}],
    ids=str,
)
def test_other_options_are_other_objects(tmp_path: Path, options: BuildOptions, change: dict[str, int]) -> None:
    build(chunked_module(2), tmp_path, options)
    assert build(chunked_module(2), tmp_path, replace(options, **change)).n_kept == 0  # type: ignore[arg-type]


def test_key_depends_on_text_headers_and_parts(tmp_path: Path) -> None:
    keys = [object_key(b"int x;", include_dir(), ("gcc", "-O2"))]
    keys.append(object_key(b"int y;", include_dir(), ("gcc", "-O2")))
    keys.append(object_key(b"int x;", include_dir(), ("gcc-O2", "")))
    (tmp_path / "wasm2so").mkdir()
    (tmp_path / "wasm2so" / "num.h").write_text("/* other */")
    keys.append(object_key(b"int x;", tmp_path, ("gcc", "-O2")))
    assert len(set(keys)) == 4


def test_a_single_file_is_not_kept(tmp_path: Path, options: BuildOptions, cache_folder: Path) -> None:
    build(small_module(), tmp_path, options)
    assert not cache_folder.exists()


SLOW = 'case "$*" in *" f2.c "*) test -e "{folder}/go" || sleep 600;; esac'


@pytest.fixture
def stopped(tmp_path: Path, cache_folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A build of four C files that hangs at the third, when the others are done; and its compiler."""
    cc = fake_compiler(tmp_path, SLOW.format(folder=tmp_path))
    (tmp_path / "m.wasm").write_bytes(chunked_module(4))
    args = ["compile", str(tmp_path / "m.wasm"), "-o", str(tmp_path / "m.so"), "-O0", "-j2", "--cc", cc]
    process = subprocess.Popen([sys.executable, "-m", "aot", *args])
    assert wait_until(lambda: len(list(cache_folder.glob("objects/*.o"))) == 3, seconds=60)
    yield process, cc
    process.kill()
    process.wait()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_build_is_resumed(
    tmp_path: Path, stopped: tuple[subprocess.Popen[bytes], str], how: signal.Signals
) -> None:
    process, cc = stopped
    process.send_signal(how)
    process.wait(30)
    (tmp_path / "go").touch()
    if how is signal.SIGKILL:  # its worker is an orphan until the compiler is done, which nothing can end
        for pid in children_of_scripts(tmp_path):
            os.kill(pid, signal.SIGKILL)
    compiled(tmp_path)
    report = build(chunked_module(4), tmp_path, BuildOptions(opt_level=0, jobs=2, cc=cc, segment=False))
    assert compiled(tmp_path) == ["f2.c", "module.c"]
    assert report.n_kept == 3


def children_of_scripts(folder: Path) -> list[int]:
    """Processes whose command line names the folder's compiler, and what these run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(folder / "fakecc").encode() in line and b" compile " not in line.replace(b"\0", b" "):
                found.append(int(entry.name))
    return found


def test_a_level_that_was_stepped_down_is_told_again(tmp_path: Path) -> None:
    misdeed = 'case " $* " in *" -O0 "*) ;; *f1.c*) echo "internal compiler error" >&2; exit 4;; esac'
    options = BuildOptions(opt_level=1, jobs=1, cc=fake_compiler(tmp_path, misdeed))
    first = build(chunked_module(2), tmp_path, options)
    second = build(chunked_module(2), tmp_path, options)
    assert second.n_kept == 2
    for report in (first, second):
        assert [(unit.name, unit.opt, unit.stepped_down) for unit in report.downgrades] == [("f1", 0, "-O1 crashed")]


def of_another_release(_: bytes) -> bytes:
    words = b'{"opt": 1, "colour": "blue"}'
    return sealed(len(words).to_bytes(8, "little") + words + zlib.compress(b"object"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: data[:-100],
        lambda data: b"x" + data[1:],
        lambda data: b"",
        lambda data: sealed(b"short"),
        of_another_release,
    ],
    ids=["cut", "changed", "empty", "no entry", "another release"],
)
def test_a_damaged_object_is_made_again(
    tmp_path: Path, options: BuildOptions, cache_folder: Path, harm: object
) -> None:
    build(chunked_module(2), tmp_path, options)
    good = (tmp_path / "m.so").read_bytes()
    for entry in cache_folder.glob("objects/*.o"):
        entry.write_bytes(harm(entry.read_bytes()))  # type: ignore[operator]
    assert build(chunked_module(2), tmp_path, options).n_kept == 0
    assert build(chunked_module(2), tmp_path, options).n_kept == 2
    assert (tmp_path / "m.so").read_bytes() == good


def test_a_cache_that_is_open_to_others_is_not_used(tmp_path: Path, options: BuildOptions, cache_folder: Path) -> None:
    cache_folder.mkdir()
    cache_folder.chmod(0o777)
    report = build(chunked_module(2), tmp_path, options)
    assert "open to other users" in report.not_kept
    assert list(cache_folder.iterdir()) == []


# -- limits -----------------------------------------------------------------------------------------------------------


def filled(folder: Path, n: int, max_bytes: int) -> ObjectCache:
    """A cache of ``n`` objects of some 10,000 bytes, the first one the oldest."""
    folder.mkdir(mode=0o700, exist_ok=True)
    cache = ObjectCache(folder, max_bytes)
    made = folder.parent / "made.o"
    for k in range(n):
        made.write_bytes(os.urandom(10_000))
        cache.store(f"k{k}", made, KNOWN)
        os.utime(folder / f"k{k}.o", (time.time() - 1000 + k,) * 2)
    return cache


def test_what_was_used_least_recently_goes(tmp_path: Path) -> None:
    cache = filled(tmp_path / "objects", 10, 1 << 20)
    assert cache.fetch("k0", tmp_path / "out.o") == KNOWN
    replace(cache, max_bytes=60_000).trim()
    assert {path.stem for path in cache.folder.iterdir()} == {"k0", "k6", "k7", "k8", "k9"}
    assert cache.fetch("k1", tmp_path / "out.o") is None


def test_a_build_keeps_to_the_limit_while_it_runs(tmp_path: Path) -> None:
    cache = filled(tmp_path / "objects", 1, 60_000)
    keeper = Keeper(cache)
    for k in range(100):
        (tmp_path / "made.o").write_bytes(os.urandom(3_000))
        keeper.added(cache.store(f"n{k}", tmp_path / "made.o", KNOWN))
        assert sum(path.stat().st_size for path in cache.folder.iterdir()) <= 60_000 + 60_000 // 8 + 3_200


def test_an_object_beyond_the_limit_is_not_kept(tmp_path: Path) -> None:
    cache = filled(tmp_path / "objects", 0, 9_000)
    (tmp_path / "made.o").write_bytes(os.urandom(10_000))
    assert cache.store("k", tmp_path / "made.o", KNOWN) == 0
    assert list(cache.folder.iterdir()) == []


def test_leftovers_of_killed_processes_go_after_a_while(tmp_path: Path) -> None:
    cache = filled(tmp_path / "objects", 0, 60_000)
    for name, age in ((".old.tmp", 7200), (".new.tmp", 0)):
        (cache.folder / name).touch()
        os.utime(cache.folder / name, (time.time() - age,) * 2)
    cache.trim()
    assert [path.name for path in cache.folder.iterdir()] == [".new.tmp"]


def test_the_limit_can_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASM2SO_OBJECTS_BYTES", "1234567")
    assert ObjectCache.under(tmp_path / "c").max_bytes == 1234567
    for bad in ("-1", "many", "\u0663"):
        monkeypatch.setenv("WASM2SO_OBJECTS_BYTES", bad)
        with pytest.raises(UsageError, match="must be a number of bytes"):
            ObjectCache.under(tmp_path / "c")


def test_processes_share_the_cache(tmp_path: Path, options: BuildOptions) -> None:
    """Builds of one module at the same time: all end well, with the same result."""
    (tmp_path / "m.wasm").write_bytes(chunked_module(3))
    command = [sys.executable, "-m", "aot", "compile", str(tmp_path / "m.wasm"), "-O0", "-j1"]
    builds = [subprocess.Popen([*command, "-o", str(tmp_path / f"{k}.so")]) for k in range(3)]
    assert [process.wait(120) for process in builds] == [0, 0, 0]
    assert len({(tmp_path / f"{k}.so").read_bytes() for k in range(3)}) == 1


# -- telling how far a build is ---------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_objects_that_were_kept_do_not_count_for_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine of ten files are there; the last takes 4 s: the estimate before it must not be that of the nine."""
    now = 1000.0
    monkeypatch.setattr("tqdm.std.time", lambda: now)
    terminal = Terminal()
    bar = Bar(terminal)
    bar.begin((1,) * 12, (100,) * 12)
    for chunk in range(9):
        bar.done(Unit(f"f{chunk}", 2, kept=True), chunk)
    now += 4
    bar.done(Unit("f9", 2), 9)
    bar.end()
    last = terminal.getvalue().rpartition("\r")[0]
    assert "[00:04<00:08, 25.0B/s" in last, "4 s for each of the two that are left"
    assert "10/13 files, 10/12 functions" in last


def test_an_engine_without_cache_keeps_none(tmp_path: Path) -> None:
    for cache in (False, True):
        aot.Module(aot.Engine(aot.Config(opt_level=0, cache=cache)), chunked_module(2))
        assert (len(list(tmp_path.glob("cache/objects/*.o"))) == 2) == cache
