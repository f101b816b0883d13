"""The pages of HTTP exceptions as Werkzeug makes them; most of a page is written once for each class of exceptions.

A page is kept as long as its class has Werkzeug's methods, and the description and the code that it had. What an
exception has of its own, a description or values for headers, is read each time.
"""

from __future__ import annotations

import typing as t

from markupsafe import escape
from werkzeug.exceptions import (
    BadRequestKeyError,
    HTTPException,
    MethodNotAllowed,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.routing import RequestRedirect

from ..invalidation import as_defined
from ..lazy import late_modules
from ..wrappers.plain_response import STATUS_LINES

if t.TYPE_CHECKING:
    from ..http import locations

    _Pairs = list[tuple[str, str]]
else:
    (locations,) = late_modules(__name__, "..http.locations")

_HTML: t.Final = ("Content-Type", "text/html; charset=utf-8")
# Werkzeug's methods, to compare with.
_of_all: t.Final = tuple(
    as_defined(HTTPException, name)
    for name in ("get_headers", "get_response", "__call__", "__getattribute__", "get_body", "get_description", "name")
)
get_headers, get_response, call, getattribute, get_body = _of_all[:5]
_key_description = vars(BadRequestKeyError)["description"]
_get_allow, _get_challenge, _get_retry = (
    as_defined(kind, "get_headers") for kind in (MethodNotAllowed, Unauthorized, TooManyRequests)
)
_get_redirect = as_defined(RequestRedirect, "get_response")
# Attributes of an exception that change its page in other ways than the short way knows.
_DECIDING = frozenset({"code", "get_body", "get_description", "get_headers", "get_response", "name"})
# Descriptions of other types than text are shown as `str` shows them.
_SHOWN = frozenset({dict, int, list, tuple})
# By class: what it was like, the status line, the code, what stands before the description, and the page with the
# description of the class.
_kept: dict[type, tuple[tuple[object, ...], str, int, str, bytes | None]] = {}
# Classes may be made in functions.
_MOST_KEPT = 256
_MISSING: t.Final = object()
# The attributes of most exceptions.
_NOTHING_OF_ITS_OWN = {"response": None}


def _facts_of(kind: type[HTTPException]) -> tuple[object, ...]:
    """Return what pages depend on, other than attributes of an exception.

    Those between the first three and the name are the same for all classes whose pages may be kept: `_of_all`.
    """
    return (
        kind.description,
        kind.code,
        kind.get_headers,
        HTTPException.get_headers,
        kind.get_response,
        kind.__call__,
        kind.__getattribute__,
        kind.get_body,
        kind.get_description,
        kind.name,
    )


# What the third of them may be.
_GET_HEADERS = frozenset({get_headers, _get_allow, _get_challenge, _get_retry})


def keep_page(error: HTTPException, body: str) -> bool:
    """Keep a page for the class of its exception, if it may be kept.

    Args:
        error: The exception.
        body: What its `get_body` returned.
    """
    kind = type(error)
    facts, text = _facts_of(kind), _text_of(error)
    name: object = kind.name
    if (
        facts[3:-1] != _of_all[:-1]
        or not (name is _of_all[-1] or (type(name) is str and name.isprintable()))
        or kind.get_headers not in _GET_HEADERS
        or not vars(error).keys().isdisjoint(_DECIDING)
        or not (kind.description is None or type(kind.description) is str or kind.description is _key_description)
        or type(kind.code) is not int
        or not 400 <= kind.code < 600
        or text is None
        or not body.endswith(end := _paragraph(text))
    ):
        return False
    before = body[: -len(end)]
    usual = kind.description
    whole = f"{before}{_paragraph(usual)}".encode() if type(usual) is str and _is_plain(usual) else None
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    # As Werkzeug writes the status of a code that it does not know.
    line = STATUS_LINES.get(kind.code, f"{kind.code} UNKNOWN")
    _kept[kind] = (facts, line, kind.code, before, whole)
    return True


def usual_page(error: HTTPException) -> tuple[str, int, _Pairs, bytes] | None:
    """Return the page of an exception whose class has one that is kept; None if it may differ.

    Returns:
        The status line, the code, the headers and the body.
    """
    kind, own = type(error), vars(error)
    kept = _kept.get(kind)
    if kept is None or kept[0] != _facts_of(kind):
        return None
    _, line, code, before, body = kept
    if own == _NOTHING_OF_ITS_OWN and body is not None and kind.get_headers is get_headers:
        return line, code, [_HTML, ("Content-Length", str(len(body)))], body
    if own.get("response", error) is not None or not own.keys().isdisjoint(_DECIDING):
        return None
    if body is None or "description" in own:
        text = _text_of(error)
        if text is None:
            return None
        body = f"{before}{_paragraph(text)}".encode()
    pairs: _Pairs | None = [_HTML] if kind.get_headers is get_headers else _headers_of(kind, own)
    if pairs is None:
        return None
    pairs.append(("Content-Length", str(len(body))))
    return line, code, pairs, body


def _text_of(error: HTTPException) -> str | None:
    """Return the description of an exception; None if it is shown in another way than a text."""
    kind, own = type(error), vars(error)
    text: object = kind.description
    if text is _key_description:
        # It is shown with the key, on a line of its own, in debug mode.
        text = error.description
    elif "description" in own:
        text = own["description"]
    if type(text) in _SHOWN:
        text = str(text)
    return text if type(text) is str and _is_plain(text) else None


def _is_plain(text: str) -> bool:
    """Return whether a text has only lines of printable characters, all of which can be encoded."""
    return text.isprintable() or text.replace("\n", "").isprintable()


def _paragraph(text: str) -> str:
    """Return the end of a page, with a description in it."""
    shown = str(escape(text))
    if "\n" in shown:
        shown = shown.replace("\n", "<br>")
    return f"<p>{shown}</p>\n"


def _headers_of(kind: type[HTTPException], own: dict[str, object]) -> _Pairs | None:
    """Return the headers of an exception of a class that adds one; None if Werkzeug has to write it."""
    if kind.get_headers is _get_allow:
        methods = own.get("valid_methods", _MISSING)
        if methods is None:
            # It was raised by a view.
            return [_HTML]
        if not (type(methods) is list or type(methods) is tuple) or not methods:
            return None
        for method in methods:
            if type(method) is not str or not method.isprintable():
                return None
        return [_HTML, ("Allow", ", ".join(methods))]
    if kind.get_headers is _get_retry:
        seconds = own.get("retry_after", _MISSING)
        if type(seconds) is int and seconds:
            return [_HTML, ("Retry-After", str(seconds))]
        return [_HTML] if seconds is None else None
    challenges = own.get("www_authenticate", _MISSING)
    if type(challenges) is tuple:
        texts = [str(challenge) for challenge in challenges]
        is_plain = all(type(text) is str and text.isprintable() and text.isascii() for text in texts)
        return [_HTML, *(("WWW-Authenticate", text) for text in texts)] if is_plain else None
    return [_HTML] if challenges is None else None


def redirect_parts(error: HTTPException) -> tuple[str, str, int] | None:
    """Return the page, location and code of a redirect of the URL map; None to let Werkzeug make the response."""
    own, code = vars(error), error.code
    location = locations.uri_of(own["new_url"]) if type(own.get("new_url")) is str else None
    if (
        location is None
        or type(code) is not int
        or code not in HTTP_STATUS_CODES
        or RequestRedirect.get_response is not _get_redirect
        or RequestRedirect.__call__ is not call
        or RequestRedirect.__getattribute__ is not getattribute
        or "get_response" in own
    ):
        return None
    return locations.redirect_page(own["new_url"]), location, code
