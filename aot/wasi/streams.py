"""Standard streams: what people give for them, connected to a context.

Files of the operating system are handed to the runtime, which reads and writes them without Python; everything else
is served by a Python callable.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
from collections.abc import Callable
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


def connect(context: WasiContext, stream: int, value: Any, stdout: Any) -> None:
    """Make ``value``, checked by `check_stream`, the context's stream; ``stdout`` is what was given for that one.

    Raises OSError if a file cannot be opened.
    """
    if value is STDOUT:
        value = stdout
        if value is CAPTURE:
            context._set_buffer(stream, STDOUT_FILENO)
            return
        if value is INHERIT:
            context._set_fd(stream, STDOUT_FILENO)
            return
    if value is NULL:
        return
    if value is INHERIT:
        _inherit(context, stream)
    elif value is CAPTURE:
        context._set_buffer(stream, stream)
    elif isinstance(value, bytes):
        context._set_bytes(stream, value)
    elif isinstance(value, (str, os.PathLike)):
        _connect_path(context, stream, value, appending=value is stdout and stream == STDERR_FILENO)
    elif stream == STDIN_FILENO:
        _connect_input(context, value)
    else:
        _connect_output(context, stream, value)


def _inherit(context: WasiContext, stream: int) -> None:
    try:
        context._set_fd(stream, stream)
    except OSError as err:
        if err.errno != errno.EBADF:  # a process without this stream has none to give
            raise


def _connect_path(context: WasiContext, stream: int, path: Any, *, appending: bool) -> None:
    flags = os.O_RDONLY
    if stream != STDIN_FILENO:
        flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if appending else os.O_TRUNC)
    fd = os.open(path, flags | os.O_CLOEXEC, 0o666)
    try:
        context._set_fd(stream, fd)
    finally:
        os.close(fd)


def _descriptor(file: Any) -> int | None:
    """The system's descriptor behind a file object, None if it has none."""
    try:
        fd = file.fileno()
    except (AttributeError, OSError, ValueError):
        return None
    return fd if isinstance(fd, int) and fd >= 0 else None


def _connect_input(context: WasiContext, file: Any) -> None:
    if not hasattr(file, "read"):
        context._set_callable(STDIN_FILENO, file)
        return
    if isinstance(file, io.TextIOBase):
        file = getattr(file, "buffer", file)
    fd = _descriptor(file)
    if fd is None:
        context._set_callable(STDIN_FILENO, _text_reader(file) if isinstance(file, io.TextIOBase) else _reader(file))
        return
    if file.seekable():
        os.lseek(fd, file.tell(), os.SEEK_SET)  # what Python has read ahead is not lost
    context._set_fd(STDIN_FILENO, fd)


def _connect_output(context: WasiContext, stream: int, file: Any) -> None:
    if not hasattr(file, "write"):
        context._set_callable(stream, file)
        return
    fd = _descriptor(file)
    if fd is not None:
        file.flush()  # what Python has written comes first
        context._set_fd(stream, fd)
    elif isinstance(file, io.TextIOBase):
        context._set_callable(stream, _text_writer(file))
    else:
        context._set_callable(stream, _writer(file))


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
