"""Patterns and tables that are made at their first use: most programs need few of them, and no import needs any."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import quote


class _LazyPattern:
    def __init__(self, pattern: t.AnyStr, flags: int) -> None:
        self._pattern: str | bytes = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> object:
        value: object = getattr(re.compile(self._pattern, self._flags), name)
        # From now on it is found without calling this method.
        setattr(self, name, value)
        return value


def lazy_pattern(pattern: t.AnyStr, flags: int = 0) -> re.Pattern[t.AnyStr]:
    """Return what `re.compile` returns for these arguments, to be compiled when one of its methods is first used."""
    return t.cast("re.Pattern[t.AnyStr]", _LazyPattern(pattern, flags))


class QuotedOctets(dict[int, str]):
    """The percent-encoding of each octet, for `str.translate` of an ASCII text and for mapping the octets of others.

    Args:
        safe: The characters that stay unchanged, beside letters, digits and `_.-~`.
        encode: `quote` or `quote_plus`.
    """

    def __init__(self, safe: str, encode: t.Callable[[bytes, str], str] = quote) -> None:
        super().__init__()
        self._safe = safe
        self._encode = encode

    def __missing__(self, octet: int) -> str:
        text = self[octet] = self._encode(bytes((octet,)), self._safe)
        return text
