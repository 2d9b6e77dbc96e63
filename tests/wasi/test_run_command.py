"""`wasm2so run` and standalone executables: streams, directories, variables, exit statuses."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.wasi import tool

REPOSITORY = Path(__file__).parents[2]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "WASM2SO_CACHE_DIR": str(cache), "PYTHONPATH": str(REPOSITORY)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache") / "cache"


@pytest.fixture(scope="module")
def executable(cache: Path) -> Path:
    cache.parent.mkdir(exist_ok=True)
    out = cache.parent / "tool"
    command = [sys.executable, "-m", "aot", str(tool.PROGRAM), "-O1", "--emit", "exe", "-o", str(out)]
    subprocess.run(command, check=True, env=environment(cache), cwd=cache.parent)
    return out


@pytest.fixture(scope="module")
def compiled(cache: Path) -> Path:
    cache.parent.mkdir(exist_ok=True)
    out = cache.parent / "tool.so"
    command = [sys.executable, "-m", "aot", str(tool.PROGRAM), "-O1", "-o", str(out)]
    subprocess.run(command, check=True, env=environment(cache))
    return out


@pytest.fixture(params=["run wasm", "run so", "exe"])
def run(request: pytest.FixtureRequest, cache: Path, executable: Path, compiled: Path, tmp_path: Path) -> Run:
    """Run the tool with settings (as ``run`` spells them) and arguments, in one of the three ways."""
    start = [sys.executable, "-m", "aot", "run"]

    def call(
        *args: str, settings: Sequence[tuple[str, str]] = (), stdin: bytes = b"", **options: object
    ) -> subprocess.CompletedProcess[bytes]:
        if request.param == "exe":
            command = [str(executable), *(f"--w2s-{name}={value}" for name, value in settings)]
            command += ["--"] if settings else []
        else:
            file = str(tool.PROGRAM if request.param == "run wasm" else compiled)
            command = [*start, "-O1", file, *(word for name, value in settings for word in (f"--{name}", value)), "--"]
        given: dict[str, object] = {"env": environment(cache), "input": stdin, "capture_output": True, **options}
        return subprocess.run([*command, *args], cwd=tmp_path, check=False, timeout=120, **given)  # type: ignore[call-overload, no-any-return]

    return call


def test_arguments_and_streams(run: Run) -> None:
    done = run("args", "a b", "--dir", "-x", "", "--")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"[a b]\n[--dir]\n[-x]\n[]\n[--]\n", b"")
    assert run("cat", stdin=b"through\x00\xff").stdout == b"through\x00\xff"


@pytest.mark.parametrize("status", [0, 1, 7, 125, 255])
def test_exit_status(run: Run, status: int) -> None:
    done = run("exit", str(status), "100")
    assert (done.returncode, done.stdout, done.stderr) == (status, b"no newline", b"exit handler\n")


def test_trap(run: Run, request: pytest.FixtureRequest) -> None:
    """An executable, which has no symbols of its own left to read, names the reason alone."""
    done = run("trap")
    assert (done.returncode, done.stdout) == (134, b"before\n")
    reason, backtrace = done.stderr.split(b": trap: unreachable\n")
    assert b"\n" not in reason
    if request.node.callspec.params["run"] == "exe":
        assert backtrace == b""
    else:
        lines = backtrace.splitlines()
        assert lines[0] == b"wasm backtrace:"
        assert len(lines) > 2
        assert all(re.fullmatch(rb"  \d+: .+!.+ \(func \d+\)( at 0x[0-9a-f]+)?", line) for line in lines[1:])


def test_directories(run: Run, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("content")
    (tmp_path / "odd::name").mkdir()
    settings = [("dir", "d::/data"), ("dir", f"{tmp_path / 'd'}::/ro::ro"), ("dir", "odd::name::/odd")]
    assert run("show", "/data/file", settings=settings).stdout == b"content"
    assert run("save", "/data/new", "made", settings=settings).returncode == 0
    assert (tmp_path / "d/new").read_text() == "made"
    assert run("save", "/ro/other", "made", settings=settings).returncode == 1
    assert run("list", "/odd", settings=settings).returncode == 0
    assert run("show", "d/file", settings=[("dir", "d")]).stdout == b"content"
    assert run("show", "file", settings=[("dir", "d::.")]).stdout == b"content"
    done = run("args", settings=[("dir", "missing::/m")])
    assert done.returncode == 1
    assert b'cannot open directory "missing": No such file or directory' in done.stderr


def test_variables(run: Run, cache: Path) -> None:
    env = {**environment(cache), "W2S_OWN": "mine"}
    done = run("env", settings=[("env", "A=b=c"), ("env", "W2S_OWN"), ("env", "E=")], env=env)
    assert done.stdout == b"[A=b=c]\n[W2S_OWN=mine]\n[E=]\n"
    assert run("env", env=env).stdout == b""
    assert run("env", settings=[("env", "W2S_NOT_THERE")]).returncode == 1


def test_stdin_from_a_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"from a file")
    assert run("cat", settings=[("stdin", "in")]).stdout == b"from a file"
    assert run("cat", settings=[("stdin", "missing")]).returncode == 1


def test_invoke(run: Run) -> None:
    done = run("1", settings=[("invoke", "no such")])
    assert done.returncode == 1
    assert b'exports no function "no such"' in done.stderr


def test_closed_output(run: Run) -> None:
    """A reader that went away is an errno of the program's, and it ends as it sees fit."""
    reader, writer = os.pipe()
    os.close(reader)
    done = run("cat", stdin=b"x" * 100000, stdout=writer, stderr=subprocess.PIPE, capture_output=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"write: errno 64\n")


def test_full_output(run: Run) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("cat", stdin=b"x", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert (done.returncode, done.stderr) == (1, b"write: errno 51\n")


def test_interrupt_ends_the_process(executable: Path, cache: Path, tmp_path: Path) -> None:
    python = [sys.executable, "-m", "aot", "run", "-O1", str(tool.PROGRAM), "--"]
    for command in (python, [str(executable)]):
        process = subprocess.Popen([*command, "spin"], stdout=subprocess.PIPE, env=environment(cache), cwd=tmp_path)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == -signal.SIGINT
        assert time.monotonic() - start < 5
        process.stdout.close()


def test_a_signal_that_is_ignored_stays_so(executable: Path, cache: Path, tmp_path: Path) -> None:
    """As for what shells run in the background."""
    python = [sys.executable, "-m", "aot", "run", "-O1", str(tool.PROGRAM), "--"]
    for command in (python, [str(executable)]):
        line = ["sh", "-c", 'trap "" INT TERM; exec "$@"', "sh", *command, "read"]
        process = subprocess.Popen(
            line, env=environment(cache), cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        assert process.communicate(b"x", timeout=10)[0] == b"read 1\n"
        assert process.returncode == 0


def test_settings_of_an_executable_from_the_environment(executable: Path, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/file").write_text("x")
    (tmp_path / "in").write_text("in")
    env = {
        "W2S_DIR": f"{tmp_path / 'a'}::/a\n{tmp_path}::/b::ro",
        "W2S_ENV": "A=1\nB=2",
        "W2S_STDIN": str(tmp_path / "in"),
    }

    def out(*args: str) -> bytes:
        return subprocess.run([executable, *args], env=env, capture_output=True, check=True).stdout

    assert out("show", "/a/file") == b"x"
    assert out("show", "/b/a/file") == b"x"
    assert out("env") == b"[A=1]\n[B=2]\n"
    assert out("cat") == b"in"
    assert b"--w2s-dir" in out("--w2s-help")
    done = subprocess.run([executable, "--w2s-nothing"], capture_output=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: no such setting: --w2s-nothing\n")


def test_executable_needs_nothing_of_python(executable: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    shutil.copy(executable, moved)
    done = subprocess.run([moved, "args", "alone"], env={}, cwd="/", capture_output=True, check=True)
    assert done.stdout == b"[alone]\n"


def test_executable_of_a_module_that_needs_more(tmp_path: Path, cache: Path) -> None:
    import wasmtime

    (tmp_path / "m.wasm").write_bytes(wasmtime.wat2wasm('(module (import "env" "log" (func)))'))
    command = [sys.executable, "-m", "aot", "m.wasm", "--emit", "exe"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(cache), capture_output=True, check=False)
    assert done.returncode == 1
    assert b'"env" "log"' in done.stderr
    assert not (tmp_path / "m").exists()


# ---- the command itself ------------------------------------------------------------------------------------------


RUN = [sys.executable, "-m", "aot", "run"]
QUICK_MODULES = {"_cffi_backend", "aot", "aot.__main__", "aot.build", "aot.build.quick", "aot.build.stamp"}
QUICK_MODULES |= {"aot.build.version", "aot.cli_run", "aot.program"}
"""All that a program in the cache is started with, besides the extension and parts of the standard library."""


def processor_seconds(line: list[str], cache: Path) -> float:
    """What a process takes from its start to its end; unlike the time that passes, the same on a busy machine."""
    process = subprocess.Popen(line, env=environment(cache), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return usage.ru_utime + usage.ru_stime


def command(cache: Path, *args: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    line = [*RUN, *args]
    return subprocess.run(line, env=environment(cache), cwd=cwd, capture_output=True, text=True, check=False)


def test_a_library_is_invoked(cache: Path, tmp_path: Path) -> None:
    text = """(module (memory (export "memory") 1) (global $g (mut i32) (i32.const 0))
      (func (export "_initialize") (global.set $g (i32.const 100)))
      (func (export "sum") (param i32 i64 f32 f64) (result i32 i64 f32 f64)
        (i32.add (local.get 0) (global.get $g)) (local.get 1) (local.get 2) (local.get 3)))"""
    (tmp_path / "lib.wat").write_text(text)
    done = command(cache, "lib.wat", "--invoke", "sum", "--", "-3", "0x10", "1.5", "-inf", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "97\n16\n1.5\n-inf\n", "")
    for args in (["1"], ["x", "1", "1", "1"], ["4294967296", "1", "1", "1"], ["1", "1", "1", ""]):
        assert command(cache, "lib.wat", "--invoke", "sum", "--", *args, cwd=tmp_path).returncode == 1
    done = command(cache, "lib.wat", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "--invoke" in done.stderr


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["missing.wasm"], 1, "No such file"),
        ([], 2, "Missing argument"),
        (["--dir"], 2, "requires an argument"),
        (["--nothing", "x.wasm"], 2, "No such option"),
        (["x.wasm", "-v"], 2, "behind --"),
        (["-O9", "x.wasm"], 2, "-O"),
    ],
)
def test_wrong_use(args: list[str], status: int, words: str, cache: Path, tmp_path: Path) -> None:
    done = command(cache, *args, cwd=tmp_path)
    assert done.returncode == status
    assert words in done.stderr


def test_bad_modules(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wasm").write_bytes(b"\0asm\1\0\0\0\xff")
    (tmp_path / "bad.so").write_bytes(b"\x7fELF")
    for name in ("bad.wasm", "bad.so"):
        done = command(cache, name, cwd=tmp_path)
        assert done.returncode == 1
        assert f"{name}: error:" in done.stderr


def test_help(cache: Path) -> None:
    done = command(cache, "--help")
    assert done.returncode == 0
    for option in ("--dir", "--env", "--stdin", "--argv0", "--invoke"):
        assert option in done.stdout


def test_name_of_the_program(cache: Path, tmp_path: Path) -> None:
    shutil.copy(tool.PROGRAM, tmp_path / "other.wasm")
    done = command(cache, "-O1", "other.wasm", cwd=tmp_path)
    assert done.stderr == "usage: tool COMMAND ARGS...\n"


def test_a_cached_program_is_found_without_its_content(cache: Path, tmp_path: Path) -> None:
    """The second run does not load the compiler's part of the package, and starts in under 100 ms; a changed file is
    noticed.
    """
    program = tmp_path / "p.wasm"
    shutil.copy(tool.PROGRAM, program)
    os.utime(program, (1, 1))
    time.sleep(3.1)  # the change time cannot be set, and a file changed just now is not noted
    assert command(cache, "-O1", str(program), "--", "args").returncode == 0
    check = f"""
import sys
before = set(sys.modules)
sys.argv = ["wasm2so", "run", "-O1", {str(program)!r}, "--", "args"]
from aot.__main__ import main
assert main() == 0
print(*(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", check], check=True, env=environment(cache), capture_output=True)
    loaded = {name for name in done.stdout.decode().split() if not name.startswith("aot._runtime")}
    assert {name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names} == QUICK_MODULES
    assert not {"dataclasses", "inspect", "pathlib", "re", "subprocess", "tempfile", "typing"} & loaded
    seconds = [processor_seconds([*RUN, "-O1", str(program), "--", "args"], cache) for _ in range(5)]
    assert min(seconds) < 0.1, seconds
    program.write_bytes(b"\0asm\1\0\0\0\xff")
    assert command(cache, "-O1", str(program)).returncode == 1


def test_entries_others_could_have_made_are_not_used(cache: Path, tmp_path: Path) -> None:
    from aot.build import quick
    from aot.build.folders import cache_root

    assert quick.root() == str(cache_root())
    own = tmp_path / "cache"
    (own / "so").mkdir(parents=True, mode=0o700)
    (own / "run").mkdir()
    own.chmod(0o700)
    (own / "run/name").symlink_to(tool.PROGRAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WASM2SO_CACHE_DIR", str(own))
        assert quick.find("name") is not None
        own.chmod(0o755)
        assert quick.find("name") is None
