"""The headers of a response, built the short way.

Floor 1, text and bytes. A response's headers are Werkzeug's `Headers`, which hold a list of pairs; the
functions here make and read that list without walking through Werkzeug's checks when the text is known
to be clean. What must live here: what is known about header names. What must not: values that come from
a user, which always go through `Headers` itself.
"""

from __future__ import annotations

from werkzeug.datastructures import Headers

# The names that Werkzeug's response looks at when it prepares headers for WSGI; all others pass as they are.
_PREPARED = frozenset({"location", "content-location", "content-length"})
_PASSED = frozenset(
    {
        "Access-Control-Allow-Origin",
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
_new = Headers.__new__


def clean_headers(pairs: list[tuple[str, str]]) -> Headers:
    """Return `Headers` that hold this very list; names and values must be known to be free of line breaks."""
    headers = _new(Headers)
    headers._list = pairs
    return headers


def ready_for_wsgi(pairs: list[tuple[str, str]]) -> bool:
    """Answer whether the pairs can be sent as they are: a length is there, and nothing needs rewriting."""
    has_length = False
    for name, _ in pairs:
        if name in _PASSED:
            continue
        if name == "Content-Length" and not has_length:
            has_length = True
        elif name.lower() in _PREPARED:
            return False
    return has_length
