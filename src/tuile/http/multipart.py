"""Parse `multipart/form-data` bodies that are in memory and have the form that browsers and HTTP clients write.

The parser returns a result only if Werkzeug's parser certainly returns the same. It leaves the rest to Werkzeug: other
line breaks, preambles, folded headers, escapes, other character sets, malformed bodies.
"""

from __future__ import annotations

import re
import typing as t

from werkzeug.http import parse_options_header

from ..lazy import lazy_pattern

#: The name, the filename (None for a field), the headers as sent, and the start and end of the content.
Part: t.TypeAlias = tuple[str, "str | None", bytes, int, int]

# A token or a quoted string without escapes.
_QUOTED = r"[\w'()+,./:=? -]{0,99}[\w'()+,./:=?-]"
_boundary_pattern = lazy_pattern(
    rf"""multipart/form-data;[ \t]*boundary=(?:([\w'+.-]{{1,100}})|"({_QUOTED})")""", re.ASCII | re.IGNORECASE
)
_plain_boundary = lazy_pattern(_QUOTED, re.ASCII)
# The headers of a part, from the line break after the boundary to the empty line, as browsers and HTTP clients write
# them. A pattern for any case is slower.
_headers_pattern = lazy_pattern(
    rb"\r\n"
    rb'(Content-Disposition: form-data; name="([^"\\\r\n]*)"(?:; filename="([^"\\\r\n]*)")?'
    rb"((?:\r\n[A-Za-z][A-Za-z0-9-]*:[^\r\n]*)*))"
    rb"\r\n\r\n"
)
# The same with whatever else there is in the first header: another case, escapes, an encoded name, another order.
_other_headers_pattern = lazy_pattern(
    rb"\r\n(Content-Disposition:[ \t]*([^\r\n]*)((?:\r\n[A-Za-z][A-Za-z0-9-]*:[^\r\n]*)*))\r\n\r\n", re.IGNORECASE
)
#: Parts with longer headers are left to Werkzeug.
_LONGEST_HEADERS: t.Final = 8192
# The size of the pieces that Werkzeug's parser reads. It refuses a piece that exceeds the memory limit.
_PIECE: t.Final = 64 * 1024


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary in a Content-Type header; None to leave it to Werkzeug."""
    found = _boundary_pattern.fullmatch(content_type)
    return None if found is None else (found[1] or found[2]).encode()


def plain_boundary(text: str | None) -> bytes | None:
    """Return the boundary from the options of a parsed Content-Type header; None to leave it to Werkzeug."""
    return None if text is None or _plain_boundary.fullmatch(text) is None else text.encode()


def parse_multipart(  # noqa: C901 - one look at each part, without calls
    body: bytes, boundary: bytes, most_memory: int | None, most_parts: int | None
) -> list[Part] | None:
    """Return the parts of a body in order; None to leave it to Werkzeug's parser.

    Args:
        body: The whole body.
        boundary: The boundary, without the hyphens in front of it.
        most_memory: The maximum size of a field, and of all data in memory, in bytes.
        most_parts: The maximum number of parts.
    """
    delimiter = b"--" + boundary
    # Werkzeug's client begins with a line break.
    position = len(delimiter) + (2 if body.startswith(b"\r\n") else 0)
    if not body.startswith(delimiter, position - len(delimiter)):
        return None
    if most_memory is not None and most_memory < len(body) and most_memory < 2 * _PIECE:
        return None
    match, find, width, size = _headers_pattern.match, body.find, len(delimiter), len(body)
    parts: list[Part] = []
    while True:
        usual = match(body, position)
        if usual is None and size - position <= 4 and body[position:] in _ENDS:
            return parts
        head = usual or _other_headers_pattern.match(body, position)
        if head is None:
            return None
        start = head.end()
        end = find(delimiter, start) - 2
        if end < start or not body.startswith(b"\r\n", end) or start - position > _LONGEST_HEADERS:
            return None
        try:
            if usual is not None:
                headers, name, named, others = head.groups()
                shown = name.decode()
                filename = None if named is None else named.decode().replace("%22", '"')
                if "%22" in shown:
                    shown = shown.replace("%22", '"')
            else:
                headers, disposition, others = head.groups()
                _, options = parse_options_header(disposition.decode())
                if "name" not in options:
                    return None
                shown, filename = options["name"], options.get("filename")
            if filename is None and (
                (most_memory is not None and end - start > most_memory) or (others and b"charset" in others.lower())
            ):
                return None
            if others:
                others.decode()
        except UnicodeDecodeError:
            return None
        parts.append((shown, filename, headers, start, end))
        if most_parts is not None and len(parts) > most_parts:
            return None
        position = end + 2 + width


_ENDS = frozenset({b"--", b"--\r\n"})


def header_pairs(headers: bytes) -> list[tuple[str, str]]:
    """Return the names and values of the headers of a part."""
    pairs = []
    for line in headers.decode().split("\r\n"):
        name, _, value = line.partition(":")
        pairs.append((name, value.strip(" \t")))
    return pairs
