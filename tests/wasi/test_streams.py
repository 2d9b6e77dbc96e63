"""Every kind of standard stream, arguments, variables and directories, from Python."""

from __future__ import annotations

import errno
import gzip
import io
import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import aot
from aot.wasi import CAPTURE, INHERIT, NULL, STDOUT, Symlink
from tests.wasi import tool

TEXT = b"first\nsecond line\n\xff\x00binary"


def test_nothing_is_given_by_default() -> None:
    assert tool.run("args").stdout == b""
    assert tool.run("env").stdout == b""
    assert tool.run("cat").stdout == b""
    assert tool.run("list", "/").stdout == b"opendir: errno 44\n"
    assert aot.wasi.run(tool.module(), aot.Wasi(["tool", "args", "x"])).exit_status == 0


def test_arguments() -> None:
    args = ["a b", "", "é", "--x=1", "\udcff"]
    expected = b"".join(b"[" + os.fsencode(arg) + b"]\n" for arg in args)
    assert tool.run("args", *args).stdout == expected
    assert aot.wasi.run(tool.module(), aot.Wasi([b"tool", b"args", b"\xfe"], stdout=CAPTURE)).stdout == b"[\xfe]\n"


def test_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool.run("env", env={"A": "b", "LONG": "x" * 100000, "E": ""}).stdout == b"[A=b]\n[LONG=%s]\n[E=]\n" % (
        b"x" * 100000
    )
    monkeypatch.setenv("W2S_TEST_VARIABLE", "seen")
    assert b"[W2S_TEST_VARIABLE=seen]\n" in tool.run("env", env=INHERIT).stdout


@pytest.mark.parametrize(
    "bad",
    [
        lambda: aot.Wasi(args="tool"),
        lambda: aot.Wasi(args=[1]),  # type: ignore[list-item]
        lambda: aot.Wasi(args=["a\0b"]),
        lambda: aot.Wasi(env={"A=B": "c"}),
        lambda: aot.Wasi(env={"": "c"}),
        lambda: aot.Wasi(env=["A=b"]),
        lambda: aot.Wasi(dirs={"/": ("/tmp", "rx")}),
        lambda: aot.Wasi(dirs={"/": 3}),
        lambda: aot.Wasi(stdin=3),
        lambda: aot.Wasi(stdin=CAPTURE),
        lambda: aot.Wasi(stdin=STDOUT),
        lambda: aot.Wasi(stdout=STDOUT),
        lambda: aot.Wasi(stdout=b"bytes"),
        lambda: aot.Wasi(seed=-1),
        lambda: aot.Wasi(realtime=(-1, 0)),
        lambda: aot.Wasi(limits={"files": 3}),
    ],
)
def test_what_is_no_description_is_refused_at_once(bad: Callable[[], object]) -> None:
    with pytest.raises((TypeError, aot.UsageError)):
        bad()


# ---- stdin -----------------------------------------------------------------------------------------------------


def chunks_of(data: bytes, n: int) -> Callable[[int], bytes]:
    """A callable that gives ``data`` in pieces of at most ``n`` bytes."""
    stream = io.BytesIO(data)
    return lambda wanted: stream.read(min(n, wanted))


INPUTS: dict[str, Callable[[Path], Any]] = {
    "bytes": lambda path: TEXT,
    "bytearray": lambda path: bytearray(TEXT),
    "memoryview": lambda path: memoryview(TEXT),
    "path": lambda path: path,
    "path as text": str,
    "file": lambda path: path.open("rb"),
    "unbuffered file": lambda path: path.open("rb", buffering=0),
    "text file": lambda path: path.open(encoding="latin-1"),
    "BytesIO": lambda path: io.BytesIO(TEXT),
    "callable": lambda path: chunks_of(TEXT, 3),
    "StringIO": lambda path: io.StringIO("first\nsecond line\n"),
}


@pytest.mark.parametrize("size", ["1", "7", "65536"])
@pytest.mark.parametrize("kind", INPUTS)
def test_input(kind: str, size: str, tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(TEXT)
    value = INPUTS[kind](path)
    expected = b"first\nsecond line\n" if kind == "StringIO" else TEXT
    assert tool.run("cat", size, stdin=value).stdout == expected
    if hasattr(value, "close"):
        value.close()


def test_what_python_has_read_ahead_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"first\n" + TEXT)
    with path.open("rb") as file:
        assert file.readline() == b"first\n"
        assert tool.run("cat", stdin=file).stdout == TEXT
    with path.open(encoding="latin-1") as text:
        assert text.readline() == "first\n"
        assert tool.run("cat", stdin=text).stdout == TEXT


def test_files_that_change_the_bytes(tmp_path: Path) -> None:
    """A compressed file has a descriptor too, but not for what it holds."""
    with gzip.open(tmp_path / "x.gz", "wb") as file:
        tool.run("cat", stdin=TEXT, stdout=file)
    assert gzip.decompress((tmp_path / "x.gz").read_bytes()) == TEXT
    with gzip.open(tmp_path / "x.gz", "rb") as file:
        assert tool.run("cat", stdin=file).stdout == TEXT


def test_pipe_as_input() -> None:
    reader, writer = os.pipe()
    with open(reader, "rb") as file, open(writer, "wb", buffering=0) as other:  # noqa: PTH123

        def feed() -> None:
            other.write(TEXT)
            other.close()

        thread = threading.Thread(target=feed)
        thread.start()
        assert tool.run("cat", stdin=file).stdout == TEXT
        thread.join()


def test_input_is_a_copy() -> None:
    data = bytearray(b"before")
    world = aot.Wasi(["tool", "cat"], stdin=data, stdout=CAPTURE)
    data[:] = b"after!"
    assert [aot.wasi.run(tool.module(), world).stdout for _ in range(2)] == [b"before"] * 2


@pytest.mark.parametrize("n", [0, 1])
def test_callable_that_gives_too_much(n: int) -> None:
    with pytest.raises(ValueError, match="at most"):
        tool.run("cat", "5", stdin=lambda wanted: b"x" * (wanted + 1))


def test_callable_that_gives_something_else() -> None:
    with pytest.raises(TypeError):
        tool.run("cat", stdin=lambda wanted: "text")


def test_errno_of_a_callable() -> None:
    assert tool.run("cat", stdin=lambda wanted: -errno.EIO).stdout == b"read: errno 29\n"


# ---- stdout and stderr -------------------------------------------------------------------------------------------


def test_captured_together() -> None:
    done = tool.run("exit", "0", "0", stderr=STDOUT)
    assert done.stdout == done.stderr
    assert sorted(done.stdout.split(b"\n")) == sorted(b"exit handler\nno newline".split(b"\n"))


def test_both_into_one_file(tmp_path: Path) -> None:
    """Neither overwrites what the other has written."""
    done = tool.run("exit", "0", "0", stdout=CAPTURE, stderr=STDOUT)
    text = io.StringIO()
    with (tmp_path / "file").open("wb") as file:
        for value in (tmp_path / "path", file, text):
            tool.run("exit", "0", "0", stdout=value, stderr=STDOUT)
    written = [(tmp_path / "path").read_bytes(), (tmp_path / "file").read_bytes(), text.getvalue().encode()]
    assert written == [done.stdout] * 3
    assert tool.run("exit", "0", "0", stdout=NULL, stderr=STDOUT).exit_status == 0


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_outputs(stream: str, tmp_path: Path) -> None:
    expected = b"[text]\n" if stream == "stdout" else b"exit handler\n"
    command = ("args", "text") if stream == "stdout" else ("exit", "0", "3")
    path = tmp_path / "out"
    path.write_bytes(b"old and longer than what follows")
    tool.run(*command, **{stream: path})
    assert path.read_bytes() == expected
    binary, text, seen = io.BytesIO(), io.StringIO(), bytearray()
    for value in (binary, text, seen.extend):
        tool.run(*command, **{stream: value})
    assert [binary.getvalue(), text.getvalue().encode(), bytes(seen)] == [expected] * 3
    for mode in ("w+b", "w+"):
        with path.open(mode) as file:
            file.write("before " if mode == "w+" else b"before ")
            tool.run(*command, **{stream: file})
            file.write("after" if mode == "w+" else b"after")
        assert path.read_bytes() == b"before " + expected + b"after"
    assert tool.run(*command, **{stream: NULL}).exit_status == 0


def test_text_stream_gets_whole_characters() -> None:
    text = io.StringIO()
    data = "aé漢😀\n".encode()
    tool.run("cat", "1", stdin=data + b"\xff", stdout=text)
    assert text.getvalue() == "aé漢😀\n\ufffd" or text.getvalue() == "aé漢😀\n"


def test_inherited_streams() -> None:
    text = """
sys.stdout.write("from Python ")
sys.stdout.flush()
sys.exit(tool.run("cat", stdin=INHERIT, stdout=INHERIT, stderr=INHERIT).exit_status)
"""
    done = subprocess.run(tool.script(text), input=b"through wasm", capture_output=True, check=True)
    assert done.stdout == b"from Python through wasm"


def test_what_a_callable_raises_comes_out() -> None:
    class StopError(Exception):
        pass

    def refuse(data: bytes) -> None:
        raise StopError(data)

    with pytest.raises(StopError) as caught:
        tool.run("args", "x", stdout=refuse)
    assert caught.value.args == (b"[x]\n",)
    with pytest.raises(KeyboardInterrupt):
        tool.run("cat", stdin=lambda n: (_ for _ in ()).throw(KeyboardInterrupt))


def test_failure_of_a_file_object_is_the_guests_errno() -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, "full")

    assert tool.run("cat", stdin=b"x", stdout=Full()).stderr == b"write: errno 51\n"


def test_callable_may_call_back_into_wasm() -> None:
    inner: list[bytes] = []
    tool.run("args", "a", stdout=lambda data: inner.append(tool.run("args", data.decode()).stdout))
    assert inner == [b"[[a]\n]\n"]


def test_partial_writes_are_continued() -> None:
    seen = bytearray()

    def take_three(data: bytes) -> int:
        seen.extend(data[:3])
        return len(data[:3])

    tool.run("cat", stdin=TEXT, stdout=take_three)
    assert seen == TEXT


def test_content_is_refused_where_nothing_was_captured() -> None:
    done = tool.run("args", stdout=NULL)
    with pytest.raises(aot.UsageError, match="not captured"):
        done.stdout  # noqa: B018


def test_limit_of_captured_output() -> None:
    done = tool.run("cat", stdin=b"x" * 5000, limits={"buffer_bytes": 1000})
    assert len(done.stdout) <= 1000
    assert done.stderr == b"write: errno 51\n"


# ---- directories ---------------------------------------------------------------------------------------------------


def test_host_directories(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("content")
    dirs = {"/rw": tmp_path, "/ro": (tmp_path, "ro")}
    assert tool.run("show", "/ro/a.txt", dirs=dirs).stdout == b"content"
    assert tool.run("save", "/rw/b.txt", "made", dirs=dirs).exit_status == 0
    assert (tmp_path / "b.txt").read_text() == "made"
    assert tool.run("save", "/ro/c.txt", "made", dirs=dirs).exit_status == 1
    assert tool.run("list", "/ro", dirs=dirs).stdout.split() == [b".", b"..", b"a.txt", b"b.txt"]


def test_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        tool.run("args", dirs={"/": tmp_path / "missing"})
    assert caught.value.filename is not None
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError):
        tool.run("args", dirs={"/": tmp_path / "file"})


def test_directories_in_memory() -> None:
    tree: dict[str, Any] = {
        "a.txt": b"bytes",
        "t.txt": "tëxt",
        "sub": {"deep": {"x": b"\x00"}},
        "link": Symlink("sub/deep/x"),
    }
    dirs = {"/m": tree, "/ro": ({"a": b""}, "ro")}
    assert tool.run("show", "/m/a.txt", dirs=dirs).stdout == b"bytes"
    assert tool.run("show", "/m/t.txt", dirs=dirs).stdout == "tëxt".encode()
    assert tool.run("show", "/m/link", dirs=dirs).stdout == b"\x00"
    assert tool.run("list", "/m/sub", dirs=dirs).stdout.split() == [b".", b"..", b"deep"]
    assert tool.run("save", "/ro/b", "x", dirs=dirs).exit_status == 1
    done = tool.run("save", "/m/sub/new", "made", dirs=dirs)
    assert done.exit_status == 0
    after = done.read_dir("/m")
    assert after["sub"] == {"deep": {"x": b"\x00"}, "new": b"made"}
    assert after["link"] == Symlink("sub/deep/x")
    assert "new" not in tree["sub"]
    assert tool.run("show", "/m/sub/new", dirs=dirs).exit_status == 1  # each run has its own
    with pytest.raises(aot.UsageError, match="no directory in memory"):
        done.read_dir("/other")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_names_that_cannot_be_in_a_directory(name: str) -> None:
    with pytest.raises(OSError, match=r".*"):
        tool.run("args", dirs={"/m": {name: b""}})


def test_what_cannot_be_in_a_directory() -> None:
    with pytest.raises(TypeError, match="'a' must be"):
        tool.run("args", dirs={"/m": {"a": 3}})


def test_limit_of_files_in_memory() -> None:
    done = tool.run("fill", "/m/file", "100000", dirs={"/m": {}}, limits={"node_bytes": 50000})
    assert done.stdout.endswith(b"bytes, errno 51\n")
    assert len(done.read_dir("/m")["file"]) <= 50000


def test_large_file(tmp_path: Path) -> None:
    assert tool.run("big", "/d/file", dirs={"/d": tmp_path}).stdout == b"5368709128 bytes\n"


# ---- reproducible runs ----------------------------------------------------------------------------------------


def test_seed_and_clocks_repeat() -> None:
    from tests.wasi import direct

    def observe(seed: int) -> tuple[bytes, list[int]]:
        guest = direct.Guest(aot.Wasi(seed=seed, realtime=(1000, 7), monotonic=(0, 1)))
        assert guest.call["random_get"](65536, 32) == 0
        random = bytes(guest.memory[65536 : 65536 + 32])
        times = []
        for clock in (0, 0, 1, 1):
            assert guest.call["clock_time_get"](clock, 0, 65536) == 0
            times.append(int.from_bytes(guest.memory[65536:65544], "little"))
        guest.close()
        return random, times

    assert observe(1) == observe(1)
    assert observe(1)[0] != observe(2)[0]
    assert observe(1)[1] == [1000, 1007, 0, 1]
