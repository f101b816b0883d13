"""Parse the `Expires` dates of Set-Cookie lines as the standard (section 5.1.1) and Chromium do."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

if t.TYPE_CHECKING:
    from collections.abc import Callable

EARLIEST = datetime.min.replace(tzinfo=timezone.utc)
LATEST = datetime.max.replace(tzinfo=timezone.utc)

# Colons, digits, letters, control characters and octets beyond ASCII belong to fields; all else separates them.
_fields = re.compile(r"[^\t -/;-@\[-`{-~]+").findall
MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}

# The productions of section 5.1.1: anything but a digit may follow them.
_time = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])").match
_day = re.compile(r"([0-9]{1,2})(?![0-9])").match
_year = re.compile(r"([0-9]{2,4})(?![0-9])").match


class _Date:
    """Collect the fields of a date; None marks a field that has not been found yet."""

    __slots__ = ("clock", "day", "month", "year")

    def __init__(self) -> None:
        self.clock: tuple[int, int, int] | None = None
        self.day: int | None = None
        self.month: int | None = None
        self.year: int | None = None

    def moment(self) -> datetime | None:
        """Return the date, or None if a field is missing or the calendar has no such day."""
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
    """Parse a cookie-date by section 5.1.1; return None if it is not a date.

    The fields may come in any order. The time zone is ignored: the date is always UTC.
    """
    date = _Date()
    for field in _fields(text):
        _take_standard(date, field)
    moment = date.moment()
    return None if moment is None or moment.year < 1601 else moment


def _take_standard(date: _Date, field: str) -> None:
    """Assign the field to the first production of section 5.1.1 that it matches."""
    if date.clock is None and (found := _time(field)):
        date.clock = (int(found[1]), int(found[2]), int(found[3]))
    elif date.day is None and (found := _day(field)):
        date.day = int(found[1])
    elif date.month is None and (month := MONTHS.get(field[:3].lower())):
        date.month = month
    elif date.year is None and (found := _year(field)):
        date.year = int(found[1])


def read_chromium_date(text: str) -> datetime | None:
    """Parse a cookie-date as Chromium does; return None if it is not a date.

    Chromium is stricter than the standard about what may follow the digits of a field (it ignores `10th` and
    `08:04:19Z`) and more lenient about years: they may have one to five digits, and a year before 1601 counts as a
    date in the past.

    Source: the differential test in tests/browser, and net/cookies/cookie_util.cc of Chromium 151; checked with
    Chromium 156 on 2026-11-20.
    """
    date = _Date()
    for field in _fields(text):
        _take_chromium(date, field)
    moment = date.moment()
    return EARLIEST if moment is not None and moment.year < 1601 else moment


def _take_chromium(date: _Date, field: str) -> None:
    """Assign the field to the first of Chromium's productions that it matches."""
    if not "0" <= field[0] <= "9":
        date.month = date.month or MONTHS.get(field[:3].lower())
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
