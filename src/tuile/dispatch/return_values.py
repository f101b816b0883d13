"""What a view may return, and the parts of a response that are made of it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import ClosingIterator

from ..http.headers import plain_pairs
from ..http.response_headers import Headers as OwnHeaders
from ..wrappers.plain_response import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed import OptExcInfo
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from ..wrappers.response import Response, TextStart

#: A view that is a coroutine function.
AwaitedView: TypeAlias = "Callable[..., Any]"
#: The body of a response, or a response.
Body: TypeAlias = Any
#: The start of a response to text or JSON, its body, and more headers; or None and the response.
Parts: TypeAlias = "tuple[TextStart | None, Body, list[tuple[str, str]] | None]"

# Bytes raise the same error as in Flask.
_TEXTS: tuple[type[Any], ...] = (str, bytes, bytearray)


def complete_response(response: Response, status: Any, headers: Any) -> None:
    """Set the status and the headers from a tuple on a response."""
    if isinstance(status, _TEXTS):
        response.status = status
    elif status is not None:
        response.status_code = status
    if headers:
        response.headers.update(headers)


def unpack_answer(answer: tuple[object, ...]) -> tuple[Any, Any, Any]:
    """Return body, status and headers of a tuple; None for missing ones."""
    if len(answer) == 3:
        return answer
    if len(answer) == 2:
        if isinstance(answer[1], (Headers, dict, tuple, list)):
            return answer[0], None, answer[1]
        return answer[0], answer[1], None
    message = (
        "The view function did not return a valid response tuple. The tuple must have the form"
        " (body, status, headers), (body, status), or (body, headers)."
    )
    raise TypeError(message)


def response_of_application(cls: type[Response], application: WSGIApplication, environ: WSGIEnvironment) -> Response:
    """Call a WSGI application and return its response, as Werkzeug's `force_type` does, in fewer calls.

    Args:
        cls: The class of the response, which has Werkzeug's own methods for building one.
        application: The application.
        environ: The environ of the request; the application gets a copy.
    """
    sent: tuple[str, list[tuple[str, str]]] | None = None
    pieces: list[bytes] = []

    def start_response(
        status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None
    ) -> Callable[[bytes], object]:
        nonlocal sent
        if exc_info:
            try:
                raise cast("BaseException", exc_info[1]).with_traceback(exc_info[2])
            finally:
                # The traceback has this frame.
                exc_info = None
        sent = (status, headers)
        return pieces.append

    returned = application(environ.copy(), start_response)
    close = getattr(returned, "close", None)
    body = iter(returned)
    for piece in body:
        pieces.append(piece)
        if sent is not None:
            break
    parts: Iterable[bytes] = chain(pieces, body) if pieces else body
    if close is not None and parts is not returned:
        parts = ClosingIterator(parts, close)
    status, headers = cast("tuple[str, list[tuple[str, str]]]", sent)
    pairs = plain_pairs(headers)
    if pairs is None or type(status) is not str or not any(name.lower() == "content-type" for name, _ in pairs):
        made = WerkzeugResponse(parts, status, Headers(headers))
    else:
        made = object.__new__(WerkzeugResponse)
        made.headers = own = object.__new__(OwnHeaders)
        own._list = pairs
        if status in CODES:
            made._status, made._status_code = status, CODES[status]
        else:
            made.status = status
        made.direct_passthrough = False
        made._on_close = []
        made.response = parts
    made.__class__ = cls
    return cast("Response", made)
