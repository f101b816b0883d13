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


def put_cookie(headers: Headers, line: str) -> None:
    """Add a finished Set-Cookie line, in the place of one for the same cookie (RFC 6265bis section 4.1.1)."""
    pairs = headers._list
    if any(name.lower() == "set-cookie" for name, _ in pairs):
        identity = cookie_identity(line)
        pairs[:] = [
            (name, value) for name, value in pairs if name.lower() != "set-cookie" or cookie_identity(value) != identity
        ]
    pairs.append(("Set-Cookie", line))


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
