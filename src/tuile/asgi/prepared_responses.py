"""Responses that are sent as they are, in two messages, without calling them as WSGI applications."""

from __future__ import annotations

import typing as t

from ..dispatch.pages import Page
from ..http import locations
from ..http.headers import PASSED
from ..http.response_headers import HEADERS_CLASSES, LENGTHS, Headers
from ..wrappers.plain_response import CONTENT_TYPE_HEADERS, LEFT_OUT_OF_304, STATUS_LINES
from ..wrappers.read_file import ReadFile
from ..wrappers.response import CALL
from .exchange import BODILESS
from .scopes import MOST_KNOWN, OF_CONNECTION, SENT_LENGTHS, sent_headers, sent_length, sent_name, status_code

if t.TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from ..dispatch.plan import Plan
    from ..dispatch.return_values import Body
    from ..wrappers.response import Response, TextStart
    from .protocol import HeaderPairs, Scope

    #: The status of a response, its headers and its body, which is empty if it is not sent.
    Prepared: t.TypeAlias = tuple[int, HeaderPairs, bytes]

# Headers that a response passes on unchanged.
_PASSED = {name: name.lower().encode() for name in PASSED}
# Those that it prepares in other ways than these two, which it has once, and those that are not sent everywhere.
_OTHERS = {b"content-length", b"content-location", b"location", *OF_CONNECTION}
# The Content-Type headers of most responses.
_TYPES = {value: (b"content-type", value.encode()) for _, value in CONTENT_TYPE_HEADERS.values()}
# Those that are not sent without a body, by the code of the response.
_LEFT_OUT = {
    204: frozenset({b"content-length"}),
    304: frozenset(name.encode() for name in LEFT_OUT_OF_304),
}


def prepared_of(plan: Plan, response: Body, method: str, scope: Scope) -> Prepared | None:
    """Return a response as it is sent; None if something has to be prepared, perhaps by its class.

    It is what the messages come to if it is called.

    Args:
        plan: The plan of the app.
        response: The response.
        method: The method of its request.
        scope: The scope of its request.
    """
    kind = type(response)
    if kind is plan.response_class:
        if plan.quiet and plan.text_start is not None and kind.__call__ is CALL:
            ready = prepared_response(response, method, plan.text_start)
        else:
            ready = None
    else:
        ready = prepared_page(response, method, scope["http_version"]) if kind is Page else None
    return ready


def prepared_page(page: Page, method: str, http_version: str) -> Prepared | None:
    """Return a page as it is sent; None if it cannot be: the error is raised again where it is handled."""
    parts = page.body
    content = b"" if method == "HEAD" else parts[0] if len(parts) == 1 else b"".join(parts)
    try:
        return status_code(page.status), sent_headers(page.pairs, http_version), content
    except ValueError:
        return None


def prepared_response(  # noqa: C901 - in one call
    response: Response, method: str, start: TextStart
) -> Prepared | None:
    """Return a response of the app's class as `Response._send` and `sent_headers` would have it."""
    code, headers = response._status_code, response.headers
    is_ours = type(headers) is Headers or type(headers) in HEADERS_CLASSES
    if not response._sends_plainly or not is_ours or code < 200 or response._on_close:
        return None
    body = response.response
    content = body[0] if type(body) is list and len(body) == 1 else _content_of(response)
    if type(content) is not bytes:
        return None
    is_empty = code != 200 and code in BODILESS
    pairs, length, location, size, given = [], None, None, len(content), headers._list
    its_length = SENT_LENGTHS[size] if size < MOST_KNOWN else sent_length(size)
    if not is_empty and size < MOST_KNOWN and len(given) > 1 and given[0] is start[0] and given[1] is LENGTHS[size]:
        # The two that the constructor adds.
        pairs, length, given = [start[3], its_length], given[1][1], given[2:]
    for name, value in given:
        if type(value) is not str:
            return None
        if name == "Content-Type" and not is_empty and value in _TYPES:
            # Nearly all have it.
            pairs.append(_TYPES[value])
            continue
        if not value.isascii() or "\n" in value or "\r" in value or "\0" in value:
            return None
        lower = _PASSED.get(name)
        if lower is None:
            if name == "Content-Length" and (is_empty or value.encode() == its_length[1]):
                lower, length = b"content-length", value
            elif name == "Location" and location is None:
                lower, location = b"location", value
            else:
                lower = _name_of(name)
                if lower is None or lower in _OTHERS:
                    return None
        if not (is_empty and lower in _LEFT_OUT[code]):
            pairs.append((lower, value.encode()))
    if (length is None and not is_empty) or (
        location is not None and (response.autocorrect_location_header or not locations.is_plain_location(location))
    ):
        return None
    if response._status != STATUS_LINES.get(code) and _code_of(response._status) != code:
        # Someone has set one of them alone.
        return None
    if is_empty or method == "HEAD":
        return code, pairs, b""
    if type(body) is ReadFile:
        body.is_read = True
    return code, pairs, content


def _name_of(name: str) -> bytes | None:
    """Return the name of a header as ASGI has it; None if it is no name."""
    try:
        return sent_name(name)
    except ValueError:
        return None


def _code_of(status: str) -> int | None:
    """Return the code of a status line; None if it has none."""
    try:
        return status_code(status)
    except ValueError:
        return None


def _content_of(response: Response) -> bytes | None:
    """Return the body of a response that is one piece but no list of it; None for any other."""
    body = response.response
    if type(body) is ReadFile:
        return body.content if response.direct_passthrough and body.is_untouched() else None
    return b"" if body == [] and response._status_code in BODILESS else None


def start_again(prepared: Prepared, start_response: StartResponse) -> None:
    """Call `start_response` as the response would have, whose body was changed since."""
    code, pairs, _ = prepared
    start_response(f"{code} ", [(name.decode(), value.decode("latin-1")) for name, value in pairs])
