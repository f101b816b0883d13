"""The texts of UUIDs and moments, which take 7,000 instructions each to make."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

_MOST_KEPT = 512
#: The texts of UUIDs by their numbers.
uuid_texts: dict[int, str] = {}
#: The texts of dates, and of moments without a time zone as they stand in a query: a plus stands for the space.
moment_texts: dict[date, str] = {}


def uuid_text(value: UUID) -> str:
    """Return the text of a UUID of the class itself, and keep it."""
    text = str(value)
    if len(uuid_texts) >= _MOST_KEPT:
        uuid_texts.clear()
    uuid_texts[value.int] = text
    return text


def moment_text(value: date) -> str:
    """Return the text of a date or a moment without a time zone, of the classes themselves, and keep it."""
    text = str(value).replace(" ", "+")
    if len(moment_texts) >= _MOST_KEPT:
        moment_texts.clear()
    moment_texts[value] = text
    return text
