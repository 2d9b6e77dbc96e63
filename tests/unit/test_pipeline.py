"""From bytes to files: what comes out, what is said when it cannot, and that nothing is left behind."""

from __future__ import annotations

import os
import platform
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aot.build import BuildOptions, compile_to_file, read_meta
from aot.build.elf import ObjectKind, check_whole
from aot.build.run import RunLimits
from aot.errors import BuildError, InvalidError, UsageError
from tests.unit import compilers
from tests.unit.compilers import chunked_module, fake_compiler, left_over, runs, small_module

FAST = BuildOptions(opt_level=0, jobs=1)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that temporary folders are made in: empty again when a build is over."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))
    return folder


def with_fake(folder: Path, misdeed: str, when: str = "-c", **changes: Any) -> BuildOptions:
    return replace(FAST, cc=fake_compiler(folder, misdeed, when), **changes)


def test_shared_object(tmp_path: Path, temporary: Path) -> None:
    out = tmp_path / "m.so"
    report = compile_to_file(small_module(), out, FAST)
    assert read_meta(out).file_bytes == out.stat().st_size == report.out_bytes
    assert (report.n_functions, report.n_chunks, report.downgrades) == (1, 1, ())
    assert report.c_bytes > 500
    assert report.peak_bytes > 1 << 20
    assert {"decode", "plan", "render", "compile", "link", "total"} == report.seconds.keys()
    assert list(temporary.iterdir()) == []
    umask = os.umask(0)
    os.umask(umask)
    assert out.stat().st_mode & 0o777 == 0o777 & ~umask


def test_same_input_same_output(tmp_path: Path) -> None:
    for name, jobs in (("a.so", 1), ("b.so", 3)):
        report = compile_to_file(chunked_module(3), tmp_path / name, replace(FAST, jobs=jobs))
        assert report.n_chunks == 3
        assert [unit.name for unit in report.units] == ["module", "f0", "f1", "f2"]
    assert (tmp_path / "a.so").read_bytes() == (tmp_path / "b.so").read_bytes()


def test_debug_information_names_no_temporary_folder(tmp_path: Path, temporary: Path) -> None:
    for name in ("a.so", "b.so"):
        compile_to_file(small_module(), tmp_path / name, replace(FAST, debug=True))
    data = (tmp_path / "a.so").read_bytes()
    assert b".debug_info" in data
    assert str(temporary).encode() not in data
    assert data == (tmp_path / "b.so").read_bytes()


@pytest.mark.parametrize("module", [small_module(), chunked_module(2)], ids=["single", "chunks"])
def test_relocatable_object(tmp_path: Path, module: bytes) -> None:
    compile_to_file(module, tmp_path / "m.o", FAST, emit="obj")
    check_whole(tmp_path / "m.o", ObjectKind.RELOCATABLE, platform.machine())


def test_c_folder_compiles_on_its_own(tmp_path: Path) -> None:
    out = tmp_path / "c"
    for n_chunks in (3, 2):
        compile_to_file(chunked_module(n_chunks), out, replace(FAST, cc="/nonexistent"), emit="c")
    names = {path.name for path in out.iterdir()}
    assert {"module.h", "module.c", "f0.c", "f1.c", "meta.bin", "wasm2so"} <= names
    assert "f2.c" not in names, "what an earlier run wrote is gone"
    assert out.stat().st_mode & 0o077, "the folder has the mode that the umask gives"
    for source in ("module.c", "f0.c"):
        status = os.spawnlp(
            os.P_WAIT, "sh", "sh", "-c", f"cd '{out}' && {compilers.a_compiler()} -w -I. -c {source} -o {source}.o"
        )
        assert status == 0


def test_c_is_not_written_over_other_files(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"other files \(notes.txt"):
        compile_to_file(small_module(), tmp_path, FAST, emit="c")
    with pytest.raises(UsageError, match="is not a folder"):
        compile_to_file(small_module(), tmp_path / "notes.txt", FAST, emit="c")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_bad_targets(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        compile_to_file(small_module(), tmp_path / "no" / "m.so", FAST)
    with pytest.raises(UsageError, match="is a folder"):
        compile_to_file(small_module(), tmp_path, FAST)


def test_what_is_no_regular_file_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    compile_to_file(small_module(), pipe, FAST)
    reader.join(10)
    assert got[0][:4] == b"\x7fELF"
    assert pipe.is_fifo()


def test_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "link.so").symlink_to(tmp_path / "real.so")
    compile_to_file(small_module(), tmp_path / "link.so", FAST)
    assert (tmp_path / "link.so").is_symlink()
    read_meta(tmp_path / "real.so")


def test_level_steps_down_when_the_compiler_breaks(tmp_path: Path) -> None:
    options = with_fake(tmp_path, compilers.BREAK_ABOVE_O0, opt_level=2)
    report = compile_to_file(small_module(), tmp_path / "m.so", options)
    assert [(unit.name, unit.opt, unit.stepped_down) for unit in report.downgrades] == [
        ("module", 0, "-O2 crashed, -O1 crashed")
    ]
    again = Path(compilers.a_compiler()).name == "gcc"  # without some passes, before the level is lowered
    assert len(report.units[0].commands) == 3 + again
    read_meta(tmp_path / "m.so")


MISDEEDS = {
    "refuses": (compilers.REFUSE, "-c", r"failed with status 1: module\.c:3:5: error: expected"),
    "crashes": (compilers.CRASH, "-c", r"cannot compile module\.c: .*-O0 crashed \(SIGSEGV\)"),
    "hangs": (compilers.HANG, "-c", r"cannot compile module\.c: .*-O0 ran out of time after"),
    "writes garbage": (compilers.GARBAGE, "-c", r"reported success but module\.o is no good: not an ELF file"),
    "writes nothing": (compilers.NOTHING, "-c", r"reported success but module\.o is no good: No such file"),
    "cannot link": ("echo 'ld: error: no such symbol'; exit 1", "-shared", "failed with status 1: ld: error: no such"),
    "links garbage": ("echo garbage > out; exit 0", "-shared", "its output is no good: not an ELF file"),
    "links a part": ("head -c 5000 module.o > out; exit 0", "-shared", "its output is no good"),
}


@pytest.mark.parametrize("case", MISDEEDS)
def test_misbehaving_compiler(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    misdeed, when, message = MISDEEDS[case]
    out = tmp_path / "m.so"
    out.write_bytes(b"earlier result")
    if case == "hangs":
        monkeypatch.setattr(BuildOptions, "limits", property(lambda self: RunLimits(wall_seconds=0.5)))
    with pytest.raises(BuildError, match=message) as caught:
        compile_to_file(small_module(), out, with_fake(tmp_path, misdeed, when))
    assert caught.value.command[0].endswith("fakecc")
    assert out.read_bytes() == b"earlier result"
    assert left_over(tmp_path) == []
    assert list(temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_misbehaving_compiler_in_a_worker(tmp_path: Path, temporary: Path) -> None:
    options = with_fake(tmp_path, 'case "$*" in *f1.c*) echo "f1.c:1: error: no"; exit 1;; *f0.c*) ' +
                        compilers.HANG + ";; esac", jobs=3)  # fmt: skip
    with pytest.raises(BuildError, match=r"failed with status 1: f1\.c:1: error: no"):
        compile_to_file(chunked_module(3), tmp_path / "m.so", options)
    assert left_over(tmp_path) == [], "the compiler that another worker was running is ended"
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "m.so").exists()


@pytest.mark.parametrize("jobs", [1, 3])
def test_first_invalid_body_is_reported(tmp_path: Path, temporary: Path, jobs: int) -> None:
    with pytest.raises(InvalidError, match="unknown local 9") as caught:
        compile_to_file(chunked_module(4, bad=(1, 3)), tmp_path / "m.so", replace(FAST, jobs=jobs))
    assert caught.value.site is not None
    assert caught.value.site.function == 1
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("jobs", [1, 3])
def test_invalid_module_is_refused_for_that_though_the_compiler_fails_too(tmp_path: Path, jobs: int) -> None:
    with pytest.raises(InvalidError, match="unknown local 9"):
        compile_to_file(
            chunked_module(3, bad=(2,)), tmp_path / "m.so", with_fake(tmp_path, compilers.REFUSE, jobs=jobs)
        )
    with pytest.raises(InvalidError, match="unknown local 9"):
        compile_to_file(chunked_module(3, bad=(2,)), tmp_path / "m.so", replace(FAST, cc="nonesuch"))


def test_keep_leaves_the_sources_of_a_failed_build(tmp_path: Path) -> None:
    options = replace(with_fake(tmp_path, compilers.REFUSE), keep=tmp_path / "kept")
    with pytest.raises(BuildError):
        compile_to_file(small_module(), tmp_path / "m.so", options)
    assert {"module.c", "module.h", "f0.c"} <= {path.name for path in (tmp_path / "kept").iterdir()}


def test_compiler_gets_only_our_names(tmp_path: Path) -> None:
    compile_to_file(small_module(), tmp_path / "m.so", with_fake(tmp_path, ":"))
    (line,) = runs(tmp_path)
    assert " -c module.c -o module.o" in line


@pytest.mark.parametrize(
    "changes", [{"opt_level": 4}, {"opt_level": -1}, {"cpu_level": 5}, {"jobs": 0}, {"compiler_seconds": 0}]
)
def test_options_out_of_range(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(changes))):
        replace(FAST, **changes)


def test_gcc_that_breaks_in_a_pass_keeps_the_level(tmp_path: Path) -> None:
    misdeed = 'case " $* " in *" -fno-tree-fre "*) ;; *) echo "internal compiler error: in forwprop" >&2; exit 4;; esac'
    if Path(compilers.a_compiler()).name != "gcc":
        pytest.skip("gcc is not installed")
    report = compile_to_file(small_module(), tmp_path / "m.so", with_fake(tmp_path, misdeed, opt_level=2))
    assert [(unit.opt, unit.stepped_down) for unit in report.units] == [(2, "")]
