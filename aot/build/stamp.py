"""A digest of the translator's own files. Imports next to nothing (no pathlib): running a cached program waits
for it."""

import hashlib
import os

PACKAGE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
_TRANSLATOR = ("wasm", "abi", "emit", "build")


def translator_stamp(include: str) -> bytes:
    """Changes whenever a file does that decides the compiled code, be it flags or headers in ``include``: a release's
    version says it all, but whoever works on the translator itself must not be handed yesterday's code.
    """
    digest = hashlib.sha256()
    for folder in (*(f"{PACKAGE}/{name}" for name in _TRANSLATOR), f"{include}/wasm2so"):
        for item in sorted(os.scandir(folder), key=lambda item: item.name):
            if item.name.endswith((".py", ".h")):
                stat = item.stat()
                digest.update(f"{item.name} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return digest.digest()
