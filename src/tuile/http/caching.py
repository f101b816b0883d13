"""Keep responses that set cookies out of shared caches.

Caches store responses with Set-Cookie (RFC 9111, section 7.3), and many of them ignore `Vary`. Then every user gets the
cookie of the first one.
"""

from __future__ import annotations

import typing as t
from contextlib import suppress

from ..lazy import lazy_pattern
from .response_headers import HEADERS_CLASSES

if t.TYPE_CHECKING:
    from werkzeug.datastructures import Headers

#: For responses that set a cookie and have no directives: store the page, but not the cookie (section 5.2.2.4).
NO_COOKIE_CACHED: t.Final = 'no-cache="Set-Cookie"'

# Some caches accept semicolons between directives, and blanks around the equals sign.
_directives = lazy_pattern(r'([^\s,;="]+)(?:\s*=\s*("[^"]*"|[^\s,;"]*))?')
# Let a shared cache store the response for all users (sections 5.2.2.9 and 5.2.2.10).
_INVITING = frozenset({"public", "s-maxage"})
_LIVES = frozenset({"max-age", "cache-maxage", "downstream-ttl"})
_FORBIDDING = frozenset({"private", "no-store"})
# Headers that most responses have, none of which is for caches.
_USUAL = frozenset({"Content-Length", "Content-Type", "Location", "Set-Cookie", "Vary"})
# Headers that override `Cache-Control` in the caches of Fastly and others, Akamai, and nginx, in lower case, and the
# values that forbid these caches to store a response.
_EDGE_FIELDS: t.Final = {"surrogate-control": "no-store", "edge-control": "no-store", "x-accel-expires": "0"}


def invites_shared_caches(headers: Headers) -> bool:
    """Return whether a response lets shared caches store it: by `public`, `s-maxage` or a targeted field.

    Targeted fields such as `CDN-Cache-Control` (RFC 9213), `Surrogate-Control`, `Edge-Control` and `X-Accel-Expires`
    are for shared caches only, which then ignore `Cache-Control`.
    """
    for name, value in headers._list if type(headers) in HEADERS_CLASSES else headers.items():
        if name not in _USUAL and _is_for_caches(name) and _is_invitation(name, value):
            return True
    return False


class _Response(t.Protocol):
    _was_public: bool

    @property
    def headers(self) -> Headers: ...


def keep_private(response: _Response) -> None:
    """Remove the directives that let shared caches store a response; a browser may keep it as long as before.

    The response is marked so that `COOKIE_CHECKS` can report it.
    """
    headers = response.headers
    for name, value in list(headers.items()):
        if _is_for_caches(name) and _is_invitation(name, value):
            if (forbidden := _EDGE_FIELDS.get(name.lower())) is not None:
                headers[name] = forbidden
                continue
            kept = [f"{word}={given}" if given else word for word, given in _directives.findall(value)]
            kept = [directive for directive in kept if directive.partition("=")[0].lower() not in _INVITING]
            headers[name] = ", ".join(["private", *kept])
    with suppress(AttributeError):
        response._was_public = True


def says_nothing(headers: Headers) -> bool:
    """Return whether a response has no directives for caches at all."""
    return not any(_is_for_caches(name) or name.lower() in {"expires", "pragma"} for name, _ in headers.items())


def _is_for_caches(name: str) -> bool:
    return name[-13:].lower() == "cache-control" or name.lower() in _EDGE_FIELDS


def _is_invitation(name: str, value: str) -> bool:
    if name.lower() == "x-accel-expires":
        # Seconds, or a point in time after an at sign. Zero means never.
        return value.strip(" \t0") != ""
    words = {word.lower() for word, _ in _directives.findall(value)}
    if words & _INVITING:
        return True
    # A lifetime in a header for shared caches lets them store the response, unless another directive forbids it.
    return name.lower() != "cache-control" and not words.isdisjoint(_LIVES) and not words & _FORBIDDING
