"""Leave out of a response what differs from run to run, and say what was left out."""

from __future__ import annotations

import base64
import re
import typing as t
import zlib

_LONGEST_PAYLOAD = 100_000

_TOKEN = re.compile(r"(?<![\w.-])(\.?[\w-]{4,})\.([\w-]{5,8})\.([\w-]{20,86})(?![\w.-])")
#: The pattern, what is written instead, and what it is called.
_PATTERNS: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -][A-Z][a-z]{2}[ -]\d{4} \d\d:\d\d:\d\d GMT"),
        "<date>",
        "dates",
    ),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>", "dates"),
    (re.compile(r"\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b"), "<uuid>", "UUIDs"),
    (re.compile(r"\b0x[0-9a-fA-F]{6,16}\b"), "<address>", "addresses of objects"),
    (re.compile(r"(?<![0-9A-Za-z])(?=[0-9a-f]*[0-9])[0-9a-f]{16,128}(?![0-9A-Za-z])"), "<hex>", "hexadecimal ids"),
)


class Normal(t.NamedTuple):
    """A text without what varies."""

    text: str
    without: frozenset[str]


def normalize(text: str) -> Normal:
    """Return a text without dates, ids, and the times and signatures of signed tokens."""
    without: set[str] = set()

    def token(found: re.Match[str]) -> str:
        payload = _payload(found[1])
        if payload is None:
            return found[0]
        without.add("times and signatures of signed tokens")
        return f"<signed {payload}>"

    if "." in text:
        text = _TOKEN.sub(token, text)
    for pattern, instead, called in _PATTERNS:
        text, count = pattern.subn(instead, text)
        if count:
            without.add(called)
    return Normal(text, frozenset(without))


def _payload(text: str) -> str | None:
    """Return the content of a token of itsdangerous; None if it is none."""
    body = text.removeprefix(".")
    try:
        octets = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        if text.startswith("."):
            octets = zlib.decompressobj().decompress(octets, _LONGEST_PAYLOAD)
        return octets.decode()
    except (ValueError, zlib.error):
        return None
