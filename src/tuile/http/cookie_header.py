"""Read a Cookie header (section 4.2.1 of `cookies.STANDARD`; what browsers write: section 5.8.3).

Header text has one character (latin-1) per octet, as in PEP 3333.
"""

from __future__ import annotations

import re

from ..lazy import lazy_pattern

# Only these two are removed (WSP in the grammar): `str.strip()` would remove U+00A0 and others as well.
BLANKS = " \t"
# From this length on, splitting a header at all marks at once takes less than looking at each pair.
_LONG = 256
# All octets of ASCII but those that have a meaning in a header.
_NO_MARKS = bytes(octet for octet in range(128) if octet not in b"=; ")


def parse_cookie(header: str | None) -> list[tuple[str, str]]:
    r"""Return the names and values of a Cookie header, in order and with repeated names.

    The parser accepts everything that browsers send, which is more than servers may set. It never raises an error, and
    takes linear time.

    - Pairs end at ``;``, whatever is around it. Blanks around name and value are removed; inside, any character is
      allowed, including quotes.
    - A value that is a quoted string from end to end loses its quotes: ``\"`` and ``\\`` become one character and
      ``\303`` one octet, which reverses `dump_cookie`. Quotes never extend into the next pair. Otherwise a script
      could set one cookie with the opening quote and one with the closing quote, and so move an HttpOnly cookie that
      browsers send between the two into a value that the application shows.
    - A pair without ``=`` is a name with an empty value; a pair without a name is left out.

    Args:
        header: The header as servers pass it, one character per octet, with several Cookie fields joined by ``;``. The
            octets are decoded as UTF-8, with U+FFFD for errors. Text with characters beyond U+00FF did not come from a
            server and is not decoded.
    """
    if not header:
        return []
    text = header if header.isascii() else _text_of_octets(header)
    has_quotes = '"' in text
    pairs = []
    ends = text.count("; ")
    if not has_quotes and "\t" not in text and text.count(";") == ends == text.count(" "):
        # As browsers send it: all blanks are between pairs.
        for pair in text.split("; "):
            name, _, value = pair.partition("=")
            if name:
                pairs.append((name, value))
        return pairs
    for pair in text.split(";"):
        name, _, value = pair.partition("=")
        name = name.strip(BLANKS)
        if name:
            value = value.strip(BLANKS)
            pairs.append((name, _unquoted(value) if has_quotes and value[:1] == '"' else value))
    return pairs


def cookie_values(header: str) -> dict[str, list[str]]:  # noqa: C901 - one function for what each request does
    """Return the values of each name in a Cookie header; see `parse_cookie`."""
    found: dict[str, list[str]] = {}
    if header.isascii() and '"' not in header and "\t" not in header:
        if len(header) > _LONG:
            marks = header.encode().translate(None, _NO_MARKS)
            count = len(marks) // 3 + 1
            if marks == (b"=; " * count)[:-2]:
                # Each has `=`, `;` and a blank in turn. If the last two are apart, there are fewer pieces.
                pieces = iter(header.replace("; ", "=").split("="))
                for name, value in zip(pieces, pieces, strict=False):
                    found[name] = [value]
                if len(found) == count and "" not in found:
                    return found
                # A name came twice, or is missing.
                found = {}
        text = header.replace("; ", ";")
        if " " not in text:
            # As browsers write it: all blanks are between pairs.
            pairs = text.split(";")
            for pair in pairs:
                name, _, value = pair.partition("=")
                found[name] = [value]
            if len(found) == len(pairs) and "" not in found:
                return found
            found = {}
    for name, value in parse_cookie(header):
        found.setdefault(name, []).append(value)
    return found


def only_value(header: str, name: str) -> str | None:
    """Return the value of a cookie without parsing the others; None if this is not certain, or there is no such cookie.

    It is certain if the name occurs once in the header, as a name, and nothing has to be decoded or removed.
    """
    before, found, after = header.partition(f"{name}=")
    if not found or (before and before[-2:] != "; ") or name in before or name in after or not header.isascii():
        return None
    value = after.partition(";")[0]
    if '"' in value or " " in value or "\t" in value or "=" in name or ";" in name:
        return None
    return value


def _text_of_octets(header: str) -> str:
    """Decode the octets of the header as UTF-8."""
    try:
        octets = header.encode("latin-1")
    except UnicodeEncodeError:
        octets = header.encode(errors="replace")
    return octets.decode(errors="replace")


def _unquoted(value: str) -> str:
    """Return the text between the quotes of a value that begins with one.

    If the value does not end with its only other quote, as in `"a` and `"a" and "b"`, the quotes belong to the value,
    which is returned unchanged.
    """
    inner = value[1:-1]
    bare = _escaped_character.sub("", inner) if "\\" in inner else inner
    is_whole = len(value) > 1 and value[-1] == '"' and '"' not in bare and "\\" not in bare
    return _without_escapes(inner) if is_whole else value


_escaped_character = lazy_pattern(r"\\.", re.DOTALL)
_escape = lazy_pattern(rb"\\([0-3][0-7][0-7]|.)", re.DOTALL)


def _without_escapes(inner: str) -> str:
    """Resolve escapes: octal digits are an octet, other escaped characters stand for themselves."""
    if "\\" not in inner:
        return inner
    return _escape.sub(_unescaped, inner.encode()).decode(errors="replace")


def _unescaped(match: re.Match[bytes]) -> bytes:
    octet = match[1]
    return octet if len(octet) == 1 else bytes((int(octet, 8),))
