"""Parse `application/x-www-form-urlencoded` text: queries and forms."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

# Imported because it registers the error handler that keeps octets percent-encoded if they are not UTF-8.
from werkzeug import urls as _urls  # noqa: F401

from ..lazy import lazy_pattern

# Escapes of separators and of the percent sign.
_structural_escapes = lazy_pattern(r"%(?:2[56Bb]|3[Dd])")
# Texts of so many characters are long, and so many fields are few.
_LONG, _FEW = 2000, 8


def parse_urlencoded(text: str) -> dict[str, list[str]]:
    """Return the values of each name, both in the order in which they were sent.

    The result is the same as of `urllib.parse.parse_qsl` with `keep_blank_values` and Werkzeug's error handler, grouped
    by name.
    """
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        if _structural_escapes.search(text) is not None:
            return _split_first(text)
        # No escape stands for a separator or spans one, so all can be resolved at once.
        text = _unquoted(text)
    found: dict[str, list[str]] = {}
    for pair in text.split("&") if len(text) < _LONG else _pairs_of_long(text):
        if pair:
            name, _, value = pair.partition("=")
            if name in found:
                found[name].append(value)
            else:
                found[name] = [value]
    return found


def _pairs_of_long(text: str) -> list[str]:
    """Split a long text at `&`: most have few fields, and one long one.

    `str.split` looks at each character by itself, and `str.find` does not.
    """
    pairs, start = [], 0
    for _ in range(_FEW):
        end = text.find("&", start)
        if end < 0:
            break
        pairs.append(text[start:end])
        start = end + 1
    rest = text[start:]
    return pairs + (rest.split("&") if "&" in rest else [rest])


def _split_first(text: str) -> dict[str, list[str]]:
    """Split text at its separators and resolve the escapes in each piece."""
    found: dict[str, list[str]] = {}
    for pair in text.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            if "%" in name:
                name = _unquoted(name)
            if "%" in value:
                value = _unquoted(value)
            found.setdefault(name, []).append(value)
    return found


def _unquoted(text: str) -> str:
    """Resolve the percent-encoded octets, and keep those that are not UTF-8."""
    return unquote_to_bytes(text).decode("utf-8", "werkzeug.url_quote")
