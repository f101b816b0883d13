"""Call a WSGI application for the test client, as Werkzeug's `run_wsgi_app` does, in fewer steps."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import werkzeug.test
from werkzeug.datastructures import Headers

from tuile.http.headers import plain_pairs
from tuile.invalidation import as_defined
from tuile.wrappers.plain_response import Closing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import OptExcInfo
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_stock_run = as_defined(werkzeug.test, "run_wsgi_app")
_new: Callable[[type[Headers]], Headers] = object.__new__


def call_app(app: WSGIApplication, environ: WSGIEnvironment, buffered: bool) -> tuple[Iterable[bytes], str, Headers]:
    """Return the body, the status and the headers of the answer to a request.

    Args:
        app: The application.
        environ: The environ of the request, of which the application gets a copy.
        buffered: Whether the whole body is read and closed at once. If not, it is read until the response has begun.
    """
    if werkzeug.test.run_wsgi_app is not _stock_run or type(environ) is not dict:
        return werkzeug.test.run_wsgi_app(app, environ, buffered=buffered)
    begun: list[tuple[str, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
    ) -> Callable[[bytes], object]:
        if exc_info and exc_info[1] is not None:
            try:
                raise exc_info[1].with_traceback(exc_info[2])
            finally:
                # The error's traceback refers to this frame.
                exc_info = None
        begun.append((status, headers))
        return written.append

    parts = app(environ.copy(), start_response)
    body = _whole_body(parts) if buffered else _begun_body(parts, written, begun)
    if not begun:
        # As in Werkzeug.
        raise TypeError("cannot unpack non-iterable NoneType object")
    status, headers = begun[-1]
    pairs = plain_pairs(headers) if type(headers) is list else None
    if pairs is None:
        return body, status, Headers(headers)
    found = _new(Headers)
    found._list = pairs
    return body, status, found


def _whole_body(parts: Iterable[bytes]) -> Iterable[bytes]:
    """Return all parts of a body, which is closed."""
    close = getattr(parts, "close", None)
    try:
        return list(parts)
    finally:
        if close is not None:
            close()


def _begun_body(
    parts: Iterable[bytes], written: list[bytes], begun: list[tuple[str, list[tuple[str, str]]]]
) -> Iterable[bytes]:
    """Return a body that was read until the response has begun, to be closed by the client.

    Args:
        parts: The body.
        written: What the application has written by the callable of `start_response`.
        begun: The status and the headers, once it has begun.
    """
    if type(parts) is list and begun and not written:
        return iter(parts)
    close = getattr(parts, "close", None)
    rest = iter(parts)
    for part in rest:
        written.append(part)
        if begun:
            break
    body: Iterable[bytes] = chain(written, rest) if written else rest
    return Closing(body, close) if close is not None and body is not parts else body
