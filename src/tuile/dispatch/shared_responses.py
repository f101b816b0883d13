"""Keep one visitor's cookies from another if one response object is returned for both.

A view may return a response that was created at import time. Cookies that were added for the first visitor, such as the
session cookie, must not be sent to the second.
"""

from __future__ import annotations

import copy
import threading
import typing as t
import weakref

from werkzeug.wrappers import Response as WerkzeugResponse

from ..ctx.app_context import current_value
from ..http.response_headers import HEADERS_CLASSES, Headers

if t.TYPE_CHECKING:
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .errors import ErrorHandling


class Claim(weakref.ref):  # type: ignore[type-arg] # to a request; generic for type checkers alone
    """The request that a response was claimed for, while it lives. A response with its claim can be pickled."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        return _ended_claim, ()


class _Gone:
    """The referent of a claim that has ended."""


def _ended_claim() -> Claim:
    return Claim(_Gone())


# Held when a second request claims a response. Most responses are claimed once.
_claiming = threading.Lock()


def claim(app: ErrorHandling, response: Response) -> Response:
    """Return a response to which cookies may be added for this request: the response itself, or a copy.

    The first request that claims a response gets the response itself, which then keeps its present headers. A later
    request gets it too, unless cookies were added since or the earlier request has not ended. Then it gets a copy
    without those cookies, and the log names them.
    """
    context = current_value(None)
    if context is None or context.request is None or not isinstance(response, WerkzeugResponse):
        return response
    if type(getattr(response, "headers", None)) not in HEADERS_CLASSES:
        # Created without a constructor, or with headers of another type.
        return response
    request = context.request
    own = Claim(request)
    # Atomic, so that exactly one of several concurrent requests is the first.
    before, claimed = vars(response).setdefault("_headers_before", (response.headers._list.copy(), own))
    if claimed() is request:
        return response
    with _claiming:
        before, claimed = vars(response)["_headers_before"]
        headers = list(response.headers)
        added = [pair for pair in headers if pair[0].lower() == "set-cookie" and pair not in before]
        if not added and claimed() is None:
            response._headers_before = (headers, own)
            return response
    if added:
        _tell(app, request, [line.partition("=")[0] for _, line in added])
    response = copy.copy(response)
    response.headers = Headers([pair for pair in headers if pair not in added])
    response._on_close = list(response._on_close)
    response._cookie_lines, response._was_public = None, False
    response._headers_before = (before, own)
    return response


def _tell(app: ErrorHandling, request: Request, names: list[str]) -> None:
    app.logger.warning(
        "The response to %s %r is an object that was sent to another visitor before. The cookies that were put on it"
        " for that visitor (%s) are left out. Make a new response for each request, with make_response() in the view.",
        request.method,
        request.path,
        ", ".join(names),
    )
