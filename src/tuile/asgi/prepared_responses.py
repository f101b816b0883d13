"""Responses that are sent as they are, in two messages, without calling them as WSGI applications."""

from __future__ import annotations

import typing as t

from ..dispatch.pages import Page
from ..http import locations
from ..http.headers import PASSED
from ..http.response_headers import HEADERS_CLASSES
from ..wrappers.response import CALL
from .exchange import BODILESS
from .scopes import OF_CONNECTION, sent_headers, sent_name, status_code

if t.TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

    from ..dispatch.plan import Plan
    from ..dispatch.return_values import Body
    from ..wrappers.response import Response
    from .protocol import HeaderPairs

    #: The status of a response, its headers and its body, whatever the method.
    Prepared: t.TypeAlias = tuple[int, HeaderPairs, bytes]

# Headers that a response passes on unchanged.
_PASSED = {name: name.lower().encode() for name in PASSED}
# Those that it prepares in other ways than these two, which it has once, and those that are not sent everywhere.
_OTHERS = {b"content-length", b"content-location", b"location", *OF_CONNECTION}


def prepared_of(plan: Plan, response: Body, http_version: str) -> Prepared | None:
    """Return a response as it is sent; None if something has to be prepared, or if its class may do so.

    It is what the messages come to if it is called.

    Args:
        plan: The plan of the app.
        response: The response.
        http_version: The version of HTTP of its request.
    """
    try:
        if type(response) is Page:
            parts = response.body
            content = parts[0] if len(parts) == 1 else b"".join(parts)
            return status_code(response.status), sent_headers(response.pairs, http_version), content
        if plan.quiet and type(response) is plan.response_class and type(response).__call__ is CALL:
            return _prepared(response)
    except ValueError:
        # The error is raised again where it is handled.
        pass
    return None


def _prepared(response: Response) -> Prepared | None:
    """Return a response of the app's class as `Response._send` and `sent_headers` would have it."""
    body = response.response
    if (
        not response._sends_plainly
        or type(response.headers) not in HEADERS_CLASSES
        or (code := response._status_code) < 200
        or code in BODILESS
        or type(body) is not list
        or len(body) != 1
        or type(content := body[0]) is not bytes
        or response._on_close
    ):
        return None
    pairs, length, location = [], None, None
    for name, value in response.headers._list:
        if type(value) is not str or not value.isascii() or "\n" in value or "\r" in value or "\0" in value:
            return None
        lower = _PASSED.get(name)
        if lower is None:
            if name == "Content-Length" and value == str(len(content)):
                lower, length = b"content-length", value
            elif name == "Location" and location is None:
                lower, location = b"location", value
            else:
                lower = sent_name(name)
                if lower in _OTHERS:
                    return None
        pairs.append((lower, value.encode()))
    if length is None or (
        location is not None and (response.autocorrect_location_header or not locations.is_plain_location(location))
    ):
        return None
    return status_code(response._status), pairs, content


def start_again(prepared: Prepared, start_response: StartResponse) -> None:
    """Call `start_response` as the response would have, whose body was changed since."""
    code, pairs, _ = prepared
    start_response(f"{code} ", [(name.decode(), value.decode("latin-1")) for name, value in pairs])
