"""Quote what clients and databases choose, for the path and the query of a URL, as Werkzeug does."""

from __future__ import annotations

import typing as t
from urllib.parse import quote, quote_plus

from ..lazy import QuotedOctets, lazy_pattern

# The characters that stay unchanged in a path (WHATWG URL, path percent-encode set) and in a query.
KEPT_IN_PATH = "!$&'()*+,/:;=@"
_KEPT_IN_QUERY = "!$'()*,/:;?@"
_PATH = QuotedOctets(KEPT_IN_PATH)
_QUERY = QuotedOctets(_KEPT_IN_QUERY, quote_plus)
# The characters that may stand in the fragment of a URL (WHATWG URL, fragment percent-encode set).
_FRAGMENT_SAFE = "%!#$&'()*+,/:;=?@"
_FRAGMENT = QuotedOctets(_FRAGMENT_SAFE)
# Find a character that is quoted: in a path, in a query, in both apart from spaces, and in a fragment.
_quoted_in_path = lazy_pattern("[^A-Za-z0-9_.~!$&'()*+,/:;=@-]")
_quoted_in_query = lazy_pattern("[^A-Za-z0-9_.~!$'()*,/:;?@-]")
_quoted_beside_spaces = lazy_pattern("[^ A-Za-z0-9_.~!$'()*,/:;@-]")
_quoted_in_fragment = lazy_pattern("[^%A-Za-z0-9_.~!#$&'()*+,/:;=?@-]")


def path_text(value: object) -> str:
    """Return the result of `BaseConverter.to_url`."""
    text = value if type(value) is str else _str(value)
    if not _quoted_in_path.search(text):
        return text
    if not _quoted_beside_spaces.search(text):
        # Much faster than what is right for every text.
        return text.replace(" ", "%20")
    if text.isascii():
        return text.translate(_PATH)
    return "".join(map(_PATH.__getitem__, text.encode()))


def query_text(value: object) -> str:
    """Encode a name or a value as `urlencode` does."""
    if isinstance(value, bytes):
        return "".join(map(_QUERY.__getitem__, value))
    text = value if type(value) is str else _str(value)
    if not _quoted_in_query.search(text):
        return text
    if not _quoted_beside_spaces.search(text):
        return text.replace(" ", "+")
    if text.isascii():
        return text.translate(_QUERY)
    return "".join(map(_QUERY.__getitem__, text.encode()))


def fragment_text(value: object) -> str:
    """Encode a fragment, which is a text."""
    if type(value) is str:
        if not _quoted_in_fragment.search(value):
            return value
        if value.isascii():
            return value.translate(_FRAGMENT)
    return quote(t.cast("str", value), safe=_FRAGMENT_SAFE)


def _str(value: object) -> str:
    """Return `str(value)`, as an ordinary str where that is of a class of its own."""
    text = str(value)
    return text if type(text) is str else str.__str__(text)


def query_keys(names: t.Iterable[str], others: t.Container[str]) -> tuple[tuple[str, str], ...]:
    """Return the names that belong to the query, each with how it stands there.

    Args:
        names: The names of the values that were given.
        others: The names that do not belong to the query.
    """
    return tuple((name, f"{query_text(name)}=") for name in names if name not in others)


def query_by(keys: t.Iterable[tuple[str, str]], values: t.Mapping[str, object]) -> str:
    """Return a question mark and the query for names that belong to it; "" without any value."""
    query = ""
    before = "?"
    for name, key in keys:
        value = values[name]
        if type(value) is str:
            text = value if value.isalnum() and value.isascii() else query_text(value)
        elif type(value) is int or type(value) is bool:
            text = str(value)
        elif value is None:
            continue
        elif isinstance(value, (list, tuple, set)):
            for item in value:
                if item is not None:
                    query += f"{before}{key}{query_text(item)}"
                    before = "&"
            continue
        else:
            text = query_text(value)
        query += f"{before}{key}{text}"
        before = "&"
    return query


def query_of(values: t.Mapping[str, object], others: t.Container[str], count: int) -> str | None:
    """Return a question mark and the query; "" without any.

    Args:
        values: The values of `url_for`.
        others: The names that do not belong to the query.
        count: How many of them are variables among the values.

    Returns:
        None if another number of them is among the values.
    """
    keys = query_keys(values, others)
    return query_by(keys, values) if len(keys) + count == len(values) else None
