"""The texts of UUIDs, which take 7,000 instructions each to make."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from uuid import UUID

_MOST_KEPT = 512
#: The texts by the numbers.
uuid_texts: dict[int, str] = {}


def uuid_text(value: UUID) -> str:
    """Return the text of a UUID of the class itself, and keep it."""
    text = str(value)
    if len(uuid_texts) >= _MOST_KEPT:
        uuid_texts.clear()
    uuid_texts[value.int] = text
    return text
