"""Read the body of a request: all of it, and nothing beyond its end."""

from __future__ import annotations

import io
import typing as t

from werkzeug.exceptions import BadRequest, LengthRequired, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# No body is so long that its length has more digits.
_MOST_DIGITS = 19
# A longer body is read in pieces, as it arrives: some streams allocate all that they are asked for.
_MOST_AT_ONCE = 2 * 1024 * 1024
_PIECE = 64 * 1024
# A length of fewer digits is surely not more than that.
_DIGITS_AT_ONCE = 7


#: What the stream of a body is made of when it is needed: the server's stream, the length, and how much was read.
Unmade: t.TypeAlias = "tuple[t.IO[bytes], int, int]"


class BoundedStream(LimitedStream):
    """A stream of unknown length that refuses to read beyond a limit.

    A body of exactly the limit is accepted, a longer one is refused. Werkzeug's stream truncates a longer body when it
    is read at once, and refuses even one of exactly the limit when it is read in pieces.
    """

    _ends_here = False

    def __init__(self, stream: t.IO[bytes], limit: int) -> None:
        super().__init__(stream, limit, is_max=True)

    def on_exhausted(self) -> None:
        """Refuse the body unless it ends at the limit."""
        if not self._ends_here:
            if self._stream.read(1):
                raise RequestEntityTooLarge
            self._ends_here = True

    def readall(self) -> bytes:
        """Read all of the body.

        Raises:
            RequestEntityTooLarge: If it is longer than the limit.
        """
        pieces = []
        while (left := self.limit - self._pos) > 0:
            try:
                piece = self._stream.read(min(left, _PIECE))
            except (OSError, ValueError) as error:
                self.on_disconnect(error=error)
                break
            if not piece:
                break
            self._pos += len(piece)
            pieces.append(piece)
        else:
            self.on_exhausted()
        return bytes(pieces[0]) if len(pieces) == 1 else b"".join(pieces)


class WholeStream(LimitedStream):
    """A stream of known length that reads a short body from the server at once."""

    def readall(self) -> bytes:
        """Read all of the body.

        Raises:
            ClientDisconnected: it ends before.
        """
        if self._pos or not 0 < self.limit <= _MOST_AT_ONCE:
            return super().readall()
        try:
            data: bytes = self._stream.read(self.limit)
        except (OSError, ValueError) as error:
            self.on_disconnect(error=error)
            return b""
        return self.read_on(data)

    def read_on(self, start: bytes) -> bytes:
        """Read the rest of a body whose start was read from the server.

        Raises:
            ClientDisconnected: it ends before.
        """
        if not start:
            self.on_disconnect()
            return b""
        self._pos = len(start)
        return start if self._pos >= self.limit else start + super().readall()


def known_length(environ: WSGIEnvironment, limit: int | None) -> int | None:
    """Return the length of a short body; None if there may be anything else, or the server ends it.

    Raises:
        RequestEntityTooLarge: If it is more than the limit.
    """
    text = environ.get("CONTENT_LENGTH") or ""
    is_plain = text.isdigit() and text.isascii() and len(text) < _DIGITS_AT_ONCE
    if not is_plain or "wsgi.input_terminated" in environ or "HTTP_TRANSFER_ENCODING" in environ:
        return None
    length = int(text)
    if limit is not None and length > limit:
        raise RequestEntityTooLarge
    return length


def read_body(own: dict[str, object], environ: WSGIEnvironment, limit: int | None) -> bytes:
    """Return the whole body of a request that the server does not end. Its stream is not made unless it is needed.

    Args:
        own: The attributes of the request, which get its `stream`; or what `make_stream` makes it of, as `_unmade`.
        environ: The WSGI environ of the request.
        limit: The maximum length in bytes.

    Raises:
        HTTPException: As `input_stream` does, and if the client leaves before the end.
    """
    length = known_length(environ, limit)
    if length is not None:
        return read_known(own, environ["wsgi.input"], length)
    stream = own["stream"] = input_stream(environ, limit)
    return stream.read()


def read_known(own: dict[str, object], source: t.IO[bytes], length: int) -> bytes:
    """Do the same with a body of known length in the server's stream."""
    try:
        data = source.read(length) if length else b""
    except (OSError, ValueError) as error:
        failed = own["stream"] = WholeStream(source, length)
        failed.on_disconnect(error=error)
        return b""
    if len(data) == length:
        own["_unmade"] = source, length, length
        return data
    begun = own["stream"] = WholeStream(source, length)
    return begun.read_on(data)


def input_stream(environ: WSGIEnvironment, limit: int | None) -> t.IO[bytes]:
    """Return the body of a request as a stream that ends where the body does.

    Args:
        environ: The WSGI environ of the request.
        limit: The maximum length in bytes. A chunked body is checked while it is read.

    Raises:
        BadRequest: If the Content-Length is not a number (RFC 9110 section 8.6).
        LengthRequired: If the body is chunked and the server does not say where it ends (RFC 9110 section 15.5.12).
        RequestEntityTooLarge: If the body is longer than the limit, or its length is absurd.
    """
    stream: t.IO[bytes] = environ["wsgi.input"]
    is_terminated = "wsgi.input_terminated" in environ
    coding, text = environ.get("HTTP_TRANSFER_ENCODING"), environ.get("CONTENT_LENGTH")
    if is_terminated and limit is None and coding is None and text is not None:
        # Most requests: the server ends the body.
        if not (text.isdigit() and text.isascii() and len(text) < _MOST_DIGITS):
            _length_of(text, None)
        return stream
    length: int | None = None
    if coding is not None and "chunked" in coding.lower():
        if not is_terminated:
            raise LengthRequired
    elif text is not None:
        length = _length_of(text, limit)
    if not is_terminated:
        # Without a length there is no body.
        return io.BytesIO() if length is None else t.cast("t.IO[bytes]", WholeStream(stream, length))
    return stream if limit is None else t.cast("t.IO[bytes]", BoundedStream(stream, limit))


def make_stream(source: t.IO[bytes], length: int, read: int) -> t.IO[bytes]:
    """Return the stream of a body of known length, of which so much was read from the server's stream."""
    stream = WholeStream(source, length)
    stream._pos = read
    return t.cast("t.IO[bytes]", stream)


def _length_of(text: str, limit: int | None) -> int:
    """Return the length of a body that is not chunked.

    Raises:
        BadRequest: If it is not a number.
        RequestEntityTooLarge: If it is more than the limit, or absurd.
    """
    # Some servers pass an empty string if the client sent no length.
    text = text.strip(" \t") or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("The Content-Length of the request is not a number.")
    if len(text.lstrip("0")) > _MOST_DIGITS:
        raise RequestEntityTooLarge
    length = int(text)
    if limit is not None and length > limit:
        raise RequestEntityTooLarge
    return length
