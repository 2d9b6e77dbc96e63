"""What happens when the system fails: the right errno for the guest, nothing lost without a word, no crash."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import aot
from aot.wasi import CAPTURE
from tests.wasi import direct, tool
from tests.wasi.direct import OK


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of that size. Needs the right to mount one."""
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root; test_file_size_limit has no such need")
    folder.mkdir()
    done = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "256k") as disk:
        done = tool.run("fill", "/d/file", "1000000", dirs={"/d": disk})
        written, words = done.stdout.decode().strip().split(" bytes, ")
        assert words == f"errno {direct.NOSPC}"
        assert (disk / "file").stat().st_size == int(written)
        (disk / "file").unlink()
        assert tool.run("fill", "/d/file", "100000", dirs={"/d": disk}).stdout.endswith(b"errno 0\n")


def test_full_disk_behind_output(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "64k") as disk:
        done = tool.run("cat", stdin=b"x" * 200000, stdout=disk / "out")
        assert (done.exit_status, done.stderr) == (1, b"write: errno %d\n" % direct.NOSPC)
        done = tool.run("save", "/d/x", "y" * 5000, dirs={"/d": disk})
        assert done.exit_status == 1


def test_file_size_limit(tmp_path: Path) -> None:
    text = f"""
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))
done = tool.run("fill", "/d/file", "100000", dirs={{"/d": {str(tmp_path)!r}}})
print(done.stdout)
"""
    done = subprocess.run(tool.script(text), capture_output=True, text=True, check=True)
    assert done.stdout == f"b'50000 bytes, errno {direct.FBIG}\\n'\n"
    assert (tmp_path / "file").stat().st_size == 50000


def test_descriptors_of_the_process_run_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    text = f"""
import os, resource
n = len(os.listdir("/proc/self/fd"))
resource.setrlimit(resource.RLIMIT_NOFILE, (n + 20, n + 20))
done = tool.run("many", "/d/file", "100", dirs={{"/d": {str(tmp_path)!r}}})
print(done.stdout.decode())
print(tool.run("show", "/d/file", dirs={{"/d": {str(tmp_path)!r}}}).stdout)
"""
    done = subprocess.run(tool.script(text), capture_output=True, text=True, check=True)
    words = done.stdout.split()
    assert 5 <= int(words[0]) <= 20
    assert words[1:] == ["open,", "errno", str(direct.MFILE), "b'x'"]


def test_limit_of_descriptors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    done = tool.run("many", "/d/file", "100", dirs={"/d": tmp_path}, limits={"descriptors": 10})
    assert done.stdout == b"6 open, errno %d\n" % direct.MFILE


def test_other_limits(tmp_path: Path) -> None:
    limits = {"path_bytes": 100, "iovecs": 8, "subscriptions": 4}
    guest = direct.Guest(aot.Wasi(dirs={"/": tmp_path}, limits=limits))
    assert guest.open(b"x" * 101)[0] == direct.NAMETOOLONG
    assert guest.symlink(b"x" * 101, b"y") == direct.NAMETOOLONG
    assert guest.call["fd_write"](1, 0, 9, 32768) == direct.INVAL
    assert guest.call["poll_oneoff"](0, 4096, 5, 32768) == direct.INVAL
    guest.close()


def test_closed_output() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb", buffering=0) as pipe:  # noqa: PTH123
        done = tool.run("cat", stdin=b"x", stdout=pipe)
    assert (done.exit_status, done.stderr) == (1, b"write: errno %d\n" % direct.PIPE)


def test_process_without_streams() -> None:
    text = """
import os
for fd in (0, 1, 2):
    os.close(fd)
done = tool.run("cat", stdin=INHERIT, stdout=INHERIT, stderr=INHERIT)
os._exit(40 + done.exit_status)
"""
    assert subprocess.run(tool.script(text), check=False).returncode == 40


@pytest.mark.parametrize("walk_paths", [False, True], ids=["openat2", "walk"])
def test_directory_removed_while_open(walk_paths: bool, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/file").write_text("x")
    reader, writer = os.pipe()

    def remove(data: bytes) -> None:
        if data == b"ready\n":
            shutil.rmtree(tmp_path / "d")
            os.write(writer, b"\n")
        seen.append(data)

    seen: list[bytes] = []
    with open(reader, "rb", buffering=0) as pipe:  # noqa: PTH123
        tool.run("hold", "/d", dirs={"/d": tmp_path / "d"}, stdin=pipe, stdout=remove, walk_paths=walk_paths)
    os.close(writer)
    assert b"".join(seen) == b"ready\n0 entries\ncreate: errno %d\n" % direct.NOENT
    assert not (tmp_path / "d").exists()


def test_file_removed_and_cut_while_open(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"0123456789")
    guest = direct.guest(tmp_path)
    errno, fd = guest.open(b"file")
    assert (errno, guest.read(fd, 4)) == (OK, (OK, b"0123"))
    os.truncate(tmp_path / "file", 5)
    assert guest.read(fd, 4) == (OK, b"4")
    (tmp_path / "file").unlink()
    assert guest.read(fd, 4) == (OK, b"")
    assert guest.stat_fd(fd)[0] == OK
    guest.close()


def test_permission_denied(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    (tmp_path / "file").write_text("x")
    (tmp_path / "file").chmod(0)
    guest = direct.guest(tmp_path)
    assert guest.open(b"file")[0] == direct.ACCES
    guest.close()


def test_special_files_do_not_block(tmp_path: Path) -> None:
    """A pipe without a writer in a preopened directory must not hang the program when it is opened."""
    os.mkfifo(tmp_path / "pipe")
    guest = direct.guest(tmp_path)
    result: list[int] = []
    thread = threading.Thread(target=lambda: result.append(guest.open(b"pipe")[0]), daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive(), "opening the pipe hangs"
    guest.close()


def test_reading_from_a_directory_and_the_like(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "file").write_text("x")
    guest = direct.guest(tmp_path)
    assert guest.read(3, 10)[0] in (direct.ISDIR, direct.NOTCAPABLE)
    assert guest.write(3, b"x")[0] in (direct.ISDIR, direct.NOTCAPABLE)
    assert guest.read(77, 10)[0] == direct.BADF
    assert guest.open(b"file/x")[0] == direct.NOTDIR
    assert guest.mkdir(b"d") == direct.EXIST
    assert guest.rmdir(b"file") == direct.NOTDIR
    assert guest.unlink(b"d") in (direct.ISDIR, direct.PERM)
    assert guest.rename(b"d", b"d/inside") == direct.INVAL
    assert guest.open(b"file", oflags=direct.CREAT | direct.EXCL)[0] == direct.EXIST
    guest.close()


def test_pointers_out_of_bounds_trap(tmp_path: Path) -> None:
    """Before anything happens: the bytes are read, and the results would be written, where there is no memory."""
    guest = direct.guest(tmp_path, stdout=CAPTURE)
    end = len(guest.memory)
    cases: list[tuple[str, list[int]]] = [
        ("fd_write", [1, end - 4, 1, 0]),
        ("fd_write", [1, 0, 1, end - 2]),
        ("fd_prestat_get", [3, end - 4]),
        ("random_get", [end - 10, 11]),
        ("random_get", [2**32 - 1, 2**32 - 1]),
        ("path_open", [3, 0, end - 1, 2, 0, 0, 0, 0, 0]),
        ("path_create_directory", [3, end, 1]),
        ("clock_time_get", [0, 0, end - 7]),
        ("poll_oneoff", [end - 8, 0, 1, 0]),
        ("args_sizes_get", [0, end]),
        ("fd_readdir", [3, end - 5, 6, 0, 0]),
    ]
    for name, args in cases:
        with pytest.raises(aot.Trap, match="out of bounds memory access"):
            guest.call[name](*args)
    assert guest.call["random_get"](end, 0) == OK
    assert guest.write(1, b"still alive")[0] == OK
    assert list(tmp_path.iterdir()) == []
    guest.close()
