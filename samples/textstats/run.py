"""Text in, a C struct out: a library compiled to wasm, called through its linear memory."""

import struct
from pathlib import Path

import aot

HERE = Path(__file__).parent
TEXT = b"The quick brown fox\njumps over the lazy dog.\n"

library = aot.load(HERE / "textstats.wasm")()
view = memoryview(library.memory)  # no copy: the sandbox's own bytes

start = library.buffer()
view[start : start + len(TEXT)] = TEXT
lines, words, longest, *letters = struct.unpack_from("<29I", view, library.analyse(len(TEXT)))
most = max(range(26), key=letters.__getitem__)
print(f"{lines} lines, {words} words, longest {longest} bytes, most common {chr(97 + most)!r} ({letters[most]} times)")

library.rot13(len(TEXT))
print(bytes(view[start : start + len(TEXT)]).decode(), end="")
