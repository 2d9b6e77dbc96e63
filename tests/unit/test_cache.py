"""The cache: hits, keys, damage, other users, and several processes at once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from aot.build import BuildOptions, Cache, compile_cached, find_toolchain, read_meta
from aot.build.cache import cache_key, copy_entry
from aot.errors import BuildError, InvalidError, ResourceError
from tests.unit import compilers
from tests.unit.compilers import chunked_module, fake_compiler, runs, small_module


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def options(tmp_path: Path) -> BuildOptions:
    """Options with a compiler whose runs can be counted."""
    return BuildOptions(opt_level=0, jobs=1, cc=fake_compiler(tmp_path, ":"))


def entries(cache: Cache) -> list[str]:
    return sorted(path.name for path in (cache.root / "so").iterdir())


def test_second_time_is_a_hit(tmp_path: Path, cache: Cache, options: BuildOptions) -> None:
    first = compile_cached(small_module(), options, cache)
    assert compile_cached(small_module(), options, cache) == first
    assert len(runs(tmp_path)) == 1
    assert entries(cache) == [first.name]
    read_meta(first)
    assert cache.root.stat().st_mode & 0o777 == 0o700


def test_known_compiler_is_not_run_for_a_hit(
    tmp_path: Path, cache: Cache, options: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = compile_cached(small_module(), options, cache)
    monkeypatch.setattr("aot.build.cache.probe", lambda command: pytest.fail("the compiler was asked again"))
    assert compile_cached(small_module(), options, cache) == first
    for memo in (cache.root / "cc").iterdir():
        memo.write_text("{damaged")
    monkeypatch.undo()
    assert compile_cached(small_module(), options, cache) == first


def test_key_depends_on_everything(options: BuildOptions) -> None:
    toolchain = find_toolchain(options.cc)
    keys = {
        cache_key(small_module(), options, toolchain),
        cache_key(small_module(43), options, toolchain),
        cache_key(small_module(), replace(options, opt_level=1), toolchain),
        cache_key(small_module(), replace(options, guard=False), toolchain),
        cache_key(small_module(), replace(options, precise=False), toolchain),
        cache_key(small_module(), replace(options, debug=True), toolchain),
        cache_key(small_module(), options, replace(toolchain, banner="gcc 99")),
        cache_key(small_module(), options, replace(toolchain, command=("/other/cc",))),
        cache_key(small_module(), options, replace(toolchain, machine="aarch64", target="aarch64-linux-gnu")),
    }
    assert len(keys) == 9
    same = cache_key(small_module(), replace(options, jobs=7, compiler_seconds=5), toolchain)
    assert same in keys
    if toolchain.machine == "x86_64":
        assert cache_key(small_module(), replace(options, cpu_level=3), toolchain) not in keys


def test_key_changes_with_the_headers(tmp_path: Path, options: BuildOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain = find_toolchain(options.cc)
    before = cache_key(small_module(), options, toolchain)
    (tmp_path / "wasm2so").mkdir()
    (tmp_path / "wasm2so" / "num.h").write_text("/* other */")
    monkeypatch.setattr("aot.build.cache.include_dir", lambda: tmp_path)
    assert cache_key(small_module(), options, toolchain) != before


def damage_flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ 1,)) + data[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [damage_flip, lambda data: data[:-1], lambda data: data[:1000], lambda data: b"", lambda data: data + b"x"],
    ids=["flipped bit", "short by one", "short", "empty", "long by one"],
)
def test_damaged_entry_is_made_again(tmp_path: Path, cache: Cache, options: BuildOptions, damage: object) -> None:
    assert callable(damage)
    entry = compile_cached(small_module(), options, cache)
    good = entry.read_bytes()
    entry.chmod(0o600)
    entry.write_bytes(damage(good))
    assert compile_cached(small_module(), options, cache) == entry
    assert entry.read_bytes() == good
    assert len(runs(tmp_path)) == 2


def test_entry_is_replaced_not_written_to(cache: Cache, options: BuildOptions) -> None:
    entry = compile_cached(small_module(), options, cache)
    inode = entry.stat().st_ino
    with entry.open("rb") as held:
        entry.write_bytes(b"")
        compile_cached(small_module(), options, cache)
        assert entry.stat().st_ino != inode
        assert held.read() == b"", "who has the old file open still has the old file"


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701])
def test_open_folder_is_refused(cache: Cache, options: BuildOptions, mode: int) -> None:
    cache.root.mkdir()
    cache.root.chmod(mode)
    with pytest.raises(ResourceError, match="open to other users"):
        compile_cached(small_module(), options, cache)


def test_open_inner_folder_is_refused(cache: Cache, options: BuildOptions) -> None:
    compile_cached(small_module(), options, cache)
    (cache.root / "so").chmod(0o777)
    with pytest.raises(ResourceError, match="open to other users"):
        compile_cached(small_module(), options, cache)


def test_link_in_place_of_the_folder_is_refused(tmp_path: Path, cache: Cache, options: BuildOptions) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    cache.root.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ResourceError, match="not a folder"):
        compile_cached(small_module(), options, cache)


def test_folder_of_another_user_is_refused(
    cache: Cache, options: BuildOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.root.mkdir(mode=0o700)
    owner = cache.root.stat().st_uid
    monkeypatch.setattr("os.geteuid", lambda: owner + 1)
    with pytest.raises(ResourceError, match=f"belongs to user {owner}"):
        compile_cached(small_module(), options, cache)


def test_folder_that_cannot_be_made(tmp_path: Path, options: BuildOptions) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match="cache folder"):
        compile_cached(small_module(), options, Cache(tmp_path / "file" / "cache"))


def test_failed_build_leaves_no_entry(tmp_path: Path, cache: Cache, options: BuildOptions) -> None:
    with pytest.raises(InvalidError):
        compile_cached(chunked_module(1, bad=(0,)), options, cache)
    failing = replace(options, cc=fake_compiler(tmp_path, compilers.REFUSE))
    with pytest.raises(BuildError):
        compile_cached(small_module(), failing, cache)
    assert entries(cache) == []


def test_leftover_of_a_killed_build_is_removed(cache: Cache, options: BuildOptions) -> None:
    entry = compile_cached(small_module(), options, cache)
    entry.rename(entry.with_name(f".{entry.name}.0123456789abcdef.tmp"))
    compile_cached(small_module(), options, cache)
    assert entries(cache) == [entry.name]


def test_several_processes_compile_once(tmp_path: Path, cache: Cache) -> None:
    cc = fake_compiler(tmp_path, "sleep 0.3")
    module = tmp_path / "m.wasm"
    module.write_bytes(small_module())
    code = (
        "import sys; from pathlib import Path; from aot.build import *\n"
        f"options = BuildOptions(opt_level=0, jobs=1, cc={cc!r})\n"
        f"print(compile_cached(Path({str(module)!r}).read_bytes(), options, Cache(Path({str(cache.root)!r}))))\n"
    )
    root = str(Path(__file__).parents[2])
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(4)
    ]
    answers = {process.communicate(timeout=60)[0].strip() for process in started}
    assert [process.returncode for process in started] == [0] * 4
    assert len(answers) == 1
    read_meta(Path(answers.pop()))
    assert len(runs(tmp_path)) == 1


def test_copy_leaves_the_trailer_behind(tmp_path: Path, cache: Cache, options: BuildOptions) -> None:
    from aot.build import compile_to_file

    compile_to_file(small_module(), tmp_path / "direct.so", options)
    copy_entry(compile_cached(small_module(), options, cache), tmp_path / "copy.so")
    assert (tmp_path / "copy.so").read_bytes() == (tmp_path / "direct.so").read_bytes()


def test_default_folder_follows_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "there"))
    assert Cache.default().root == tmp_path / "there"
    monkeypatch.delenv("WASM2SO_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Cache.default().root == tmp_path / "xdg" / "wasm2so"
