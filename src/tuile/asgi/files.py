"""Files as bodies of responses: short ones are read whole in a worker, and sent in one message."""

from __future__ import annotations

import io
import os
import stat
import typing as t
from contextlib import closing

from werkzeug.wsgi import FileWrapper as WerkzeugFileWrapper
from werkzeug.wsgi import _RangeWrapper

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from .protocol import HeaderPairs

# How many bytes are read at a time of what others may still write.
_PIECE = 64 * 1024
# How many bytes of a file are sent in one message. Each message costs several turns of the loop, and holds a thread
# until the client has taken it if another one follows. For a slow client, this much memory is held instead. Most
# scripts, style sheets and pictures are shorter.
_MOST_AT_ONCE = 256 * 1024


class FileWrapper(WerkzeugFileWrapper):
    """The pieces of a file, as large as a response may have waiting."""

    def __init__(self, file: t.IO[bytes], buffer_size: int = _PIECE) -> None:
        super().__init__(file, max(buffer_size, _MOST_AT_ONCE if _is_at_hand(file) else _PIECE))


def with_short_file_read(parts: Iterable[bytes], headers: HeaderPairs) -> Iterable[bytes]:
    """Return a body with its content in one piece and its file closed, if it is a short file; otherwise itself.

    The content is shorter than announced only if the file has become shorter.

    Args:
        parts: The body.
        headers: The headers of the response.

    Raises:
        OSError: The file cannot be read.
    """
    wrapper = parts.iterable if type(parts) is _RangeWrapper else parts
    if type(wrapper) is not FileWrapper:
        return parts
    length = next((int(value) for name, value in headers if name == b"content-length" and value.isdigit()), None)
    if length is None or length > _MOST_AT_ONCE or not _is_at_hand(wrapper.file):
        return parts
    wrapper.buffer_size = length
    with closing(wrapper):
        # It may have grown.
        return [next(iter(parts), b"")[:length]] if length else []


def _is_at_hand(file: object) -> bool:
    """Return whether reading a file does not wait for what others write."""
    if type(file) is io.BufferedReader and not file.closed and type(file.raw) is io.FileIO:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    return type(file) is io.BytesIO
