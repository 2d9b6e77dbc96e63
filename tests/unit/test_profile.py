"""Profile-guided optimisation: code that counts, what it leaves, and builds that use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import aot
from aot.build import BuildOptions, compile_cached, compile_to_file, find_toolchain, read_meta, read_profile
from aot.build.describe import describe_object
from aot.build.profile import MANIFEST, TRAINING, begin
from aot.build.toolchain import _packaged_zig
from aot.build.training import trained
from aot.cli import main
from aot.embed import wat
from aot.errors import BuildError, FormatError, UsageError
from tests.unit.compilers import a_compiler, chunked_module, small_module

ROOT = Path(__file__).parents[2]
WAT = """(module (memory 1)
  (func (export "f") (param $n i32) (result i32) (local $s i32)
    (loop $again
      (if (i32.rem_u (local.get $n) (i32.const 7))
        (then (local.set $s (i32.add (local.get $s) (local.get $n))))
        (else (local.set $s (i32.xor (local.get $s) (i32.load (local.get $n))))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s))
  (func (export "trap") unreachable))"""
RUN = """
import sys, aot
module = aot.load(sys.argv[1])()
try: module.trap()
except aot.Trap: pass
print(module.f(1000))
"""
TRAIN = f"{sys.executable} -c '{RUN}' {{}}"


def compilers() -> list[str]:
    merger = shutil.which("llvm-profdata")
    return [cc for cc in ("gcc", "clang") if shutil.which(cc) and (cc == "gcc" or merger)]


def options(cc: str, **more: object) -> BuildOptions:
    return BuildOptions(cc=cc, opt_level=1, incremental=False, **more)  # type: ignore[arg-type]


def run(compiled: Path, *, training: bool) -> str:
    env = {k: v for k, v in os.environ.items() if k != TRAINING} | ({TRAINING: "1"} if training else {})
    done = subprocess.run([sys.executable, "-c", RUN, compiled], cwd=ROOT, env=env, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip().splitlines()[-1]


@pytest.fixture(params=compilers())
def counted(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """A compiler, and the folder that has the profile of WAT."""
    cc, folder = str(request.param), tmp_path / "profile"
    compile_to_file(wat.to_wasm(WAT), tmp_path / "counting.so", options(cc, counters=folder))
    run(tmp_path / "counting.so", training=True)
    return cc, folder


def test_a_profile_is_used_and_changes_the_code_but_not_what_it_does(counted: tuple[str, Path], tmp_path: Path) -> None:
    cc, folder = counted
    profile = read_profile(folder)
    plain = compile_to_file(wat.to_wasm(WAT), tmp_path / "plain.so", options(cc))
    tuned = compile_to_file(wat.to_wasm(WAT), tmp_path / "tuned.so", options(cc, profile=profile))
    assert [unit.profiled for unit in tuned.units] == [True]
    assert (tuned.n_not_profiled, plain.n_not_profiled) == (0, 0)
    assert run(tuned.out, training=False) == run(plain.out, training=False) != ""
    assert code(tuned.out) != code(plain.out)
    again = compile_to_file(wat.to_wasm(WAT), tmp_path / "again.so", options(cc, profile=profile))
    assert again.out.read_bytes() == tuned.out.read_bytes(), "the same profile, the same file"


def code(path: Path) -> bytes:
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        return b"".join(bytes(s.data()) for s in ELFFile(file).iter_sections() if s.name.startswith(".text"))


def test_code_that_counts_is_loaded_only_on_request(tmp_path: Path) -> None:
    out = compile_to_file(small_module(), tmp_path / "m.so", options(a_compiler(), counters=tmp_path / "p")).out
    assert os.environ.get(TRAINING) is None
    with pytest.raises(FormatError, match="compiled with counters, for training; set WASM2SO_TRAINING to load it"):
        aot.load(out)
    assert any("counts for a profile" in line for line in describe_object(read_meta(out)))
    plain = compile_to_file(small_module(), tmp_path / "plain.so", options(a_compiler())).out
    assert not any("counts for a profile" in line for line in describe_object(read_meta(plain)))
    assert b"gcda" not in plain.read_bytes()


def test_a_profile_without_counts_says_what_to_do(tmp_path: Path) -> None:
    compile_to_file(small_module(), tmp_path / "m.so", options(a_compiler(), counters=tmp_path / "p"))
    with pytest.raises(UsageError, match="the profile is empty: run the code that was compiled with counters"):
        read_profile(tmp_path / "p")
    with pytest.raises(UsageError, match="no profile: .*No such file"):
        read_profile(tmp_path / "nowhere")
    (tmp_path / "p" / MANIFEST).write_text("{}")
    with pytest.raises(UsageError, match="is damaged"):
        read_profile(tmp_path / "p")


def test_a_profile_of_other_code_is_refused(counted: tuple[str, Path], tmp_path: Path) -> None:
    cc, folder = counted
    with pytest.raises(BuildError, match="is of another module, or of one compiled with other options"):
        compile_to_file(small_module(), tmp_path / "m.so", options(cc, profile=read_profile(folder)))
    assert not (tmp_path / "m.so").exists()


def test_a_profile_of_another_compiler_is_refused(counted: tuple[str, Path], tmp_path: Path) -> None:
    cc, folder = counted
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | {"compiler": f"{cc} 4.7.0"}))
    with pytest.raises(BuildError, match=rf"is of {cc} 4.7.0, the compiler is {cc} "):
        compile_to_file(wat.to_wasm(WAT), tmp_path / "m.so", options(cc, profile=read_profile(folder)))


def test_files_that_changed_are_compiled_without(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of three files one has another function than when the profile was taken."""
    cc = a_compiler()
    if Path(cc).name not in compilers():
        pytest.skip("no compiler with profiles")
    before, after = chunked_module(3), chunked_module(3).replace(b"\x41\x02\x0b", b"\x41\x05\x0b")
    assert before != after
    program = f"{sys.executable} -c 'import aot, sys; m = aot.load(sys.argv[1])(); m.f0(), m.f1(), m.f2()' {{}}"
    with trained(before, options(cc), [program]) as profile:
        report = compile_to_file(after, tmp_path / "m.so", options(cc, profile=profile))
        assert sorted(unit.profiled for unit in report.units if unit.profiled is not None) == [False, True, True]
        assert report.n_not_profiled == 1
        kept = tmp_path / "profile"
        shutil.copytree(profile.folder, kept)
    (tmp_path / "m.wasm").write_bytes(after)
    assert main(("compile", "--cc", cc, "-O1", "--pgo-use", str(kept), str(tmp_path / "m.wasm"))) == 0
    assert "warning: the profile has nothing of 1 of 3 files, which have changed since" in capfd.readouterr().err
    assert [aot.load(tmp_path / "m.so")().exports[f"f{k}"]() for k in range(3)] == [0, 1, 5]


def test_damaged_counts_do_no_harm(counted: tuple[str, Path], tmp_path: Path) -> None:
    cc, folder = counted
    for path in folder.iterdir():
        if path.name != MANIFEST:
            path.write_bytes(path.read_bytes()[:50] + b"\xff" * 40)
    try:
        report = compile_to_file(wat.to_wasm(WAT), tmp_path / "m.so", options(cc, profile=read_profile(folder)))
    except BuildError as error:
        assert cc == "clang" and "cannot merge the profile" in str(error)
    else:
        plain = compile_to_file(wat.to_wasm(WAT), tmp_path / "plain.so", options(cc))
        assert run(report.out, training=False) == run(plain.out, training=False)


def test_threads_count_together(tmp_path: Path) -> None:
    shared = wat.to_wasm('(memory 1 1 shared) (func (export "f") (drop (i32.atomic.load (i32.const 0))))')
    report = compile_to_file(shared, tmp_path / "m.so", options(a_compiler(), counters=tmp_path / "p"))
    assert "-fprofile-update=atomic" in report.units[0].commands[0]
    alone = compile_to_file(small_module(), tmp_path / "m.so", options(a_compiler(), counters=tmp_path / "p"))
    assert "-fprofile-update=atomic" not in alone.units[0].commands[0]


def test_a_new_build_begins_a_new_profile(counted: tuple[str, Path], tmp_path: Path) -> None:
    cc, folder = counted
    assert len(list(folder.iterdir())) == 2
    compile_to_file(small_module(), tmp_path / "m.so", options(cc, counters=folder))
    assert [path.name for path in folder.iterdir()] == [MANIFEST]


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("x")
    with pytest.raises(UsageError, match=r"holds other files \(precious.txt\)"):
        begin(tmp_path)
    with pytest.raises(UsageError, match="exists and is not a folder"):
        begin(tmp_path / "precious.txt")
    assert (tmp_path / "precious.txt").read_text() == "x"


def test_the_cache_tells_profiles_apart_and_keeps_no_counters(counted: tuple[str, Path], tmp_path: Path) -> None:
    cc, folder = counted
    toolchain = find_toolchain(cc)
    first = read_profile(folder)
    (data,) = (path for path in folder.iterdir() if path.name != MANIFEST)
    data.write_bytes(data.read_bytes() + b"more")
    second = read_profile(folder)
    keys = {options(cc, profile=p).code_key(toolchain) for p in (None, first, second)}
    assert len(keys) == 3
    with pytest.raises(UsageError, match="code with counters is not kept in the cache"):
        compile_cached(small_module(), options(cc, counters=tmp_path / "p"))


def test_options_that_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        BuildOptions(fast=True, counters=tmp_path)


def test_zig_has_no_profiles(tmp_path: Path) -> None:
    if _packaged_zig() is None:
        pytest.skip("the ziglang package is not installed")
    with pytest.raises(BuildError, match="zig .* has no profiles that can be used here"):
        compile_to_file(small_module(), tmp_path / "m.so", options("zig", counters=tmp_path / "p"))


def test_the_command_trains_and_uses_what_it_learns(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.wasm").write_bytes(wat.to_wasm(WAT))
    file, folder, cc = str(tmp_path / "m.wasm"), str(tmp_path / "profile"), compilers()[0]
    assert main(("compile", "--cc", cc, "-O1", "-v", "--pgo-train", TRAIN, file)) == 0
    told = capfd.readouterr()
    assert told.out == "", "what the training prints goes to standard error"
    assert "-fprofile-generate=" in told.err
    assert "-fprofile-use" in told.err
    result = run(tmp_path / "m.so", training=False)
    assert main(("compile", "--cc", cc, "-O1", "--pgo-instrument", folder, file, "-o", str(tmp_path / "c.so"))) == 0
    assert run(tmp_path / "c.so", training=True) == result
    engine = aot.Engine(aot.Config(cc=cc, opt_level=1, profile=folder, cache=False))
    assert aot.Instance(aot.Store(engine), aot.Module(engine, Path(file).read_bytes()), []).exports["f"](1000) == int(
        result
    )


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--pgo-train", "true"), 2, "it must say {} where the compiled file goes"),
        (("--pgo-train", "'"), 2, "No closing quotation"),
        (("--pgo-train", "false {}"), 1, "the training ended with status 1"),
        (("--pgo-train", "/nowhere/at/all {}"), 2, "training: /nowhere/at/all: No such file or directory"),
        (("--pgo-train", "true {}"), 2, "the profile is empty"),
        (
            ("--pgo-train", "true {}", "--emit", "obj"),
            2,
            "what is trained is a shared object or an executable, not obj",
        ),
        (("--pgo-train", "true {}", "--fast"), 2, "exclude each other"),
        (("--pgo-train", "true {}", "--cache"), 2, "--cache goes with"),
        (("--pgo-use", "/nowhere"), 2, "/nowhere: no profile"),
    ],
)
def test_what_cannot_be_done_is_said(
    arguments: tuple[str, ...], status: int, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.wasm").write_bytes(small_module())
    cc = compilers()[0]
    assert main(("compile", "--cc", cc, "-O0", *arguments, str(tmp_path / "m.wasm"))) == status
    assert message in " ".join(capfd.readouterr().err.split())
    assert not (tmp_path / "m.so").exists()
