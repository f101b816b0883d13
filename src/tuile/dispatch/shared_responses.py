"""Keep the cookies of one visitor from another where one response object is returned for both.

A response made at import time, say, is returned by a view for each request. What is put on it for the first visitor,
the session's cookie above all, must not go to the second.
"""

from __future__ import annotations

import copy
import typing as t

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response as WerkzeugResponse

from ..ctx.app_context import current

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.response import Response


def claim(app: Flask, response: Response) -> Response:
    """Return a response that cookies may be put on for this request: the one given, or a copy of it.

    It notes on the response what its headers are now. If they were noted for another request, and cookies were put on
    it since, the copy has the headers without them, and the log says so.
    """
    context = current.get(None)
    if context is None or context.request is None or not isinstance(response, WerkzeugResponse):
        return response
    request = context.request
    # Not the request itself: a response may be pickled, and outlive it.
    request._identity = identity = getattr(request, "_identity", None) or object()
    noted = getattr(response, "_headers_before", None)
    if noted is not None and noted[1] is not identity:
        before = noted[0]
        names = [value.partition("=")[0] for name, value in _cookies(response.headers) if (name, value) not in before]
        if names:
            _tell(app, request, names)
            response = copy.copy(response)
            response.headers = Headers(before)
            response._cookie_lines, response._was_public = None, False
        noted = None
    if noted is None:
        response._headers_before = (list(response.headers), identity)
    return response


def _cookies(headers: Headers) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() == "set-cookie"]


def _tell(app: Flask, request: t.Any, names: list[str]) -> None:
    app.logger.warning(
        "The response to %s %r is an object that was sent to another visitor before. The cookies that were put on it"
        " for that visitor (%s) are left out. Make a new response for each request, with make_response() in the view.",
        request.method,
        request.path,
        ", ".join(names),
    )
