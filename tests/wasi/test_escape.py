"""Nothing outside of the preopened directories is reached, whatever the path: 1,496 attempts, each in both ways of
resolving paths.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import aot
from tests.wasi import direct, escapes
from tests.wasi.direct import OK
from tests.wasi.escapes import OPERATIONS, Operation, make_place

RESOLVERS = pytest.mark.parametrize("walk_paths", [False, True], ids=["openat2", "walk"])


def test_number_of_cases(tmp_path: Path) -> None:
    paths = {(path.dir, path.text) for path in escapes.hostile_paths(make_place(tmp_path))}
    names = {operation.name for operation in OPERATIONS}
    assert (len(paths), len(names)) == (68, 22)


@RESOLVERS
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_way_out(operation: Operation, walk_paths: bool, tmp_path: Path) -> None:
    n = len(escapes.hostile_paths(make_place(tmp_path / "count")))
    for k in range(n):
        place = make_place(tmp_path / str(k))
        path = escapes.hostile_paths(place)[k]
        guest = direct.guest(place.box, place.other, Path("/proc/self"), walk_paths=walk_paths)
        before = escapes.snapshot(place.outside)
        errno, fd = operation.run(guest, path)
        what = f"{operation.name} {path.text[:80]!r} gave {errno}"
        if errno == OK:
            assert path.only_last, what
            assert not operation.follows, what
        if fd >= 0:
            assert guest.stat_fd(fd)[1][:2] in escapes.inodes(place.box, place.other), what
        assert escapes.snapshot(place.outside) == before, what
        assert not (place.outside / "new").exists()
        guest.close()


@RESOLVERS
def test_ways_that_stay_inside_work(walk_paths: bool, tmp_path: Path) -> None:
    place = make_place(tmp_path)
    guest = direct.guest(place.box, place.other, walk_paths=walk_paths)
    for path in (
        b"file.txt",
        b"sub/../file.txt",
        b"inside",
        b"./inside",
        b"insidedir/../../file.txt",
        b"sub/x/y/../../../file.txt",
    ):
        errno, fd = guest.open(path)
        assert (errno, guest.read(fd, 10)) == (OK, (OK, b"inside")), path
        assert guest.close_fd(fd) == OK
    assert guest.rename(b"file.txt", b"moved.txt", to=4) == OK
    assert (place.other / "moved.txt").read_bytes() == b"inside"
    assert guest.readlink(b"rel") == (OK, b"../outside/secret.txt")
    assert guest.unlink(b"abs") == OK
    assert not (place.box / "abs").is_symlink()
    guest.close()


@RESOLVERS
def test_links_that_lead_out_are_not_made(walk_paths: bool, tmp_path: Path) -> None:
    place = make_place(tmp_path)
    guest = direct.guest(place.box, walk_paths=walk_paths)
    assert guest.symlink(b"/etc/passwd", b"made") != OK
    assert guest.symlink(b"sub/x", b"made") == OK
    assert guest.stat(b"made/y")[0] == OK
    guest.close()


@RESOLVERS
def test_descriptor_of_a_directory_that_was_moved_out(walk_paths: bool, tmp_path: Path) -> None:
    """The directory stays what was opened; its parent is no way to anything."""
    place = make_place(tmp_path)
    guest = direct.guest(place.box, walk_paths=walk_paths)
    errno, sub = guest.open(b"sub", oflags=direct.DIRECTORY, rights=direct.ALL_RIGHTS & ~direct.RIGHT_WRITE)
    assert errno == OK
    (place.box / "sub").rename(place.outside / "sub")
    before = escapes.snapshot(place.outside / "dir")
    for path in (b"..", b"../secret.txt", b"x/../../secret.txt", b"dotdots/outside/secret.txt", b"x/y/up/secret.txt"):
        assert guest.open(path, dir=sub)[0] != OK, path
        assert guest.stat(path, dir=sub)[0] != OK, path
        assert guest.unlink(path, dir=sub) != OK, path
    assert escapes.snapshot(place.outside / "dir") == before
    guest.close()


@RESOLVERS
def test_preopens_do_not_nest_upwards(walk_paths: bool, tmp_path: Path) -> None:
    """A preopened directory inside of another gives no way into that one."""
    place = make_place(tmp_path)
    guest = direct.guest(place.box / "sub", place.box, walk_paths=walk_paths)
    assert guest.open(b"../file.txt", dir=3)[0] != OK
    assert guest.open(b"file.txt", dir=4)[0] == OK
    guest.close()


def test_read_only(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    guest = direct.Guest(aot.Wasi(dirs={"/": (place.box, "ro"), "/other": place.other}))
    before = escapes.snapshot(place.box)
    assert guest.open(b"file.txt")[0] == OK
    refused = [
        guest.open(b"file.txt", rights=direct.RIGHT_WRITE)[0],
        guest.open(b"file.txt", oflags=direct.TRUNC)[0],
        guest.open(b"new", oflags=direct.CREAT)[0],
        guest.mkdir(b"new"),
        guest.rmdir(b"sub/x/y"),
        guest.unlink(b"file.txt"),
        guest.rename(b"file.txt", b"new"),
        guest.rename(b"file.txt", b"new", to=4),
        guest.rename(b"other.txt", b"new", dir=4, to=3),
        guest.link(b"file.txt", b"new"),
        guest.link(b"file.txt", b"new", to=4),
        guest.link(b"other.txt", b"new", dir=4, to=3),
        guest.symlink(b"file.txt", b"new"),
        guest.set_times(b"file.txt"),
    ]
    assert OK not in refused, refused
    assert escapes.snapshot(place.box) == before
    guest.close()
