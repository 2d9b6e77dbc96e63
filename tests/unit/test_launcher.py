"""Compilers started by something else: what it is given, and that two real ones understand it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

import aot
from aot.build import BuildOptions, compile_to_file
from aot.build.launcher import find_launcher, launcher_environment
from aot.errors import BuildError
from tests.unit.compilers import a_compiler, chunked_module, small_module

OPTIONS = BuildOptions(opt_level=0, jobs=2, cc=a_compiler(), incremental=False)


@pytest.fixture(autouse=True)
def cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("WASM2SO_LAUNCHER", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A launcher that notes its arguments and environment."""
    script = tmp_path / "recorder"
    script.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path}/log"\nenv > "{tmp_path}/env"\nexec "$@"\n')
    script.chmod(0o755)
    return script


def launched(folder: Path) -> list[str]:
    """The C files that were compiled by the launcher."""
    lines = (folder / "log").read_text().splitlines()
    assert all(line.startswith(a_compiler()) for line in lines)
    return sorted(line.rpartition(" -c ")[2].split()[0] for line in lines)


def answer(path: Path) -> int:
    engine = aot.Engine()
    exports = aot.Instance(aot.Store(engine), aot.Module.deserialize_file(engine, path), []).exports
    result: int = next(iter(exports.values()))()
    return result


@pytest.mark.parametrize(
    ("module", "files", "value"),
    [(small_module(), ["module.c"], 42), (chunked_module(2), ["f0.c", "f1.c", "module.c"], 0)],
    ids=["one file", "several files"],
)
def test_what_launchers_get(tmp_path: Path, recorder: Path, module: bytes, files: list[str], value: int) -> None:
    """All C files but the one that brings in other files; the linker runs by itself."""
    report = compile_to_file(module, tmp_path / "m.so", replace(OPTIONS, launcher=str(recorder)))
    assert launched(tmp_path) == files
    assert answer(tmp_path / "m.so") == value
    assert report.n_chunks == max(1, len(files) - 1)
    compile_to_file(module, tmp_path / "plain.so", OPTIONS)
    assert answer(tmp_path / "plain.so") == value


def test_one_relocatable_object(tmp_path: Path, recorder: Path) -> None:
    """The blobs are in it, though they were compiled apart."""
    compile_to_file(small_module(), tmp_path / "m.o", replace(OPTIONS, launcher=str(recorder)), emit="obj")
    names = sections(tmp_path / "m.o")
    assert {".w2s.meta", ".w2s.data", ".w2s.image"} <= names.keys()


def test_the_variable_names_one_too(tmp_path: Path, recorder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WASM2SO_LAUNCHER", f"'{recorder}' ")
    compile_to_file(small_module(), tmp_path / "m.so", OPTIONS)
    assert launched(tmp_path) == ["module.c"]
    compile_to_file(small_module(), tmp_path / "m.so", replace(OPTIONS, launcher=""))
    assert launched(tmp_path) == ["module.c"], "an empty one asks for none"


def test_kept_objects_need_no_launcher(tmp_path: Path, recorder: Path) -> None:
    options = replace(OPTIONS, incremental=True)
    compile_to_file(chunked_module(2), tmp_path / "m.so", options)
    compile_to_file(chunked_module(2), tmp_path / "m.so", replace(options, launcher=str(recorder)))
    assert launched(tmp_path) == ["module.c"]


def test_only_its_own_settings_pass(tmp_path: Path, recorder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISTCC_HOSTS", "CCACHE_DIR", "CPATH", "LD_LIBRARY_PATH", "SECRET"):
        monkeypatch.setenv(name, f"/{name}")
    compile_to_file(small_module(), tmp_path / "m.so", replace(OPTIONS, launcher=str(recorder)))
    environment = (tmp_path / "env").read_text()
    assert "DISTCC_HOSTS=/DISTCC_HOSTS\n" in environment
    assert "CCACHE_DIR=/CCACHE_DIR\n" in environment
    for name in ("CPATH", "LD_LIBRARY_PATH", "SECRET"):
        assert name not in environment
    assert launcher_environment({"HOME": "/h", "PATH": "/p"}) == {"HOME": "/h"}


def test_bad_launchers(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="launcher 'nonesuch' .from --launcher. not found"):
        compile_to_file(small_module(), tmp_path / "m.so", replace(OPTIONS, launcher="nonesuch -x"))
    with pytest.raises(BuildError, match="No closing quotation"):
        find_launcher("'distcc")
    (tmp_path / "fails").write_text("#!/bin/sh\necho 'error: no host answers' >&2\nexit 103\n")
    (tmp_path / "fails").chmod(0o755)
    with pytest.raises(BuildError, match="failed with status 103: error: no host answers"):
        compile_to_file(small_module(), tmp_path / "m.so", replace(OPTIONS, launcher=str(tmp_path / "fails")))


# -- real ones --------------------------------------------------------------------------------------------------------


@pytest.fixture
def distcc_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """distcc told to use a server on this machine, which notes what it compiles, and nothing else."""
    daemon = shutil.which("distccd") or shutil.which("distccd", path="/usr/sbin:/usr/local/sbin")
    if daemon is None or shutil.which("distcc") is None:
        pytest.skip("distcc is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "distccd.log"
    command = [daemon, "--no-detach", "--daemon", "--port", str(port), "--listen", "127.0.0.1", "--allow", "127.0.0.1"]
    command += ["--enable-tcp-insecure", "--log-level", "info", "--log-stderr", "--jobs", "2"]
    user = ["--user", "nobody"] if os.geteuid() == 0 else []
    with log.open("wb") as stderr:
        server = subprocess.Popen([*command, *user], stderr=stderr)
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert server.poll() is None, log.read_text()
                assert time.monotonic() < deadline
                time.sleep(0.05)
        monkeypatch.setenv("DISTCC_HOSTS", f"127.0.0.1:{port}")
        monkeypatch.setenv("DISTCC_FALLBACK", "0")
        (tmp_path / "distcc").mkdir()
        monkeypatch.setenv("DISTCC_DIR", str(tmp_path / "distcc"))
        yield log
    finally:
        server.terminate()
        server.wait(10)


@pytest.mark.parametrize("opt", [0, 1])
def test_through_distcc(tmp_path: Path, distcc_log: Path, opt: int) -> None:
    """Everything is compiled by the server, out of sight of the build's folder, to the same code."""
    options = replace(OPTIONS, opt_level=opt)
    compile_to_file(chunked_module(2), tmp_path / "m.so", replace(options, launcher="distcc"))
    done = [line.split() for line in distcc_log.read_text().splitlines() if "COMPILE_OK" in line]
    assert sorted(words[-1] for words in done) == ["f0.c", "f1.c", "module.c"]
    assert answer(tmp_path / "m.so") == 0
    compile_to_file(chunked_module(2), tmp_path / "local.so", replace(options, launcher="env"))
    remote, local = sections(tmp_path / "m.so"), sections(tmp_path / "local.so")
    assert remote.keys() == local.keys()
    assert {name for name in local if remote[name] != local[name] and "debug" not in name} == {".note.gnu.build-id"}
    assert b"/tmp" not in remote[".debug_line_str"] + remote[".debug_str"]
    assert b"distccd_" not in (tmp_path / "m.so").read_bytes()


def sections(path: Path) -> dict[str, bytes]:
    with path.open("rb") as file:
        return {section.name: section.data() for section in ELFFile(file).iter_sections()}


def test_through_ccache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second build, which has another temporary folder, finds everything."""
    if shutil.which("ccache") is None:
        pytest.skip("ccache is not installed")
    monkeypatch.setenv("CCACHE_DIR", str(tmp_path / "ccache"))
    for name in ("a.so", "b.so"):
        compile_to_file(chunked_module(2), tmp_path / name, replace(OPTIONS, launcher="ccache"))
    said = subprocess.run(["ccache", "--print-stats"], capture_output=True, text=True, check=True).stdout
    counts = dict(line.split() for line in said.splitlines())
    assert int(counts["cache_miss"]) == 3
    assert int(counts["direct_cache_hit"]) + int(counts["preprocessed_cache_hit"]) == 3
    assert (tmp_path / "a.so").read_bytes() == (tmp_path / "b.so").read_bytes()
