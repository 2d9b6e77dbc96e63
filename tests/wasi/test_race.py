"""Paths resolved while another process renames directories and links under them.

Each path call is made WASI_RACE_OPERATIONS times (``make wasi-race``: 100,000), in both ways of resolving paths.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.wasi import direct, escapes
from tests.wasi.direct import OK, Guest

OPERATIONS = int(os.environ.get("WASI_RACE_OPERATIONS", "1000"))
WRITE = direct.RIGHT_WRITE
TARGETS = (
    b"flip/secret.txt",
    b"flip/dir/inner.txt",
    b"m/../outside/secret.txt",
    b"m/../../outside/secret.txt",
    b"flop/x",
)
"""Inside while ``flip`` is a directory; the third and fourth lead out, if at all, while ``m`` is elsewhere."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    outside = tmp_path / "outside"
    for folder in (tmp_path / "box", outside, tmp_path / "outside2", outside / "dir", outside / "dir2"):
        folder.mkdir()
    for name in ("secret.txt", "dir/inner.txt", "victim", "x"):
        (outside / name).write_bytes(escapes.SECRET)
    box = tmp_path / "box"
    for folder in (box / "flip", box / "flip/dir", box / "m"):
        folder.mkdir()
    for name in ("flip/secret.txt", "flip/dir/inner.txt", "flip/x", "mine"):
        (box / name).write_bytes(b"inside")
    (box / "flip/secret.txt-link").symlink_to("secret.txt")
    (outside / "secret.txt-link").symlink_to("victim")
    (box / "flop").symlink_to("../outside")
    return tmp_path


@contextmanager
def renaming(root: Path) -> Iterator[None]:
    """Another process renames for as long as the block runs."""
    command = [sys.executable, str(Path(__file__).with_name("renamer.py")), str(root)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield
    finally:
        output, _ = process.communicate("\n")
    assert process.returncode == 0
    assert int(output) >= 100


def _opened(guest: Guest, result: tuple[int, int], forbidden: set[tuple[int, int]]) -> int:
    errno, fd = result
    if errno == OK:
        found, (dev, ino, _) = guest.stat_fd(fd)
        assert found == OK
        assert (dev, ino) not in forbidden
        assert guest.close_fd(fd) == OK
    return errno


Call = Callable[[Guest, bytes, int, set[tuple[int, int]]], int]


def _stat(guest: Guest, path: bytes, _: int, forbidden: set[tuple[int, int]]) -> int:
    errno, (dev, ino, _size) = guest.stat(path)
    assert errno != OK or (dev, ino) not in forbidden
    return errno


def _mkdir_rmdir(guest: Guest, path: bytes, k: int, _: set[tuple[int, int]]) -> int:
    name = path.rpartition(b"/")[0] + b"/made"
    return guest.mkdir(name) if k % 2 else guest.rmdir(name)


def _create_unlink(guest: Guest, path: bytes, k: int, forbidden: set[tuple[int, int]]) -> int:
    name = path.rpartition(b"/")[0] + b"/victim"
    if k % 2:
        return guest.unlink(name)
    return _opened(guest, guest.open(name, oflags=direct.CREAT, rights=WRITE), forbidden)


def _rename(guest: Guest, path: bytes, k: int, _: set[tuple[int, int]]) -> int:
    return guest.rename(path, b"taken") if k % 2 else guest.rename(b"taken", path)


def _link(guest: Guest, path: bytes, k: int, forbidden: set[tuple[int, int]]) -> int:
    name = b"linked%d" % k
    errno = guest.link(path, name) if k % 2 else guest.link(b"mine", path + name)
    if errno == OK and k % 2:
        found, (dev, ino, _) = guest.stat(name)
        assert found == OK
        assert (dev, ino) not in forbidden
        assert guest.unlink(name) == OK
    elif errno == OK:
        guest.unlink(path + name)
    return errno


def _symlink(guest: Guest, path: bytes, k: int, _: set[tuple[int, int]]) -> int:
    name = path + b"-link%d" % (k % 7)
    return guest.symlink(b"secret.txt", name) if k % 2 else guest.unlink(name)


def _readlink(guest: Guest, path: bytes) -> int:
    errno, target = guest.readlink(path + b"-link")
    assert errno != OK or target == b"secret.txt"
    return errno


CALLS: dict[str, Call] = {
    "path_open": lambda g, p, k, bad: _opened(g, g.open(p), bad),
    "path_open nofollow": lambda g, p, k, bad: _opened(g, g.open(p, lookup=0), bad),
    "path_open write": lambda g, p, k, bad: _opened(g, g.open(p, rights=WRITE, oflags=direct.TRUNC), bad),
    "path_open create, path_unlink_file": _create_unlink,
    "path_open directory": lambda g, p, k, bad: _opened(
        g, g.open(p.rpartition(b"/")[0], oflags=direct.DIRECTORY, rights=direct.RIGHT_READDIR), bad
    ),
    "path_filestat_get": _stat,
    "path_filestat_set_times": lambda g, p, k, bad: g.set_times(p),
    "path_create_directory, path_remove_directory": _mkdir_rmdir,
    "path_rename": _rename,
    "path_link": _link,
    "path_symlink, path_unlink_file": _symlink,
    "path_readlink": lambda g, p, k, bad: _readlink(g, p),
}


def both(errnos: Counter[int]) -> bool:
    """Were there calls that stayed inside and calls that were refused?"""
    return 0 < errnos[OK] < errnos.total()


@pytest.mark.parametrize("walk_paths", [False, True], ids=["openat2", "walk"])
@pytest.mark.parametrize("name", CALLS)
def test_renames_under_way(name: str, walk_paths: bool, root: Path) -> None:
    forbidden = escapes.inodes(root / "outside") | escapes.inodes(root / "outside2")
    forbidden |= {(info.st_dev, info.st_ino) for info in (root.stat(), root.parent.stat())}
    forbidden -= escapes.inodes(root / "box")
    before = escapes.snapshot(root / "outside")
    guest = direct.guest(root / "box", walk_paths=walk_paths)
    errnos: Counter[int] = Counter()
    with renaming(root):
        for k, path in enumerate(itertools.cycle(TARGETS)):
            errnos[CALLS[name](guest, path, k // len(TARGETS), forbidden)] += 1
            if k >= OPERATIONS - 1 and (both(errnos) or k >= 100 * OPERATIONS):
                break
    guest.close()
    assert escapes.snapshot(root / "outside") == before
    assert [path.name for path in (root / "outside2").rglob("*") if path.name != "m"] == []
    assert both(errnos), f"nothing was tried: {errnos}"


def test_one_who_does_not_look_gets_out(root: Path) -> None:
    """The same races, run against the system's own resolution of paths: they do lead out."""
    forbidden = escapes.inodes(root / "outside")
    with renaming(root):
        for path in itertools.islice(itertools.cycle(TARGETS), 100_000):
            try:
                info = os.stat(os.fsencode(root / "box") + b"/" + path)  # noqa: PTH116, what is tested is this call
            except OSError:
                continue
            if (info.st_dev, info.st_ino) in forbidden:
                break
        else:
            pytest.fail("no path led out")
