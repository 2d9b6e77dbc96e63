"""Standard streams: what people give for them, connected to a context.

Files of the operating system are handed to the runtime, which reads and writes them without Python; everything else
is served by a Python callable.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

from aot.errors import UsageError

if TYPE_CHECKING:
    from aot.embed.wasi import WasiContext

STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO = range(3)
_NAMES = ("stdin", "stdout", "stderr")


class Special(Enum):
    """Streams that are no objects of Python's."""

    NULL = "null"
    """At its end when read; what is written vanishes."""
    INHERIT = "inherit"
    """The process's own descriptor 0, 1 or 2."""
    CAPTURE = "capture"
    """Kept in memory, to be read from the context. Not for stdin."""
    STDOUT = "stdout"
    """Where stdout goes. For stderr only."""


NULL, INHERIT, CAPTURE, STDOUT = Special
"""The members of `Special`."""


def check_stream(stream: int, value: Any) -> Any:
    """``value`` as it is kept, if it can be the stream: bytes are copied. Raises TypeError or UsageError."""
    name = _NAMES[stream]
    if value is None:
        return NULL
    if isinstance(value, Special):
        if value is CAPTURE and stream == STDIN_FILENO:
            raise UsageError("stdin cannot be captured: there is nothing to keep")
        if value is STDOUT and stream != STDERR_FILENO:
            raise UsageError(f"{name} cannot go where stdout goes")
        return value
    if isinstance(value, (str, os.PathLike)) or callable(value):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        if stream != STDIN_FILENO:
            raise TypeError(f"{name} cannot be {type(value).__name__}; give CAPTURE or an io.BytesIO")
        return bytes(value)
    if hasattr(value, "read" if stream == STDIN_FILENO else "write"):
        return value
    raise TypeError(f"{name} cannot be {type(value).__name__}")


def connect(context: WasiContext, values: Sequence[Any]) -> None:
    """Make the values, each checked by `check_stream`, the context's streams.

    Raises OSError if a file cannot be opened.
    """
    both = values[STDERR_FILENO] is STDOUT
    for stream, value in enumerate(values):
        if value is not NULL and value is not STDOUT:
            _connect(context, (STDOUT_FILENO, STDERR_FILENO) if both and stream == STDOUT_FILENO else (stream,), value)


def _connect(context: WasiContext, streams: tuple[int, ...], value: Any) -> None:
    """Make ``value`` each of the streams; of several, the first is what it was given for."""
    if value is INHERIT:
        _inherit(context, streams)
    elif value is CAPTURE:
        for stream in streams:
            context._set_buffer(stream, streams[0])
    elif isinstance(value, bytes):
        context._set_bytes(STDIN_FILENO, value)
    elif isinstance(value, (str, os.PathLike)):
        _connect_path(context, streams, value)
    elif streams[0] == STDIN_FILENO:
        _connect_input(context, value)
    else:
        _connect_output(context, streams, value)


def _set_fd(context: WasiContext, streams: tuple[int, ...], fd: int) -> None:
    for stream in streams:
        context._set_fd(stream, fd)


def _inherit(context: WasiContext, streams: tuple[int, ...]) -> None:
    try:
        _set_fd(context, streams, streams[0])
    except OSError as err:
        if err.errno != errno.EBADF:  # a process without this stream has none to give
            raise


def _connect_path(context: WasiContext, streams: tuple[int, ...], path: Any) -> None:
    reading = streams[0] == STDIN_FILENO
    flags = os.O_RDONLY if reading else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    fd = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        _set_fd(context, streams, fd)
    finally:
        os.close(fd)


def _descriptor(file: Any) -> int | None:
    """The descriptor of a file of the system's, None for anything else: other objects that have a ``fileno`` may do
    something to the bytes before they get there, as gzip's do.
    """
    if isinstance(file, io.TextIOWrapper):
        file = file.buffer
    if isinstance(file, (io.BufferedReader, io.BufferedWriter, io.BufferedRandom)):
        file = file.raw
    return file.fileno() if isinstance(file, io.FileIO) else None


def _connect_input(context: WasiContext, file: Any) -> None:
    if not hasattr(file, "read"):
        context._set_callable(STDIN_FILENO, file)
        return
    fd = _descriptor(file)
    if fd is None:
        context._set_callable(STDIN_FILENO, _text_reader(file) if isinstance(file, io.TextIOBase) else _reader(file))
        return
    if file.seekable():  # what Python has read ahead is not lost
        file.seek(file.tell())
        os.lseek(fd, getattr(file, "buffer", file).tell(), os.SEEK_SET)
    context._set_fd(STDIN_FILENO, fd)


def _connect_output(context: WasiContext, streams: tuple[int, ...], file: Any) -> None:
    fd = _descriptor(file)
    if fd is not None:
        file.flush()  # what Python has written comes first
        _set_fd(context, streams, fd)
        return
    serve = file
    if hasattr(file, "write"):
        serve = _text_writer(file) if isinstance(file, io.TextIOBase) else _writer(file)
    for stream in streams:
        context._set_callable(stream, serve)


def _reader(file: Any) -> Callable[[int], Any]:
    read = getattr(file, "read1", file.read)

    def serve(n: int) -> Any:
        try:
            data = read(n)
        except OSError as err:
            return _negative(err)
        return -errno.EAGAIN if data is None else data

    return serve


def _text_reader(file: io.TextIOBase) -> Callable[[int], bytes]:
    left = b""

    def serve(n: int) -> bytes:
        nonlocal left
        if not left:
            left = file.read(n).encode("utf-8", "surrogateescape")
        chunk, left = left[:n], left[n:]
        return chunk

    return serve


def _writer(file: Any) -> Callable[[bytes], int | None]:
    def serve(data: bytes) -> int | None:
        try:
            count = file.write(data)
        except OSError as err:
            return _negative(err)
        if count is None and isinstance(file, io.RawIOBase):
            return -errno.EAGAIN
        return count if isinstance(count, int) else None

    return serve


def _text_writer(file: io.TextIOBase) -> Callable[[bytes], int | None]:
    """Characters cut in two by the guest's writes come out whole."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def serve(data: bytes) -> int | None:
        try:
            file.write(decoder.decode(data))
        except OSError as err:
            return _negative(err)
        return None

    return serve


def _negative(err: OSError) -> int:
    """A file's failure as the errno that the guest gets. Raises ``err`` again if it carries none."""
    if not err.errno:
        raise err
    return -err.errno
