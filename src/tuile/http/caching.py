"""What a response says to caches, where it matters for cookies.

What must live here: whether a response invites shared caches, and how that is taken back. What
must not: which responses set a cookie.

RFC 9111 (section 7.3): a Set-Cookie field does not keep a response out of a cache, and many caches ignore `Vary`. Then
everybody who asks gets the cookie of the first one.
"""

from __future__ import annotations

import re
import typing as t
from contextlib import suppress

if t.TYPE_CHECKING:
    from werkzeug.datastructures import Headers

#: Said where a cookie is set and nothing else is: keep the page if you like, not the cookie (section 5.2.2.4).
NO_COOKIE_CACHED: t.Final = 'no-cache="Set-Cookie"'

_directives = re.compile(r'([^\s,="]+)(?:=("[^"]*"|[^\s,"]*))?').findall
# Invite a shared cache, whoever asked (sections 5.2.2.9 and 5.2.2.10).
_INVITING = frozenset({"public", "s-maxage"})
_FORBIDDING = frozenset({"private", "no-store"})


def invites_shared_caches(headers: Headers) -> bool:
    """Answer whether a response says `public` or `s-maxage`, or says the like to the caches in front of a site.

    `CDN-Cache-Control` and its kin (RFC 9213) are for shared caches alone, which then ignore `Cache-Control`.
    """
    return any(_is_invitation(name, value) for name, value in headers.items() if _is_for_caches(name))


def keep_private(response: t.Any) -> None:
    """Take back what invites shared caches to a response; a browser may keep it as long as before.

    The response is marked, for `COOKIE_CHECKS` to tell of it.
    """
    headers: Headers = response.headers
    for name, value in list(headers.items()):
        if _is_for_caches(name) and _is_invitation(name, value):
            kept = [f"{word}={given}" if given else word for word, given in _directives(value)]
            kept = [directive for directive in kept if directive.partition("=")[0].lower() not in _INVITING]
            headers[name] = ", ".join(["private", *kept])
    with suppress(AttributeError):
        response._was_public = True


def says_nothing(headers: Headers) -> bool:
    """Answer whether a response has no word for caches at all."""
    return not any(_is_for_caches(name) or name.lower() in {"expires", "pragma"} for name, _ in headers.items())


def _is_for_caches(name: str) -> bool:
    return name[-13:].lower() == "cache-control"


def _is_invitation(name: str, value: str) -> bool:
    words = {word.lower() for word, _ in _directives(value)}
    if words & _INVITING:
        return True
    # To be said to a shared cache alone is an invitation, where it is not a prohibition.
    return len(name) > 13 and "max-age" in words and not words & _FORBIDDING
