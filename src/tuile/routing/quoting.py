"""Quote what clients and databases choose, for the path and the query of a URL, as Werkzeug does."""

from __future__ import annotations

import typing as t
from urllib.parse import quote, quote_plus

from ..lazy import QuotedOctets

# The characters that stay unchanged in a path (WHATWG URL, path percent-encode set) and in a query.
KEPT_IN_PATH = "!$&'()*+,/:;=@"
_KEPT_IN_QUERY = "!$'()*,/:;?@"
_PATH = QuotedOctets(KEPT_IN_PATH)
_QUERY = QuotedOctets(_KEPT_IN_QUERY, quote_plus)
# The characters that may stand in the fragment of a URL (WHATWG URL, fragment percent-encode set).
_FRAGMENT_SAFE = "%!#$&'()*+,/:;=?@"
_FRAGMENT = QuotedOctets(_FRAGMENT_SAFE)
# The classes whose texts have no character that is quoted.
_NUMBERS = frozenset({int, bool})


def path_text(value: object) -> str:
    """Return the result of `BaseConverter.to_url`."""
    text = value if type(value) is str else str(value)
    if text.isascii():
        return text.translate(_PATH)
    return "".join(map(_PATH.__getitem__, text.encode()))


def query_text(value: object) -> str:
    """Encode a name or a value as `urlencode` does."""
    if isinstance(value, bytes):
        return "".join(map(_QUERY.__getitem__, value))
    text = value if type(value) is str else str(value)
    if text.isascii():
        return text.translate(_QUERY)
    return "".join(map(_QUERY.__getitem__, text.encode()))


def fragment_text(value: str) -> str:
    """Encode a fragment."""
    return value.translate(_FRAGMENT) if type(value) is str and value.isascii() else quote(value, safe=_FRAGMENT_SAFE)


def query_of(values: t.Mapping[str, object], known: t.Container[str]) -> str:
    """Return a question mark and the query with all values that are not variables of the rule; "" without any."""
    query = ""
    before = "?"
    for name, value in values.items():
        if value is None or name in known:
            continue
        key = name if name.isalnum() and name.isascii() else query_text(name)
        if type(value) is str:
            if value.isascii():
                query += f"{before}{key}={value if value.isalnum() else value.translate(_QUERY)}"
            else:
                query += f"{before}{key}={query_text(value)}"
        elif type(value) in _NUMBERS:
            query += f"{before}{key}={value}"
        elif isinstance(value, (list, tuple, set)):
            for item in value:
                if item is not None:
                    query += f"{before}{key}={query_text(item)}"
                    before = "&"
            continue
        else:
            query += f"{before}{key}={query_text(value)}"
        before = "&"
    return query
