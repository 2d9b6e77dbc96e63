"""Finding compilers, telling what they are, and the flags they get."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from aot.build.toolchain import GCC_O2, OPTIONAL, Kind, Toolchain, find_command, find_toolchain, native_cpu_level
from aot.errors import BuildError
from tests.unit.compilers import a_compiler


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CC", "WASM2SO_CC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))


def answering(folder: Path, kind: str, machine: str = "x86_64", refuse: str = "") -> str:
    """A script that gives a compiler's answers; it refuses command lines with the word ``refuse`` in them."""
    script = folder / "somecc"
    refusal = f'case " $* " in *" {refuse} "*) echo "unknown option" >&2; exit 1;; esac\n' if refuse else ""
    script.write_text(
        f"#!/bin/sh\n{refusal}"
        'case "$1" in\n'
        "--version) echo 'some cc 9.8.7'; echo 'second line';;\n"
        f"-E) echo 'kind {kind} 9 8 7 machine {machine}' > probe.i;;\n"
        "-dumpmachine) echo some-linux-gnu;;\n"
        "esac\n"
    )
    script.chmod(0o755)
    return str(script)


def toolchain(kind: Kind = Kind.GCC, machine: str = "x86_64") -> Toolchain:
    return Toolchain(
        ("/cc",), kind, "cc 1.2.3", "cc 1.2.3", f"{machine}-linux-gnu", machine, ("-fno-ident",), segments=False
    )


def compile_flags(
    chain: Toolchain,
    opt: int = 2,
    cpu_level: int = 2,
    debug: bool = False,
    jumps: bool = False,
    profile: tuple[str, ...] = (),
) -> tuple[str, ...]:
    return chain.compile_command(
        "f0.c",
        "f0.o",
        opt=opt,
        cpu_level=cpu_level,
        debug=debug,
        jumps=jumps,
        profile=profile,
        include=Path("/inc"),
        tmp=Path("/tmp/x"),
    )


def test_a_real_compiler_is_known() -> None:
    found = find_toolchain(a_compiler())
    assert found.kind in (Kind.GCC, Kind.CLANG)
    assert found.machine in found.target
    assert "-fno-ident" in found.optional
    assert found.banner


def test_answers_are_read(tmp_path: Path) -> None:
    found = find_toolchain(answering(tmp_path, "clang", "aarch64"))
    assert (found.kind, found.version, found.machine) == (Kind.CLANG, "clang 9.8.7", "aarch64")
    assert (found.banner, found.target) == ("some cc 9.8.7", "some-linux-gnu")


def test_unknown_flags_are_left_out_one_by_one(tmp_path: Path) -> None:
    found = find_toolchain(answering(tmp_path, "gcc", refuse="-fstack-clash-protection"))
    assert found.optional == tuple(flag for flag in OPTIONAL if flag != "-fstack-clash-protection")


def test_a_replaced_compiler_is_asked_again(tmp_path: Path) -> None:
    assert find_toolchain(answering(tmp_path, "gcc")).kind is Kind.GCC
    (tmp_path / "somecc").unlink()
    assert find_toolchain(answering(tmp_path, "clang", "aarch64")).kind is Kind.CLANG


@pytest.mark.parametrize(
    ("kind", "machine", "message"),
    [
        ("tcc", "x86_64", "is tcc"),
        ("gcc", "unsupported", "a machine other than"),
        ("unknown", "x86_64", "does not act like gcc or clang"),
        ("", "", "does not act like gcc or clang"),
    ],
)
def test_unfit_compilers_are_refused(tmp_path: Path, kind: str, machine: str, message: str) -> None:
    with pytest.raises(BuildError, match=message):
        find_toolchain(answering(tmp_path, kind, machine))


def test_compiler_that_fails_its_probe(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="cannot be used: `--version` failed"):
        find_toolchain(answering(tmp_path, "gcc", refuse="--version"))


def test_missing_compiler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BuildError, match=r"C compiler 'nonesuch' \(from --cc\) not found"):
        find_toolchain("nonesuch -O2")
    monkeypatch.setenv("CC", "nonesuch2")
    with pytest.raises(BuildError, match=r"'nonesuch2' \(from CC\)"):
        find_toolchain()


def test_file_that_is_no_program(tmp_path: Path) -> None:
    text = tmp_path / "text"
    text.write_bytes(b"\x00\x01")
    text.chmod(0o755)
    with pytest.raises(BuildError, match="text: Exec format error"):
        find_toolchain(str(text))


def test_no_compiler_at_all(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("aot.build.toolchain._packaged_zig", lambda: None)
    with pytest.raises(BuildError, match=r"no C compiler found: gcc, clang, cc .*pip install wasm2so\[zig\]"):
        find_toolchain()


def test_order_of_preference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("gcc", "cc", "mine", "theirs"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_command() == (str(tmp_path / "gcc"),)
    monkeypatch.setenv("CC", "theirs -m64")
    assert find_command() == (str(tmp_path / "theirs"), "-m64")
    monkeypatch.setenv("WASM2SO_CC", "mine")
    assert find_command() == (str(tmp_path / "mine"),)
    assert find_command("cc") == (str(tmp_path / "cc"),)


def test_flags_that_wasm_needs_are_always_there() -> None:
    for kind in Kind:
        for opt in range(3):
            flags = compile_flags(toolchain(kind), opt)
            level = 1 if (kind, opt) == (Kind.GCC, 2) else opt
            assert [flag for flag in flags if flag.startswith("-O")] == [f"-O{level}"]
            needed = {"-fwrapv", "-fno-strict-aliasing", "-ffp-contract=off", "-fno-delete-null-pointer-checks"}
            assert needed | {"-fPIC", "-fvisibility=hidden", "-fno-ident"} <= set(flags)
            assert not {"-g", "/dev/null"} & set(flags)
    assert "-g" in compile_flags(toolchain(), debug=True)


def test_o2_of_gcc_is_a_choice_of_its_passes() -> None:
    assert set(GCC_O2) <= set(compile_flags(toolchain(), 2))
    assert "-O2" in compile_flags(toolchain(), 2, profile=("-fprofile-use",)), "profiles want all passes"
    assert "-O3" in compile_flags(toolchain(), 3)


def test_the_choice_is_known_to_a_real_gcc(tmp_path: Path) -> None:
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("gcc is not installed")
    (tmp_path / "empty.c").write_text("int x;\n")
    subprocess.run([gcc, "-Werror", *GCC_O2, "-c", "empty.c"], cwd=tmp_path, check=True)


def test_cpu_levels() -> None:
    assert "-march=x86-64" in compile_flags(toolchain(), cpu_level=1)
    assert "-march=x86-64-v3" in compile_flags(toolchain(Kind.CLANG), cpu_level=3)
    assert "-mcpu=x86_64_v2" in compile_flags(toolchain(Kind.ZIG))
    arm = toolchain(machine="aarch64")
    assert not [flag for flag in compile_flags(arm) if flag.startswith("-m")]
    assert (arm.cpu_level(3), toolchain().cpu_level(3)) == (0, 3)
    assert 1 <= native_cpu_level() <= 4


def test_zig_is_kept_from_its_defaults() -> None:
    flags = compile_flags(toolchain(Kind.ZIG))
    assert "-fno-sanitize=undefined" in flags
    assert flags[flags.index("-target") + 1] == "x86_64-linux-gnu"
    assert "-target" in toolchain(Kind.ZIG).link_command(["f0.o"], "out")


def test_identity_tells_compilers_apart() -> None:
    assert toolchain().identity != toolchain(machine="aarch64").identity
