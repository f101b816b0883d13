"""The dates in Set-Cookie lines, as browsers read them (section 5.1.1).

Floor 1, text and bytes: no clock. What must live here: the two readings of a cookie's `Expires` that browsers have,
the standard's and Chromium's. What must not: writing dates (`dates`), and what an expiry does (`jar_rules`).
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

if t.TYPE_CHECKING:
    from collections.abc import Callable

EARLIEST = datetime.min.replace(tzinfo=timezone.utc)
LATEST = datetime.max.replace(tzinfo=timezone.utc)

# Everything between the fields. Colons, digits, letters, control characters and octets beyond ASCII are in them.
_fields = re.compile(r"[^\t -/;-@\[-`{-~]+").findall
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}

# The productions of section 5.1.1. Each is followed by the end or by anything that begins with no digit.
_time = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])").match
_day = re.compile(r"([0-9]{1,2})(?![0-9])").match
_year = re.compile(r"([0-9]{2,4})(?![0-9])").match


class _Date:
    """The fields found so far; None is not found yet."""

    __slots__ = ("clock", "day", "month", "year")

    def __init__(self) -> None:
        self.clock: tuple[int, int, int] | None = None
        self.day: int | None = None
        self.month: int | None = None
        self.year: int | None = None

    def moment(self) -> datetime | None:
        """The moment when all fields were found and the calendar has it."""
        if self.clock is None or self.day is None or self.month is None or self.year is None:
            return None
        year = self.year
        if year <= 99:
            year += 1900 if year >= 70 else 2000
        try:
            return datetime(min(year, 9999), self.month, self.day, *self.clock, tzinfo=timezone.utc)
        except ValueError:
            return None


def read_cookie_date(text: str) -> datetime | None:
    """The moment that a cookie-date stands for, None where it stands for none (section 5.1.1).

    The fields may be in any order. The zone is not looked at: it is UTC.
    """
    date = _Date()
    for field in _fields(text):
        _take_standard(date, field)
    moment = date.moment()
    return None if moment is None or moment.year < 1601 else moment


def _take_standard(date: _Date, field: str) -> None:
    """Give the field to the first production of section 5.1.1 that wants it."""
    if date.clock is None and (found := _time(field)):
        date.clock = (int(found[1]), int(found[2]), int(found[3]))
    elif date.day is None and (found := _day(field)):
        date.day = int(found[1])
    elif date.month is None and (month := _MONTHS.get(field[:3].lower())):
        date.month = month
    elif date.year is None and (found := _year(field)):
        date.year = int(found[1])


def read_chromium_date(text: str) -> datetime | None:
    """The moment that Chromium reads in a cookie-date, None where it reads none.

    Stricter than the standard about what follows the digits of a field (`10th`, `08:04:19Z` are none), and more
    lenient about years: one to five digits, and one before 1601 is a moment in the past. Source: the differential test
    in tests/browser, and net/cookies/cookie_util.cc of Chromium 151; checked with Chromium 156 on 2026-11-20.
    """
    date = _Date()
    for field in _fields(text):
        _take_chromium(date, field)
    moment = date.moment()
    return EARLIEST if moment is not None and moment.year < 1601 else moment


def _take_chromium(date: _Date, field: str) -> None:
    """Give the field to the first of Chromium's that wants it."""
    if not "0" <= field[0] <= "9":
        date.month = date.month or _MONTHS.get(field[:3].lower())
    elif ":" in field:
        parts = field.split(":")
        if date.clock is None and len(parts) == 3 and all(map(_digits, parts)):
            date.clock = (int(parts[0]), int(parts[1]), int(parts[2]))
    elif date.day is None and len(field) <= 2:
        date.day = int(field) if _digits(field) else None
    elif date.year is None and len(field) <= 5 and _digits(field):
        date.year = int(field)


_digits = re.compile(r"[0-9]{1,9}").fullmatch

DateReader: t.TypeAlias = "Callable[[str], datetime | None]"
