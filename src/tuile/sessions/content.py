"""The content of a session at rest: for each key, the JSON text of its value.

It is stored as one text, in which each key has a line, and each line ends where the next one begins: a key as JSON, a
colon, and the text of its value, between line breaks. JSON needs none itself. So all values can be read at once,
because the lines are the members of a JSON object; and a value can be replaced without looking at the others.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Returns a key as JSON in ASCII, so that it is always written in the same way.
quoted_key: Callable[[str], str] = json.encoder.encode_basestring_ascii
# Returns the string of JSON that begins before a position, and where it ends.
_string_at: Callable[[str, int], tuple[str, int]] = vars(json.decoder)["scanstring"]

#: Fewer keys than these are looked up, and replaced, one by one.
FEW: t.Final = 8
#: What is stored of a content without keys.
NO_LINES: t.Final = "\n"


class Content(Mapping[str, str]):
    """The content of a session, as it is stored. It does not change.

    Args:
        lines: The stored text.
    """

    __slots__ = ("_by_key", "lines")
    _by_key: dict[str, str]

    def __init__(self, lines: str) -> None:
        self.lines = lines

    def __getitem__(self, key: str) -> str:
        return self._texts()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts())

    def __len__(self) -> int:
        return len(self._texts())

    def __bool__(self) -> bool:
        return self.lines != NO_LINES

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Content) and self.lines == other.lines:
            return True
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(frozenset(self.items()))

    def __repr__(self) -> str:
        # Not the values: they may be secret, and this ends in logs.
        return f"<{type(self).__name__} with {len(self)} keys>"

    def _texts(self) -> dict[str, str]:
        try:
            return self._by_key
        except AttributeError:  # most are never taken apart
            self._by_key = _read(self.lines)
            return self._by_key


def text_in(lines: str, key: str) -> str | None:
    """Return the text of a key in a stored text; None if there is none. It does not read the others."""
    _, found, rest = lines.partition(f"\n{quoted_key(key)}:")
    return rest.partition("\n")[0] if found else None


def with_text(lines: str, key: str, text: str | None) -> str:
    """Return a stored text with another text for a key, or without the key."""
    start = f"{quoted_key(key)}:"
    before, found, rest = lines.partition(f"\n{start}")
    after = rest.partition("\n")[2] if found else ""
    line = "" if text is None else f"{start}{on_one_line(text)}\n"
    return f"{before}\n{line}{after}" if found else f"{before}{line}"


def with_put(lines: str, key: str, base: str | None, text: str) -> str | None:
    """Return a stored text with another text for a key; None if what is there now is not `base`, or not known to be."""
    start = f"\n{quoted_key(key)}:"
    if "\n" in text or not text.isascii():
        return None
    if base is None:
        return None if start in lines else f"{lines}{start[1:]}{text}\n"
    changed = lines.replace(f"{start}{base}\n", f"{start}{text}\n", 1)
    return None if changed == lines else changed


def key_in(quoted: str) -> str:
    """Return a key that is written as JSON."""
    return _string_at(quoted, 1)[0]


def lines_of(data: Mapping[str, str]) -> str:
    """Return the text that is stored of a content."""
    if type(data) is Content:
        return data.lines
    if not data:
        return NO_LINES
    return "\n".join(["", *[f"{quoted_key(key)}:{on_one_line(text)}" for key, text in data.items()], ""])


def as_content(data: Mapping[str, str]) -> Content:
    """Return a content in its stored form."""
    return data if type(data) is Content else Content(lines_of(data))


def with_texts(data: Mapping[str, str], texts: Mapping[str, str | None]) -> Mapping[str, str]:
    """Return a content with other texts for some keys, or without them."""
    if type(data) is Content and len(texts) < FEW:
        lines = data.lines
        for key, text in texts.items():
            lines = with_text(lines, key, text)
        return Content(lines)
    changed = {**data, **texts}
    return Content(lines_of({key: text for key, text in changed.items() if text is not None}))


def content_in(lines: object) -> Content | None:
    """Return the content that a store has found; None if it was not written by one."""
    return Content(lines) if type(lines) is str and (lines[:2] == '\n"' or lines == NO_LINES) else None


def on_one_line(text: str) -> str:
    """Return a text as it is stored."""
    # An application's own encoder may write line breaks, which JSON allows between values and escapes within them; and
    # halves of surrogate pairs, which databases do not take.
    if "\n" in text:
        text = text.replace("\n", " ")
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def _read(lines: str) -> dict[str, str]:
    """Return the text of each key. What is no line of this form was not written here, and is left out."""
    found: dict[str, str] = {}
    for line in lines.split("\n")[1:-1]:
        try:
            key, end = _string_at(line, 1)
        except ValueError:
            continue
        if line[:1] == '"' and line[end : end + 1] == ":":
            found[key] = line[end + 1 :]
    return found
