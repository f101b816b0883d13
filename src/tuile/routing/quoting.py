"""Quote what clients and databases choose, for the path and the query of a URL, as Werkzeug does."""

from __future__ import annotations

import typing as t
from urllib.parse import quote, quote_plus

from ..lazy import QuotedOctets, lazy_pattern
from ..patched import names

if t.TYPE_CHECKING:
    import re

# The characters that stay unchanged in a path (WHATWG URL, path percent-encode set) and in a query.
KEPT_IN_PATH = "!$&'()*+,/:;=@"
_KEPT_IN_QUERY = "!$'()*,/:;?@"
# The characters that may stand in the fragment of a URL (WHATWG URL, fragment percent-encode set).
_KEPT_IN_FRAGMENT = "%!#$&'()*+,/:;=?@"
# Find a character that is quoted: in a path, in a query, and in a fragment.
_quoted_in_path = lazy_pattern("[^A-Za-z0-9_.~!$&'()*+,/:;=@-]")
_quoted_in_query = lazy_pattern("[^A-Za-z0-9_.~!$'()*,/:;?@-]")
_quoted_in_fragment = lazy_pattern("[^%A-Za-z0-9_.~!#$&'()*+,/:;=?@-]")
# Quoted texts are kept, because programs build the same URLs again and again: so many, of so many characters.
_MOST_KEPT = 512
_LONGEST_KEPT = 128
_MOST_CHARACTERS = 2048


class _Quoted(dict[int, str]):
    """How each character is quoted, for `str.translate`.

    Args:
        safe: The characters that stay unchanged, beside letters, digits and `_.-~`.
        encode: `quote` or `quote_plus`.
    """

    def __init__(self, safe: str, encode: t.Callable[[str, str], str] = quote) -> None:
        super().__init__()
        self._safe = safe
        self._encode = encode

    def __missing__(self, code: int) -> str:
        text = self._encode(chr(code), self._safe)
        if len(self) < _MOST_CHARACTERS:
            self[code] = text
        return text


_PATH, _QUERY = _Quoted(KEPT_IN_PATH), _Quoted(_KEPT_IN_QUERY, quote_plus)
_FRAGMENT = _Quoted(_KEPT_IN_FRAGMENT)
_OCTETS = QuotedOctets(_KEPT_IN_QUERY, quote_plus)
#: Texts, which are `str` itself, with how they stand in a path, in a query, and in a fragment.
path_texts: dict[str, str] = {}
query_texts: dict[str, str] = {}
fragment_texts: dict[str, str] = {}


def _quoter(
    kept: dict[str, str], space: str, pattern: re.Pattern[str], table: dict[int, str]
) -> t.Callable[[str], str]:
    """Return a function that quotes a text, of the class `str` itself, and keeps the result.

    The function raises UnicodeEncodeError for half of a surrogate pair.

    Args:
        kept: Where the results are kept.
        space: What stands for a space.
        pattern: Finds a character that is quoted.
        table: How each character is quoted.
    """

    def quoted_text(text: str) -> str:
        others = text.replace(" ", "") if " " in text else ""
        if others.isalnum() and others.isascii():
            # Much faster than what is right for every text.
            quoted = text.replace(" ", space)
        elif text.isascii() and not pattern.search(text):
            quoted = text
        else:
            try:
                quoted = text.translate(table)
            except UnicodeEncodeError:
                # The error is about the whole text.
                text.encode()
                raise
        if len(text) <= _LONGEST_KEPT:
            if len(kept) >= _MOST_KEPT:
                kept.clear()
            kept[text] = quoted
        return quoted

    return quoted_text


#: Quote a text for a path, a query or a fragment.
quote_path = _quoter(path_texts, "%20", _quoted_in_path, _PATH)
quote_query = _quoter(query_texts, "+", _quoted_in_query, _QUERY)
quote_fragment = _quoter(fragment_texts, "%20", _quoted_in_fragment, _FRAGMENT)


def path_text(value: object) -> str:
    """Return the result of `BaseConverter.to_url`."""
    text = str(value)
    if type(text) is not str:
        text = str.__str__(text)
    return path_texts.get(text) or quote_path(text)


def query_text(value: object) -> str:
    """Encode a name or a value as `urlencode` does."""
    if isinstance(value, bytes):
        return "".join(map(_OCTETS.__getitem__, value))
    text = value if type(value) is str else plain_text(value)
    return query_texts.get(text) or quote_query(text)


def fragment_text(value: object) -> str:
    """Encode a fragment, which is a text."""
    if names and (replacement := names.get("flask.app._url_quote")) is not None:
        return t.cast("str", replacement(value, safe=_KEPT_IN_FRAGMENT))
    if type(value) is str:
        return fragment_texts.get(value) or quote_fragment(value)
    return quote(t.cast("str", value), safe=_KEPT_IN_FRAGMENT)


def plain_text(value: object) -> str:
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
