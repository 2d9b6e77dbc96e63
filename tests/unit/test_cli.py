"""The command: what it does, says, and returns."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aot.cli import main
from aot.embed import wat
from aot.wasm.decode import decode_module
from tests.unit import compilers
from tests.unit.compilers import fake_compiler, left_over, small_module, wait_until
from tests.wasm_builder import FUNC, I32, ModuleBuilder
from tests.wast.assemble import assemble

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    out: str
    err: str


Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs the command in a folder that holds good.wasm and bad.wasm."""
    (tmp_path / "good.wasm").write_bytes(small_module())
    (tmp_path / "bad.wasm").write_bytes(bad_module())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WASM2SO_CACHE_DIR", str(tmp_path / "cache"))
    handler = signal.getsignal(signal.SIGTERM)

    def call(*args: str) -> Answer:
        status = main(args)
        captured = capsys.readouterr()
        return Answer(status, captured.out, captured.err)

    yield call
    signal.signal(signal.SIGTERM, handler)


def bad_module() -> bytes:
    """A function that adds one number to nothing."""
    builder = ModuleBuilder()
    builder.function(builder.type(b"", I32), b"\x41\x01\x6a")
    return builder.build()


def hostile_module() -> bytes:
    """Names that would clear the screen, set a colour and turn the text around."""
    builder = ModuleBuilder()
    builder.import_func("\x1b[2J", "a\nb", builder.type())
    builder.export("\x1b[31m\u202e", FUNC, 0)
    return builder.build()


def test_compiles_beside_the_input(run: Run, tmp_path: Path) -> None:
    assert run("good.wasm", "-O0") == Answer(0, "", "")
    assert (tmp_path / "good.so").read_bytes()[:4] == b"\x7fELF"


@pytest.mark.parametrize("args", [("-O1", "good.wasm", "-o", "x.so"), ("compile", "good.wasm", "-O3", "-o", "x.so")])
def test_options_may_come_first(run: Run, tmp_path: Path, args: tuple[str, ...]) -> None:
    assert run(*args).status == 0
    assert (tmp_path / "x.so").exists()


def test_other_outputs(run: Run, tmp_path: Path) -> None:
    assert run("good.wasm", "-O0", "--emit", "obj").status == 0
    assert (tmp_path / "good.o").exists()
    assert run("good.wasm", "--emit", "c").status == 0
    assert (tmp_path / "good-c" / "module.c").exists()


def test_standard_input(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(small_module())))
    assert run("-", "-O0", "-o", "x.so").status == 0
    assert (tmp_path / "x.so").exists()
    assert run("-").status == 2


def test_refused_module(run: Run, tmp_path: Path) -> None:
    answer = run("bad.wasm")
    assert (answer.status, answer.out) == (1, "")
    assert answer.err.startswith("wasm2so: bad.wasm: error: type mismatch")
    assert answer.err.rstrip().endswith("func 0 i32.add]")
    assert not (tmp_path / "bad.so").exists()


def test_failed_compiler(run: Run, tmp_path: Path) -> None:
    answer = run("good.wasm", "--cc", fake_compiler(tmp_path, compilers.REFUSE))
    assert answer.status == 1
    assert "error: " in answer.err
    assert "module.c:3:5: error: expected ';' before '}'" in answer.err
    assert "command: " in answer.err
    answer = run("good.wasm", "--cc", "nonesuch")
    assert answer.err == "wasm2so: good.wasm: error: C compiler 'nonesuch' (from --cc) not found, or not executable\n"
    assert answer.status == 1


def test_step_down_is_told(run: Run, tmp_path: Path) -> None:
    answer = run("good.wasm", "--cc", fake_compiler(tmp_path, compilers.BREAK_ABOVE_O0))
    assert answer.status == 0
    assert answer.err == ("wasm2so: good.wasm: warning: module.c was compiled at -O0: -O2 crashed, -O1 crashed\n")


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--nonesuch",),
        ("good.wasm", "extra"),
        ("good.wasm", "-O9"),
        ("good.wasm", "-j0"),
        ("good.wasm", "--cache", "--emit", "c"),
        ("good.wasm", "-o", "no/folder/x.so"),
        ("good.wasm", "-o", "."),
        ("validate",),
    ],
)
def test_wrong_usage(run: Run, args: tuple[str, ...]) -> None:
    answer = run(*args)
    assert answer.status == 2
    assert answer.err


def test_missing_file(run: Run) -> None:
    for args in (("gone.wasm",), ("validate", "gone.wasm"), ("inspect", "gone.wasm")):
        answer = run(*args)
        assert answer == Answer(1, "", "wasm2so: gone.wasm: error: No such file or directory\n")


def test_verbose_shows_commands(run: Run) -> None:
    answer = run("good.wasm", "-O0", "-v")
    assert " -O0 " in answer.err
    assert " -c module.c -o module.o" in answer.err
    assert "1 functions, 1 chunks" in answer.err


def test_cache(run: Run, tmp_path: Path) -> None:
    cc = fake_compiler(tmp_path, ":")
    for _ in range(2):
        assert run("good.wasm", "-O0", "--cache", "--cc", cc) == Answer(0, "", "")
    assert len(compilers.runs(tmp_path)) == 1
    first = (tmp_path / "good.so").read_bytes()
    run("good.wasm", "-O0", "--cc", cc)
    assert (tmp_path / "good.so").read_bytes() == first


def test_validate(run: Run) -> None:
    assert run("validate", "good.wasm") == Answer(0, "", "")
    assert run("validate", "-v", "good.wasm") == Answer(0, "good.wasm: valid\n", "")
    answer = run("validate", "good.wasm", "bad.wasm")
    assert answer.status == 1
    assert answer.err.startswith("wasm2so: bad.wasm: error: type mismatch")


def test_inspect_module_and_object(run: Run) -> None:
    answer = run("inspect", "good.wasm")
    assert answer.status == 0
    assert '  "answer"  func 0  type 0 func [] -> [i32]' in answer.out
    assert "features: none beyond WebAssembly 1.0" in answer.out
    run("good.wasm", "-O0")
    answer = run("inspect", "good.so")
    assert answer.status == 0
    assert '  "answer"  func 0  type 0 func [] -> [i32]' in answer.out
    assert "abi digest: " in answer.out
    assert "  head  " in answer.out


def test_inspect_says_what_features_a_module_uses(run: Run, tmp_path: Path) -> None:
    (tmp_path / "f.wasm").write_bytes(
        assemble(b"(module (memory 1 1 shared) (tag) (func (return_call 0)) (func (param v128) (throw 0)))")
    )
    assert "features: tail_call, simd, threads, exceptions\n" in run("inspect", "f.wasm").out


def test_inspect_refuses_other_files(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.so").write_bytes(b"\x7fELF")
    answer = run("inspect", "x.so")
    assert answer == Answer(1, "", "wasm2so: x.so: error: truncated: 4 bytes are less than an ELF header\n")


def test_names_are_escaped(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hostile.wasm").write_bytes(hostile_module())
    answer = run("inspect", "hostile.wasm")
    assert r'"\x1b[2J" "a\nb"' in answer.out
    assert r'"\x1b[31m\u202e"' in answer.out
    run("hostile.wasm", "-O0")
    assert r'"\x1b[31m\u202e"' in run("inspect", "hostile.so").out
    assert all(char.isprintable() for line in answer.out.splitlines() for char in line)
    assert run("\x1b[2J.wasm").err == "wasm2so: \\x1b[2J.wasm: error: No such file or directory\n"


def test_text_modules(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text.wat").write_text('(module (func (export "f") (result i32) i32.const 7))')
    assert '"f"' in run("inspect", "text.wat").out
    (tmp_path / "wrong.wat").write_text("(module (func (nonsense)))")
    answer = run("validate", "wrong.wat")
    assert answer.status == 1
    assert answer.err.startswith("wasm2so: wrong.wat: error: ")
    monkeypatch.setitem(sys.modules, "wasmtime", None)
    wat._parser.cache_clear()
    answer = run("validate", "text.wat")
    assert answer.status == 2
    assert "pip install wasm2so[wat]" in answer.err


def test_help_names_everything(run: Run) -> None:
    answer = run("--help")
    assert answer.status == 0
    for word in ("-o", "-O", "-g", "--jobs", "--cc", "--target-cpu", "--memory", "--emit", "--cache", "validate",
                 "inspect", "WASM2SO_CACHE_DIR", "Exit status"):  # fmt: skip
        assert word in answer.out
    assert run("--version").out.startswith("wasm2so ")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from aot.cli import main; main(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & {"pycparser", "elftools", "cffi", "tqdm", "aot.emit", "aot.wasm.decode", "aot.build"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_build_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "many.wasm").write_bytes(compilers.chunked_module(3))
    (tmp_path / "tmp").mkdir()
    cc = fake_compiler(tmp_path, compilers.HANG)
    env = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "WASM2SO_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "aot", str(tmp_path / "many.wasm"), "-O0", "-j2", "--cc", cc]
    pids = tmp_path / "pids"

    def n_hung() -> int:
        return len(pids.read_text().split()) if pids.exists() else 0

    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE) as process:
        wait_until(lambda: n_hung() == 2 or process.poll() is not None, seconds=30)
        started = n_hung() == 2
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert started, err
    assert process.returncode == 128 + number
    assert b"Traceback" not in err
    assert left_over(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []
    assert not (tmp_path / "many.so").exists()


def test_fixture_modules_are_what_they_say() -> None:
    assert len(decode_module(bad_module()).bodies) == 1
    assert decode_module(hostile_module()).imports[0].module == "\x1b[2J"
