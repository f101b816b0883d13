"""Make and send a response as Werkzeug's methods do, in fewer steps.

`Response` calls these functions while its class, and Werkzeug's, override none of the methods that they replace.
"""

from __future__ import annotations

import time
import typing as t
from functools import partial
from types import GeneratorType

from werkzeug.http import HTTP_STATUS_CODES, parse_etags
from werkzeug.utils import get_content_type
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import ClosingIterator

from ..http.headers import is_one_line, plain_pairs, sent_pairs
from ..http.response_headers import HEADERS_CLASSES, Headers
from ..invalidation import as_defined
from ..lazy import late_modules
from ..remember import remembers_short

if t.TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.datastructures import Headers as WerkzeugHeaders

    from ..http import conditions, dates, locations
    from . import async_body
    from .response import Response

    #: What the application gave, of any type.
    Given: t.TypeAlias = t.Any
else:
    conditions, dates, locations, async_body = late_modules(
        __name__, "..http.conditions", "..http.dates", "..http.locations", ".async_body"
    )

_new = object.__new__
#: Status lines by code.
STATUS_LINES = {code: f"{code} {reason.upper()}" for code, reason in HTTP_STATUS_CODES.items()}
#: Their codes.
CODES = {line: code for code, line in STATUS_LINES.items()}
#: Content types by media type.
CONTENT_TYPES: dict[str | None, str] = {
    mimetype: get_content_type(mimetype, "utf-8")
    for mimetype in (
        "text/html",
        "text/plain",
        "application/json",
        "text/css",
        "application/xml",
        "text/csv",
        "text/event-stream",
        "application/octet-stream",
    )
}
#: The Content-Type header for a media type, where it is one of these.
CONTENT_TYPE_HEADERS = {mimetype: ("Content-Type", content_type) for mimetype, content_type in CONTENT_TYPES.items()}
#: The same by the whole value.
FINISHED = {header[1]: header for header in CONTENT_TYPE_HEADERS.values()}
#: The types of bodies that the constructor encodes or takes as they are, without asking for more.
PLAIN_BODIES: frozenset[type] = frozenset({str, bytes, type(None), GeneratorType, list, tuple, map, type(iter([]))})
#: What `_close` and `encoded` do, to compare with.
WERKZEUGS_CLOSE, WERKZEUGS_ITER_ENCODED = (as_defined(WerkzeugResponse, name) for name in ("close", "iter_encoded"))
_NO_NAMES: frozenset[str] = frozenset()
_LENGTH_OF_TYPE, _LENGTH_OF_LENGTH = len("Content-Type"), len("Content-Length")
_LENGTHS_OF_BOTH = {_LENGTH_OF_TYPE, _LENGTH_OF_LENGTH}
_TYPE_AND_LENGTH = {"content-type", "content-length"}
# The header that is not sent without a body, in lower case.
_LENGTH = frozenset({"content-length"})
#: Those that are not sent with a 304, in lower case.
LEFT_OUT_OF_304 = frozenset(
    {
        "allow",
        "content-encoding",
        "content-language",
        "content-length",
        "content-md5",
        "content-range",
        "content-type",
        "last-modified",
    }
)


@remembers_short(64)
def _header_of(mimetype: str) -> tuple[str, str]:
    return "Content-Type", get_content_type(mimetype, "utf-8")


def other_type(text: object, *, is_whole: bool) -> tuple[str, str] | None:
    """Return the Content-Type header for a media type; None if it has to be converted or is refused.

    Args:
        text: The media type.
        is_whole: Whether it is sent as it is. Werkzeug adds a charset to some others.
    """
    if type(text) is not str or "\n" in text or "\r" in text:
        return None
    return ("Content-Type", text) if is_whole else _header_of(text)


def given_pairs(headers: object) -> list[tuple[str, str]] | None:
    """Return headers that are given as a dict, as pairs; None if something has to be converted, replaced or refused."""
    if type(headers) is not dict:
        return None
    for name, value in headers.items():
        if (
            type(name) is not str
            or type(value) is not str
            or "\n" in value
            or "\r" in value
            or (len(name) in _LENGTHS_OF_BOTH and name.lower() in _TYPE_AND_LENGTH)
        ):
            return None
    return list(headers.items())


def init_plainly(  # noqa: C901 - each of the constructor's arguments has its cases
    response: Response, body: object, status: object, headers: object, mimetype: str | None, content_type: str | None
) -> bool:
    """Set the headers, the status and the body as Werkzeug's constructor does.

    Returns:
        Whether they are set. If not, they are of types that Werkzeug's constructor converts or refuses.
    """
    if type(headers) in HEADERS_CLASSES:
        own = t.cast("WerkzeugHeaders", headers)
    else:
        found = [] if headers is None else plain_pairs(headers)
        if found is None:
            return False
        own = _new(Headers)
        own._list = found
    pairs = own._list
    has_type = has_length = False
    for name, _ in pairs:
        if len(name) == _LENGTH_OF_TYPE and name.lower() == "content-type":
            has_type = True
        elif len(name) == _LENGTH_OF_LENGTH and name.lower() == "content-length":
            has_length = True
    if content_type is None:
        if mimetype is None and not has_type:
            mimetype = response.default_mimetype
        if mimetype is not None:
            known = type(mimetype) is str and CONTENT_TYPES.get(mimetype)
            content_type = known or get_content_type(mimetype, "utf-8")
    if content_type is not None:
        if not has_type and type(content_type) is str and "\n" not in content_type and "\r" not in content_type:
            pairs.append(("Content-Type", content_type))
        else:
            own["Content-Type"] = content_type
    code: object = response.default_status if status is None else status
    if type(code) is int and code in STATUS_LINES:
        response._status, response._status_code = STATUS_LINES[code], code
    else:
        _set_other_status(response, code)
    response.headers = own
    length = None
    if body is None:
        response.response = []
    elif isinstance(body, (str, bytes, bytearray)):
        content: Given = body.encode() if isinstance(body, str) else body
        response.response = [content]
        length = len(content)
    else:
        response.response = t.cast("Iterable[bytes]", body)
    if length is not None and response.automatically_set_content_length:
        if has_length:
            own["Content-Length"] = str(length)
        else:
            pairs.append(("Content-Length", str(length)))
    return True


def _set_other_status(response: Response, status: object) -> None:
    """Set a status that is not one of the usual codes."""
    if type(status) is str and status in CODES:
        response._status, response._status_code = status, CODES[status]
    else:
        response._status, response._status_code = response._clean_status(t.cast("int", status))


def make_conditional_plainly(  # noqa: C901 - each header has its case
    response: Response, environ: WSGIEnvironment, accept_ranges: bool | str
) -> bool:
    """Do what Werkzeug's method does for a request without a range; return whether it is done."""
    if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
        return True
    pairs = response.headers._list
    found: dict[str, str] = {}
    for name, value in pairs:
        if type(value) is not str:
            return False
        found.setdefault(name.lower(), value)
    unit = "bytes" if accept_ranges is True else accept_ranges
    if unit and (type(unit) is not str or "accept-ranges" in found or not is_one_line(unit)):
        return False
    unmodified = conditions.is_unmodified(environ, found.get("etag"), found.get("last-modified"))
    if "date" not in found:
        pairs.append(("Date", dates.remembered_http_date(int(time.time()))))
    if unit:
        pairs.append(("Accept-Ranges", unit))
    if unmodified:
        response.status_code = 412 if parse_etags(environ.get("HTTP_IF_MATCH")) else 304
    if response.automatically_set_content_length and "content-length" not in found:
        length = response.calculate_content_length()
        if length is not None:
            pairs.append(("Content-Length", str(length)))
    return True


def add_date(response: Response, environ: WSGIEnvironment) -> None:
    """Add the Date that Werkzeug's method adds before all else, which takes longer there."""
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"} and "Date" not in response.headers:
        response.headers["Date"] = dates.remembered_http_date(int(time.time()))


def send_plainly(response: Response, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes] | None:
    """Send this response as Werkzeug's methods do; None where a header has to be converted first."""
    code, body = response._status_code, response.response
    is_empty = 100 <= code < 200 or code in {204, 304}
    found = sent_pairs(response.headers._list, LEFT_OUT_OF_304 if code == 304 else _LENGTH if is_empty else _NO_NAMES)
    if found is None:
        return None
    pairs, urls, length = found
    if urls and not _replace_urls(pairs, urls, environ if response.autocorrect_location_header else None):
        return None
    is_sequence = isinstance(body, (tuple, list))
    if is_sequence and length is None and not is_empty and response.automatically_set_content_length:
        pairs.append(("Content-Length", "0" if body == [] else str(sum(map(len, response.iter_encoded())))))
    start_response(response._status, pairs)
    needs_no_close = is_sequence and not response._on_close
    if is_empty or environ["REQUEST_METHOD"] == "HEAD":
        return () if needs_no_close else Closing((), response.close)
    if response.direct_passthrough:
        return t.cast("Iterable[bytes]", body)
    if needs_no_close:
        return [] if body == [] else list(response.iter_encoded())
    if type(body) is not GeneratorType and async_body.prepare(response):
        return async_body.AsyncParts(response, t.cast("AsyncIterable[object]", response.response))
    return stream_parts(response, environ)


def _replace_urls(pairs: list[tuple[str, str]], urls: dict[str, str], environ: WSGIEnvironment | None) -> bool:
    """Let headers have URIs for URLs; return False if that is left to Werkzeug.

    With an environ, the location has to name the host of the request.
    """
    for name, value in urls.items():
        uri = locations.uri_of(value)
        if environ is not None and name == "Location" and uri is not None:
            uri = locations.absolute_uri(environ, uri)
        if uri is None:
            return False
        if uri != value:
            pairs[pairs.index((name, value))] = (name, uri)
    return True


def stream_parts(response: Response, environ: WSGIEnvironment) -> Iterable[bytes]:
    """Return the parts of a body that is an iterator."""
    if environ["REQUEST_METHOD"] == "HEAD":
        return Closing((), response.close)
    if WerkzeugResponse.close is WERKZEUGS_CLOSE and WerkzeugResponse.iter_encoded is WERKZEUGS_ITER_ENCODED:
        return StreamParts(encoded(response.response), partial(_close, response))
    return StreamParts(response.iter_encoded(), response.close)


def make_plain(headers: WerkzeugHeaders) -> None:
    """Let headers have no other type than str: servers may treat a subclass of it, or bytes, differently."""
    pairs = getattr(headers, "_list", [])
    for index, (name, value) in enumerate(pairs):
        if type(value) is not str or type(name) is not str:
            pairs[index] = (str.__str__(name), str.__str__(value))


def encoded(pieces: Iterable[str | bytes]) -> Iterator[bytes]:
    """Yield the pieces of a body, with text as UTF-8."""
    for piece in pieces:
        yield piece.encode() if type(piece) is str else piece if type(piece) is bytes else _encoded_other(piece)


def _encoded_other(piece: str | bytes) -> bytes:
    return piece.encode() if isinstance(piece, str) else piece


def _close(response: Response) -> None:
    """Close a response as Werkzeug's method does, which needs no bound method."""
    close: t.Callable[[], None] | None = getattr(response.response, "close", None)
    if close is not None:
        close()
    for function in response._on_close:
        function()


class StreamParts(ClosingIterator):
    """A `ClosingIterator` for a server, which iterates over the parts without a call of its own for each."""

    def __init__(self, parts: Iterator[bytes], close: t.Callable[[], None] | None) -> None:
        self._parts = parts
        self._callbacks = [] if close is None else [close]

    def __next__(self) -> bytes:
        return next(self._parts)

    # For type checkers, Werkzeug's returns itself.
    if not t.TYPE_CHECKING:

        def __iter__(self) -> Iterator[bytes]:
            return self._parts


class Closing(ClosingIterator):
    """A `ClosingIterator` that is made in fewer steps, and iterates as `StreamParts` does."""

    def __init__(self, parts: Iterable[bytes], *callbacks: t.Callable[[], None]) -> None:
        self._parts = iter(parts)
        self._next = self._parts.__next__
        close = getattr(parts, "close", None)
        self._callbacks = [*callbacks]
        if close:
            self._callbacks.insert(0, close)

    if not t.TYPE_CHECKING:

        def __iter__(self) -> Iterator[bytes]:
            return self._parts


class PageBody(Closing):
    """The body of an error's page: a list of bytes, iterated as Werkzeug's is, and sent as a list."""

    def whole(self) -> list[bytes]:
        """Return the pieces that were not iterated yet."""
        return list(self._parts)


# Tools may show them.
for _class in (StreamParts, Closing, PageBody):
    _class.__name__ = _class.__qualname__ = ClosingIterator.__name__
    _class.__module__ = ClosingIterator.__module__
