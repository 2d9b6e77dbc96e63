"""Ways out of a preopened directory: a folder full of them, and every operation that takes a path."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.wasi import direct
from tests.wasi.direct import OK, Guest

SECRET = b"SECRET"


@dataclass(frozen=True, slots=True)
class Place:
    """``box`` and ``other`` are preopened (3 and 4), as is /proc/self (5); nothing of ``outside`` may be reached."""

    root: Path

    @property
    def box(self) -> Path:
        return self.root / "box"

    @property
    def other(self) -> Path:
        return self.root / "other"

    @property
    def outside(self) -> Path:
        return self.root / "outside"


def make_place(root: Path) -> Place:
    place = Place(root)
    for folder in (place.box / "sub/x/y", place.other, place.outside / "dir", place.outside / "empty"):
        folder.mkdir(parents=True)
    (place.outside / "secret.txt").write_bytes(SECRET)
    (place.outside / "dir/inner.txt").write_bytes(SECRET)
    (place.box / "file.txt").write_bytes(b"inside")
    (place.other / "other.txt").write_bytes(b"other")
    links: dict[str, str | Path] = {
        "abs": place.outside / "secret.txt",
        "absdir": place.outside,
        "rel": "../outside/secret.txt",
        "reldir": "../outside",
        "sub/x/y/up": "../../../../outside",
        "chain": "chain2",
        "chain2": "sub/../reldir",
        "root": "/",
        "dotdot": "..",
        "sub/dotdots": "../..",
        "loop": "loop",
        "proc": "/proc/self/root",
        "cwd": "/proc/self/cwd",
        "descriptors": "/proc/self/fd",
        "dangling": "../outside/new",
        "absdangling": place.outside / "new",
        "inside": "file.txt",
        "insidedir": "sub/x",
        "back": "../box",
    }
    for name, target in links.items():
        (place.box / name).symlink_to(target)
    return place


@dataclass(frozen=True, slots=True)
class Hostile:
    """A hostile path. ``only_last``: it leads out only where its last component is followed."""

    text: bytes
    only_last: bool = False
    dir: int = 3


def hostile_paths(place: Place) -> list[Hostile]:
    absolute = os.fsencode(place.outside / "secret.txt")
    prefixes = [
        b"../outside/secret.txt",
        b"sub/../../outside/secret.txt",
        b"sub/x/y/../../../../outside/secret.txt",
        b"./../outside/secret.txt",
        b"..//outside//secret.txt",
        b"file.txt/../../outside/secret.txt",
        b"inside/../../outside/secret.txt",
        b"missing/../../outside/secret.txt",
        absolute,
        b"/" + absolute,
        b"/" + b"../" * 40 + absolute[1:],
        b"absdir/secret.txt",
        b"reldir/secret.txt",
        b"reldir//secret.txt",
        b"reldir/./secret.txt",
        b"reldir/../outside/secret.txt",
        b"reldir/dir/inner.txt",
        b"sub/x/y/up/secret.txt",
        b"insidedir/y/up/secret.txt",
        b"chain/secret.txt",
        b"root" + absolute,
        b"root/etc/passwd",
        b"dotdot/outside/secret.txt",
        b"sub/dotdots/outside/secret.txt",
        b"proc" + absolute,
        b"cwd/pyproject.toml",
        b"descriptors/0",
        b"back/../outside/secret.txt",
        b"back/file.txt",
        b"\0../outside/secret.txt",
        b"a" * 5000,
        b"x/" * 2000 + b"../" * 2001 + b"outside/secret.txt",
        b"a" * 256,
    ]
    lasts = [b"..", b"sub/../..", b"abs", b"absdir", b"rel", b"reldir", b"sub/x/y/up", b"chain", b"root", b"dotdot"]
    lasts += [b"loop", b"proc", b"cwd", b"descriptors", b"dangling", b"absdangling"]
    found = [Hostile(text) for text in prefixes]
    found += [Hostile(text, only_last=not text.endswith(b"..")) for text in lasts]
    found += [
        Hostile(text + b"/") for text in (b"..", b"reldir", b"absdir", b"root", b"dotdot", b"chain", b"abs", b"rel")
    ]
    found += [Hostile(text + b"/.") for text in (b"reldir", b"root", b"dotdot")]
    found += [
        Hostile(text, dir=5) for text in (b"root" + absolute, b"root/etc/passwd", b"cwd/pyproject.toml", b"../1/cwd")
    ]
    found += [Hostile(text, only_last=True, dir=5) for text in (b"root", b"cwd", b"exe", b"fd/0")]
    return found


@dataclass(frozen=True, slots=True)
class Operation:
    """``run`` gives the errno and a descriptor or -1. ``follows``: the last component's link is followed."""

    name: str
    run: Callable[[Guest, Hostile], tuple[int, int]]
    follows: bool


def _open(**options: int) -> Callable[[Guest, Hostile], tuple[int, int]]:
    def run(guest: Guest, path: Hostile) -> tuple[int, int]:
        errno, fd = guest.open(path.text, dir=path.dir, **options)
        return errno, fd if errno == OK else -1

    return run


def _plain(call: Callable[[Guest, Hostile], int]) -> Callable[[Guest, Hostile], tuple[int, int]]:
    return lambda guest, path: (call(guest, path), -1)


_WRITE = direct.RIGHT_WRITE
OPERATIONS = (
    Operation("read", _open(), follows=True),
    Operation("read the link", _open(lookup=0), follows=False),
    Operation("write", _open(rights=_WRITE), follows=True),
    Operation("create", _open(rights=_WRITE, oflags=direct.CREAT), follows=True),
    Operation("create new", _open(rights=_WRITE, oflags=direct.CREAT | direct.EXCL), follows=False),
    Operation("truncate", _open(rights=_WRITE, oflags=direct.TRUNC), follows=True),
    Operation("directory", _open(rights=direct.RIGHT_READDIR, oflags=direct.DIRECTORY), follows=True),
    Operation("stat", _plain(lambda g, p: g.stat(p.text, dir=p.dir)[0]), follows=True),
    Operation("stat the link", _plain(lambda g, p: g.stat(p.text, dir=p.dir, lookup=0)[0]), follows=False),
    Operation("set times", _plain(lambda g, p: g.set_times(p.text, dir=p.dir)), follows=True),
    Operation("mkdir", _plain(lambda g, p: g.mkdir(p.text, dir=p.dir)), follows=False),
    Operation("mkdir in", _plain(lambda g, p: g.mkdir(p.text + b"/new", dir=p.dir)), follows=True),
    Operation("rmdir", _plain(lambda g, p: g.rmdir(p.text, dir=p.dir)), follows=False),
    Operation("unlink", _plain(lambda g, p: g.unlink(p.text, dir=p.dir)), follows=False),
    Operation("rename from", _plain(lambda g, p: g.rename(p.text, b"moved", dir=p.dir)), follows=False),
    Operation("rename to", _plain(lambda g, p: g.rename(b"file.txt", p.text, to=p.dir)), follows=False),
    Operation("rename across", _plain(lambda g, p: g.rename(p.text, b"moved", dir=p.dir, to=4)), follows=False),
    Operation("link from", _plain(lambda g, p: g.link(p.text, b"linked", dir=p.dir)), follows=False),
    Operation("link from followed", _plain(lambda g, p: g.link(p.text, b"linked", dir=p.dir, lookup=1)), follows=True),
    Operation("link to", _plain(lambda g, p: g.link(b"file.txt", p.text, to=p.dir)), follows=False),
    Operation("symlink to", _plain(lambda g, p: g.symlink(b"file.txt", p.text, dir=p.dir)), follows=False),
    Operation("readlink", _plain(lambda g, p: g.readlink(p.text, dir=p.dir)[0]), follows=False),
)


def snapshot(folder: Path) -> list[tuple[object, ...]]:
    """Everything about a tree that a guest could have changed."""
    found: list[tuple[object, ...]] = []
    for path in [folder, *sorted(folder.rglob("*"))]:
        info = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        found.append((str(path), info.st_mode, info.st_nlink, info.st_size, info.st_mtime_ns, content))
    return found


def inodes(*folders: Path) -> set[tuple[int, int]]:
    """Device and inode of everything in these trees, links not followed."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    return {(info.st_dev, info.st_ino) for info in (path.lstat() for path in paths)}
