"""Parse `application/x-www-form-urlencoded` text: queries and forms."""

from __future__ import annotations

import codecs
import typing as t
from urllib.parse import unquote_to_bytes

# Imported because it registers the error handler that keeps octets percent-encoded if they are not UTF-8.
from werkzeug import urls as _urls  # noqa: F401

# Texts of so many characters are long, so many fields are few; more are many if they begin in so many characters.
_LONG, _FEW, _START = 700, 8, 400
_NO_SEPARATORS = bytes(octet for octet in range(256) if octet not in b"&=")
# Resolves the escapes of Python's literals.
_resolve = t.cast("t.Callable[[bytes], tuple[bytes, int]]", codecs.escape_decode)


def parse_urlencoded(text: str, octets: bytes | None = None) -> dict[str, list[str]]:
    """Return the values of each name, both in the order in which they were sent.

    The result is the same as of `urllib.parse.parse_qsl` with `keep_blank_values` and Werkzeug's error handler, grouped
    by name.

    Args:
        text: The text.
        octets: The same in UTF-8 where that is at hand, with each plus sign replaced by a space in both.
    """
    if "+" in text:
        text = text.replace("+", " ")
    if "%" in text:
        # Texts are looked for faster than a pattern. Some have question marks, few the others.
        if "%26" in text or ("%3" in text and ("%3D" in text or "%3d" in text)):
            return _split_first(text)
        # No escape stands for a separator or spans one, so all can be resolved at once.
        text = _unquoted(text, octets)
    if len(text) < _LONG:
        pairs = text.split("&")
    elif text.count("&", 0, _START) >= _FEW and _is_even(text):
        return _split_evenly(text)
    else:
        pairs = _pairs_of_long(text)
    found: dict[str, list[str]] = {}
    for pair in pairs:
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


def _is_even(text: str) -> bool:
    """Return whether each pair of a text has one equals sign."""
    separators = text.encode().translate(None, _NO_SEPARATORS)
    return separators == b"=&" * (len(separators) // 2) + b"="


def _split_evenly(text: str) -> dict[str, list[str]]:
    """Split a text of many such pairs at all separators at once."""
    pieces = text.replace("=", "&").split("&")
    each = iter(pieces)
    found = {name: [value] for name, value in zip(each, each, strict=True)}
    if 2 * len(found) < len(pieces):
        # A name came twice.
        found, each = {}, iter(pieces)
        for name, value in zip(each, each, strict=True):
            found.setdefault(name, []).append(value)
    return found


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


def _unquoted(text: str, octets: bytes | None = None) -> str:
    """Resolve the percent-encoded octets of a text, and keep those that are not UTF-8."""
    if octets is None:
        octets = text.encode()
    # Looked for in the text: `in` tries first whether its operand is a number if it searches bytes, which is slow.
    if "\\" in text:
        octets = octets.replace(b"\\", b"\\\\")
    try:
        # With the escapes of Python's literals instead, one function does it.
        octets, _ = _resolve(octets.replace(b"%", b"\\x"))
    except ValueError:
        # Not every percent sign begins an escape.
        octets = unquote_to_bytes(text)
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("utf-8", "werkzeug.url_quote")
