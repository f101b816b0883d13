"""Finished responses to what a view returns: a tuple, an iterator, an HTTP error, a response of Werkzeug's.

The steps make the same responses, by an exception or a response object. The fast path asks for these where nothing but
the steps would see them.
"""

from __future__ import annotations

import typing as t
from http import HTTPStatus
from itertools import chain, islice
from sys import getrefcount
from types import GeneratorType

from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as WerkzeugResponse

from ..ctx.references import REFERENCES, REFERENCES_OF_ATTRIBUTE, REFERENCES_PASSED
from ..http.headers import PASSED, PREPARED, plain_pairs
from ..http.response_headers import HEADERS_CLASSES, Headers
from ..invalidation import as_defined
from ..lazy import late_modules
from ..wrappers.plain_response import (
    CODES,
    STATUS_LINES,
    WERKZEUGS_CLOSE,
    WERKZEUGS_ITER_ENCODED,
    Closing,
    StreamParts,
    encoded,
)
from .error_pages import usual_page
from .errors import page_response
from .inlined import session_headers
from .inlined_response import encode_answer, length_header, new

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..http import locations
    from ..wrappers.response import Response
    from . import shared_responses
    from .plan import Plan
    from .return_values import Body
else:
    locations, shared_responses = late_modules(__name__, "..http.locations", ".shared_responses")

# What `encode_answer` may write.
_WRITTEN = frozenset({str, dict, list, bytes})
# The statuses of tuples that need no response object: 304 has fewer headers.
_PLAIN_STATUSES = frozenset(code for code in STATUS_LINES if code >= 200 and code != 304)
_NO_CONTENT = 204
# The references to what a local variable gave to a function that gave it to another.
_PASSED_TWICE = 2 * REFERENCES_PASSED - REFERENCES
# The same of the answer of a view, in `_split`: if there are more, something else refers to the tuple as well.
_PASSED_TO_SPLIT = 4 * REFERENCES_PASSED - 3 * REFERENCES
# Iterators whose pieces are sent as they come. Neither they nor their classes can have attributes of their own.
_STREAMED: frozenset[type] = frozenset({GeneratorType, map, filter, zip, chain, islice, type(iter([])), type(iter(()))})
# The headers that a session adds, the endings of those that it may change, and common ones of neither kind.
_OF_SESSIONS = frozenset({"set-cookie", "vary"})
_SAID_TO_CACHES = ("control", "expires")
_BESIDE_SESSIONS = PASSED - {"Set-Cookie", "Vary", "Cache-Control", "Expires"} | {"Content-Length", "Location"}
_SETTING_COOKIES = frozenset({"delete_cookie", "set_cookie"})
# Types of headers in a tuple, and how many references a tuple and a local variable are.
_LISTING = frozenset({dict, list}) | HEADERS_CLASSES
_IN_TUPLE = REFERENCES + 1
# Headers of which Werkzeug leaves out the second one.
_ONCE = frozenset({"content-type", "location"})
_force_type = as_defined(WerkzeugResponse, "force_type")


class Page:
    """A finished response that is sent once; it is called as a WSGI application."""

    __slots__ = ("body", "pairs", "status")

    def __init__(self, status: str, pairs: list[tuple[str, str]], body: list[bytes]) -> None:
        self.status = status
        self.pairs = pairs
        self.body = body

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it."""
        start_response(self.status, self.pairs)
        return () if environ["REQUEST_METHOD"] == "HEAD" else self.body


class StreamPage:
    """A response whose body is an iterator; it is called as a WSGI application."""

    __slots__ = ("pairs", "pieces", "status")

    def __init__(self, status: str, pairs: list[tuple[str, str]], pieces: Body) -> None:
        self.status = status
        self.pairs = pairs
        self.pieces = pieces

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Send it, piece by piece."""
        pieces = self.pieces
        start_response(self.status, self.pairs)
        close = pieces.close if type(pieces) is GeneratorType else None
        if environ["REQUEST_METHOD"] == "HEAD":
            return Closing((), *(() if close is None else (close,)))
        return StreamParts(encoded(pieces), close)


#: They read nothing of the environ but the method.
PAGES: frozenset[object] = frozenset({Page, StreamPage})


def page_of(app: Flask, plan: Plan, answer: Body) -> Page | StreamPage | Response | None:
    """Return the response to a tuple, an iterator, markup or an HTTP error; None if the steps have to make it.

    Args:
        app: The app.
        plan: Its plan, which says that no user code sees the response.
        answer: What a view or a handler returned, or the error that no handler is registered for.
    """
    if type(answer) is tuple:
        return page_of_tuple(app, plan, answer)
    if type(answer) is WerkzeugResponse and plan.text_start is not None:
        if vars(WerkzeugResponse)["force_type"] is not _force_type or getrefcount(answer) > REFERENCES_PASSED:
            return None
        # What that method does. Nothing else refers to the response.
        answer.__class__ = plan.response_class
        return t.cast("Response", answer)
    if type(answer) in _STREAMED:
        start = plan.text_start
        return StreamPage(start[1], [start[0]], answer) if start is not None and _streams_plainly() else None
    if type(answer) is Markup or type(answer) is bytearray:
        start, text = encode_answer(plan, answer.encode() if isinstance(answer, str) else bytes(answer))
        return None if start is None else Page(start[1], [start[0], length_header(text)], [text])
    if not (plan.answers_alone and isinstance(answer, HTTPException)):
        return None
    page = usual_page(answer)
    return app._response_given_to(answer) if page is None else Page(page[0], page[2], [page[3]])


def adds_session(app: Flask, context: RequestContext, response: Page | StreamPage | Response) -> bool:
    """Save the session and add its headers to a response of this request alone; return whether that is done.

    Not to a response with headers for caches, which the session may change, or with others of those that it adds.
    """
    if isinstance(response, (Page, StreamPage)):
        pairs = response.pairs
    elif type(response.headers) in HEADERS_CLASSES and vars(response).keys().isdisjoint(_SETTING_COOKIES):
        pairs = response.headers._list
    else:
        return False
    for name, _ in pairs:
        if name not in _BESIDE_SESSIONS:
            lower = name.lower()
            if lower in _OF_SESSIONS or lower.endswith(_SAID_TO_CACHES):
                return False
    more = session_headers(app, context)
    if more is None:
        return False
    pairs += more
    return True


def _streams_plainly() -> bool:
    """Return whether Werkzeug's responses iterate over their bodies, and close them, by their own methods."""
    return WerkzeugResponse.close is WERKZEUGS_CLOSE and WerkzeugResponse.iter_encoded is WERKZEUGS_ITER_ENCODED


def page_of_tuple(app: Flask, plan: Plan, answer: tuple[Body, ...]) -> Page | StreamPage | Response | None:
    """Return the response to a tuple, of which no user code sees it; None if the steps have to make it."""
    if answer and type(answer[0]) is plan.response_class:
        if not _complete(plan, answer):
            return None
        # Where nothing else refers to it, it was made for this request.
        is_own = getrefcount(answer) <= _PASSED_TWICE and getrefcount(answer[0]) <= REFERENCES_OF_ATTRIBUTE
        response: Response = answer[0]
        return response if is_own else shared_responses.claim(app, response)
    if answer and type(answer[0]) in _STREAMED:
        return _stream_of_tuple(plan, answer)
    parts = _parts_of_tuple(plan, answer)
    if parts is None:
        return None
    code, pairs, body = parts
    if code == _NO_CONTENT:
        return Page(STATUS_LINES[_NO_CONTENT], [pair for pair in pairs if pair[0] != "Content-Length"], [])
    return Page(STATUS_LINES[code], pairs, [body])


def _stream_of_tuple(plan: Plan, answer: tuple[Body, ...]) -> StreamPage | None:
    """Return the response to an iterator with a status, headers or both; None if the steps have to make it."""
    found, start = _split(answer), plan.text_start
    if found is None or start is None or not _streams_plainly():
        return None
    status, pairs = found
    if status is not None and (status not in _PLAIN_STATUSES or status == _NO_CONTENT):
        return None
    has_type = False
    for name, _ in pairs:
        lower = name.lower()
        if lower in PREPARED or (lower == "content-type" and has_type):
            return None
        has_type = has_type or lower == "content-type"
    if not has_type:
        pairs.append(start[0])
    return StreamPage(start[1] if status is None else STATUS_LINES[status], pairs, answer[0])


def response_of_tuple(plan: Plan, answer: Body) -> Response | None:
    """Return the response to a tuple, as its constructor would create it; None if the steps have to make it."""
    if answer and type(answer[0]) is plan.response_class:
        return answer[0] if _complete(plan, answer) else None
    parts = _parts_of_tuple(plan, answer)
    if parts is None:
        return None
    response: Response = new(plan.response_class)
    response._status_code, pairs, body = parts
    response._status = STATUS_LINES[parts[0]]
    response.headers = headers = new(Headers)
    headers._list = pairs
    response.direct_passthrough = False
    response._on_close = []
    response.response = [body]
    return response


def response_without_code(app: Flask, plan: Plan, environ: WSGIEnvironment, answer: Body) -> Response | None:
    """Return the response to an answer for this request; None if user code may be called to make it."""
    if plan.answers_alone and isinstance(answer, HTTPException):
        page = page_response(answer, environ["REQUEST_METHOD"])
        if page is not None:
            return page
    body = answer[0] if type(answer) is tuple and answer else answer
    kind = type(body)
    if kind is not plan.response_class and kind not in _WRITTEN and kind.__module__ != HTTPException.__module__:
        return None
    response = app.make_response(answer)
    return shared_responses.claim(app, response) if response is body else response


def _split(answer: tuple[Body, ...]) -> tuple[int | None, list[tuple[str, str]]] | None:
    """Return the status and the headers of a tuple; None if they have to be converted or refused."""
    count = len(answer)
    if count == 2:
        status, headers = answer[1], None
        if type(status) in _LISTING:
            status, headers = None, status
            if not headers:
                return None
    elif count == 3:
        _, status, headers = answer
    else:
        return None
    if status is not None and type(status) is not int:
        status = CODES.get(status) if type(status) is str else int(status) if type(status) is HTTPStatus else None
        if status is None:
            return None
    if headers is not None and type(headers) in HEADERS_CLASSES:
        if getrefcount(headers) > _IN_TUPLE or getrefcount(answer) > _PASSED_TO_SPLIT:
            # The response has these headers themselves: others would see what is added to them, and so would the next
            # request if the tuple is kept.
            return None
        headers = headers._list
    pairs = [] if headers is None else plain_pairs(headers)
    return None if pairs is None else (status, pairs)


def _complete(plan: Plan, answer: tuple[Body, ...]) -> bool:
    """Set the status and the headers of a tuple on the response in it; return False if the steps have to set them."""
    response: Response = answer[0]
    if len(answer) == 2 and type(answer[1]) is int and answer[1] in STATUS_LINES and plan.text_start is not None:
        # Most are like this.
        response._status_code = code = answer[1]
        response._status = STATUS_LINES[code]
        return True
    found = _split(answer)
    if found is None or plan.text_start is None or type(answer[-1]) in HEADERS_CLASSES:
        return False
    status, pairs = found
    if status is not None:
        if status not in STATUS_LINES:
            return False
        response._status, response._status_code = STATUS_LINES[status], status
    for name, value in pairs:
        response.headers[name] = value
    return True


def _parts_of_tuple(plan: Plan, answer: tuple[Body, ...]) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Return the status, the headers and the body of the response to text or JSON with a status, headers or both."""
    if len(answer) == 2 and type(answer[1]) is int:
        # Most are like this.
        code: int = answer[1]
        start, text = encode_answer(plan, answer[0]) if code in _PLAIN_STATUSES else (None, b"")
        return None if start is None else (code, [start[0], length_header(text)], text)
    found = _split(answer)
    if found is None:
        return None
    status, pairs = found
    body = answer[0]
    kind = type(body)
    is_text = kind is str or kind is bytes
    start = plan.text_start if is_text else plan.json_start
    if start is None or (status is not None and status not in _PLAIN_STATUSES):
        return None
    header = start[0]
    given, names = None, set()
    for pair in pairs:
        name = pair[0].lower()
        if (name in names and (not is_text or name in _ONCE)) or (
            name in PREPARED and not _is_sent_as_it_is(plan, pair)
        ):
            return None
        if name == "content-type":
            given = pair
        names.add(name)
    if is_text:
        text = body if kind is bytes else body.encode()
        pairs += [] if given else [header]
        pairs.append(("Content-Length", str(len(text))))
    elif (kind is dict or kind is list) and plan.write_json is not None:
        text = f"{plan.write_json(body)}\n".encode()
        # It replaces the one that goes with JSON.
        pairs = [given or header, ("Content-Length", str(len(text))), *(pair for pair in pairs if pair is not given)]
    else:
        return None
    return start[2] if status is None else status, pairs, text


def _is_sent_as_it_is(plan: Plan, pair: tuple[str, str]) -> bool:
    """Return whether a header is a Location that needs no change before it is sent."""
    return (
        pair[0] == "Location"
        and locations.is_plain_location(pair[1])
        and not plan.response_class.autocorrect_location_header
    )
