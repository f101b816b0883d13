"""The very list of headers that `start_response` receives.

Floor 1, text and bytes. A response's headers are Werkzeug's `Headers`, which hold a list of pairs; what is
done to each response is done on that list here, without walking through Werkzeug's checks where the text
is known to be clean. What must live here: what is known about header names and lists. What must not: text
that comes from a user and has not been checked for line breaks; that goes through `Headers` itself.
"""

from __future__ import annotations

import typing as t

from .cookies import cookie_identity

if t.TYPE_CHECKING:
    from werkzeug.datastructures import Headers

#: The names that Werkzeug's response looks at when it prepares headers for WSGI, in lower case.
PREPARED = frozenset({"location", "content-location", "content-length"})
#: Names that it certainly passes on as they are, so that they need not be put into lower case.
PASSED = frozenset(
    {
        "Access-Control-Allow-Origin",
        "Allow",
        "Cache-Control",
        "Content-Type",
        "Date",
        "ETag",
        "Expires",
        "Last-Modified",
        "Set-Cookie",
        "Vary",
    }
)
#: Names that are certainly not another spelling of Set-Cookie.
OTHER_THAN_COOKIES = PASSED - {"Set-Cookie"} | {"Content-Length", "Location"}


class CookieLines:
    """The Set-Cookie lines among the headers of one response, by the cookie that they are about.

    Others may change the headers at any time: they are compared with what was seen last, and only lines that are new
    are read.
    """

    __slots__ = ("_by_cookie", "_seen")

    def __init__(self) -> None:
        self._seen: list[tuple[str, str]] = []
        self._by_cookie: dict[tuple[str, str, str], list[tuple[str, str]]] = {}

    def put(self, headers: Headers, line: str) -> None:
        """Add a finished line to headers, in the place of those for the same cookie (RFC 6265bis section 4.1.1)."""
        pairs, seen = headers._list, self._seen
        if pairs != seen:
            self._look(pairs)
        identity = cookie_identity(line)
        for earlier in self._by_cookie.pop(identity, ()):
            place = pairs.index(earlier)
            del pairs[place], seen[place]
        pair = ("Set-Cookie", line)
        pairs.append(pair)
        seen.append(pair)
        self._by_cookie[identity] = [pair]

    def _look(self, pairs: list[tuple[str, str]]) -> None:
        """Take note of what others have done to the headers."""
        known: dict[str, tuple[str, str, str]] = {}
        if pairs[: len(self._seen)] != self._seen:
            known = {line: identity for identity, earlier in self._by_cookie.items() for _, line in earlier}
            self._seen.clear()
            self._by_cookie.clear()
        added = pairs[len(self._seen) :]
        self._seen += added
        for pair in added:
            if pair[0].lower() == "set-cookie":
                identity = known.get(pair[1]) or cookie_identity(pair[1])
                self._by_cookie.setdefault(identity, []).append(pair)


def vary_by(headers: Headers, field: str) -> None:
    """Say that the response depends on a request header, unless it says so already (RFC 9110 section 12.5.5)."""
    pairs: list[tuple[str, str]] | None = getattr(headers, "_list", None)
    lowered = field.lower()
    if pairs is None:
        # Some put a plain dictionary in the place of a response's headers.
        before = headers.get("Vary")
        headers["Vary"] = f"{before}, {field}" if before else field
        return
    for index, (name, value) in enumerate(pairs):
        if name.lower() == "vary":
            known = [part.strip().lower() for part in value.split(",")]
            if lowered not in known:
                pairs[index] = (name, f"{value}, {field}" if value.strip() else field)
            return
    pairs.append(("Vary", field))
