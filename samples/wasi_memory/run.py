"""A C program whose files exist only in memory: given as Python values, and read back as such when it has ended."""

from pathlib import Path

import aot
from aot.wasi import CAPTURE, STDOUT

merge = aot.load(Path(__file__).with_name("merge.wasm"))
world = aot.Wasi(
    args=["merge"],
    dirs={"/in": ({"a": b"ant\ncat\ncow\n", "b": b"bee\ndog\n"}, "ro"), "/out": {}},
    stdout=CAPTURE,
    stderr=STDOUT,
)

done = aot.wasi.run(merge, world)
print(f"exit status {done.exit_status}, printed {done.stdout.decode()!r}")
print(done.read_dir("/out"))

# The description can be used again: every run begins with the files as they were given.
for missing in ("a", "b"):
    files = {name: content for name, content in (("a", b"ant\n"), ("b", b"bee\n")) if name != missing}
    done = aot.wasi.run(merge, aot.Wasi(dirs={"/in": files, "/out": {}}, stdout=CAPTURE, stderr=STDOUT))
    print(f"exit status {done.exit_status}, printed {done.stdout.decode()!r}")

# A stream can also be a callable, or a file object.
lines: list[bytes] = []
aot.wasi.run(merge, aot.Wasi(dirs={"/in": {"a": b"", "b": b"\n" * 3}, "/out": {}}, stdout=lines.append))
print(lines)
