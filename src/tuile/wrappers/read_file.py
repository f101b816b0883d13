"""A small file whose content was read when the response was made: sending it needs no file object."""

from __future__ import annotations

import io
import os
import typing as t

from werkzeug.wsgi import FileWrapper

#: How many bytes of a file are read at once.
PIECE: t.Final = 64 * 1024
#: The module of the wrapper for requests of ASGI servers, which reads larger pieces.
OWN_WRAPPER: t.Final = "tuile.asgi.files"
#: The modules whose wrappers send the bytes of a file as they are, as a body in one piece does.
USUAL_WRAPPERS: t.Final = frozenset(
    {"gunicorn.http.wsgi", "waitress.buffers", "werkzeug.wsgi", "wsgiref.util", OWN_WRAPPER}
)
_pythons_open = open
_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0)
_IS_POSIX: t.Final = os.name == "posix"


def read_small(path: str, size: int) -> bytes | None:
    """Return the content of a regular file; None if it has to be opened as a file object.

    Args:
        path: The path.
        size: Its size.

    Raises:
        OSError: It cannot be opened, with the error that `open` raises.
    """
    if not _IS_POSIX or open is not _pythons_open:
        return None
    descriptor = os.open(path, _FLAGS)
    try:
        content = os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)
    # Of another size if it has just been changed, or if the system makes it up as it is read.
    return content if len(content) == size else None


class ReadFile(FileWrapper):
    """The content of a file, as a body that is passed through.

    Code that asks for the file object of the wrapper gets one: the file is opened then.

    Args:
        content: The content, or a piece of it.
        path: The path of the file; None for a piece.
    """

    is_read = False

    def __init__(self, content: bytes, path: str | None) -> None:
        self.content = content
        self.path = path

    def is_untouched(self) -> bool:
        """Return whether nothing was read, and its file was not asked for."""
        return not self.is_read and "file" not in vars(self)

    def whole(self) -> t.Iterable[bytes]:
        """Return the body as a list, or this object if its file was asked for."""
        if not self.is_untouched():
            return self
        self.is_read = True
        return [self.content] if self.content else []

    def piece(self, start: int, end: int) -> ReadFile:
        """Return a body with the bytes from one position to before another."""
        return ReadFile(self.content[start:end], None)

    def __getattr__(self, name: str) -> object:
        if name == "buffer_size":
            return 8192
        if name != "file":
            # In the words of the wrapper that it stands for.
            raise AttributeError(f"'FileWrapper' object has no attribute {name!r}")
        file: t.IO[bytes]
        try:
            file = io.BytesIO(self.content) if self.path is None else open(self.path, "rb")  # noqa: SIM115 - `close`
        except OSError:
            # It has been removed meanwhile, which does not concern a file that is open.
            file = io.BytesIO(self.content)
        if self.is_read:
            file.seek(0, 2)
        self.file = file
        return file

    def close(self) -> None:
        """Close the file, if it was opened."""
        if "file" in vars(self):
            super().close()

    def __next__(self) -> bytes:
        """Return all of the content, once; or what the file returns, if it was asked for."""
        if "file" in vars(self):
            return super().__next__()
        if self.is_read or not self.content:
            raise StopIteration
        self.is_read = True
        return self.content
