"""Put the cookies that were written in a request on its response."""

from __future__ import annotations

import typing as t

from ..http.caching import NO_COOKIE_CACHED, invites_shared_caches, keep_private, says_nothing
from ..http.headers import CookieLines, vary_by_cookie

if t.TYPE_CHECKING:
    from ..wrappers.response import Response
    from .app_context import Current, CurrentRequest


#: The key of an environ for a list, to which cookies that were written are added: `tuile.testing.Browser` has one.
TOLD: t.Final = "tuile.testing.cookies"


def add_cookies(context: Current | CurrentRequest, response: Response) -> None:
    """Put the cookies that were written in a request on a response to it."""
    cookies = context._request_cookies
    if cookies.depends_on_request:
        vary_by_cookie(response)
    lines = cookies.lines()
    known = getattr(response, "_cookie_lines", None)
    if not isinstance(known, CookieLines):
        known = CookieLines(getattr(response.headers, "_list", []), known)
    for line in lines:
        known.put(response.headers, line)
    if not lines:
        return
    if context.request is not None and TOLD in context.request.environ:
        context.request.environ[TOLD].append(cookies)
    # Caches store Set-Cookie with the response and send it to all users (RFC 9111, section 7.3).
    if invites_shared_caches(response.headers):
        keep_private(response)
    elif says_nothing(response.headers):
        response.headers["Cache-Control"] = NO_COOKIE_CACHED
