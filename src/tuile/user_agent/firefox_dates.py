"""Parse the `Expires` dates of Set-Cookie lines as Firefox does.

Firefox reads them with the parser that it has for all dates, which needs a month, a day and a year, and takes time
zones and PM into account. Source: PR_ParseTimeString in nsprpub/pr/src/misc/prtime.c, called by GetExpiry in
netwerk/cookie/CookieParser.cpp; read on 2026-11-28, and compared with Firefox ESR 153 by tests/browser.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timedelta, timezone

from .dates import EARLIEST, LATEST, MONTHS

# The offsets of zones from UTC, in minutes. Summer time counts.
_ZONES = {
    "pst": -480,
    "pdt": -420,
    "mst": -420,
    "mdt": -360,
    "cst": -360,
    "cdt": -300,
    "est": -300,
    "edt": -240,
    "ast": -240,
    "nst": -210,
    "gmt": 0,
    "bst": 60,
    "met": 60,
    "eet": 120,
    "jst": 540,
}
_LATEST_YEAR = 32767
_MOST_FIELDS = 1000

_digits = re.compile(r"[0-9]*").match
_clock = re.compile(r"([0-9]{1,2}):([0-9]{1,2})(?![0-9])(?::?([0-9]{1,2})(?![0-9])|:?(?![0-9]))").match
_pm = re.compile(r"[ \t]*([ap])m", re.IGNORECASE).match
_three = re.compile(r"([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4,5}|[0-9]{1,2})(?![0-9A-Za-z])").match
_offset = re.compile(r"([0-9]{1,2})([0-9]{2})?(?![0-9])").match
_rest_of_field = re.compile(r"[^ \t,;\-+/()\[\]]*").match
_between = re.compile(r"[ \t,;/()\[\]]*").match


class _Fields:
    """The fields of a date that were found so far, and where the next one begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.clock: tuple[int, int, int] | None = None
        self.day: int | None = None
        self.month: int | None = None
        self.year: int | None = None
        self.zone: int | None = None
        self.offset: int | None = None

    def read(self) -> datetime | None:
        for _ in range(_MOST_FIELDS):
            if self.position >= len(self.text):
                return self._moment()
            first = self.text[self.position]
            if first in "+-":
                self._take_offset(first)
            elif first in "0123456789":
                self._take_number()
            else:
                self._take_word()
            self._skip()
        return None

    def _take_word(self) -> None:
        word = self.text[self.position : self.position + 3].lower()
        if self.month is None and word in MONTHS:
            self.month = MONTHS[word]
        elif self.zone is None and word in _ZONES:
            self.zone = _ZONES[word]
        elif self.zone is None and word[:2] == "ut" and not ("a" <= word[2:] <= "z"):
            self.zone = 0

    def _take_offset(self, sign: str) -> None:
        """Take an offset from GMT, in hours or in hours and minutes."""
        self.position += 1
        if self.offset is not None or self.zone:
            return
        length = len(_matched(_digits, self.text, self.position))
        found = _offset(self.text, self.position)
        if found is None or length not in {1, 2, 4}:
            return
        minutes = int(found[1]) * 60 + int(found[2] or 0)
        self.offset, self.zone = minutes if sign == "+" else -minutes, 0

    def _take_number(self) -> None:
        digits = _matched(_digits, self.text, self.position)
        end = self.position + len(digits)
        after, following = self.text[end : end + 1], self.text[end + 1 : end + 2]
        if after == ":":
            self._take_clock()
        elif after in {"/", "-"} and following.isascii() and following.isdigit():
            self._take_three()
        elif after.isascii() and after.isalpha():
            pass
        elif len(digits) in {4, 5}:
            self.year = int(digits) if self.year is None else self.year
        elif len(digits) == 2 and self.day is None and int(digits) < 32:
            self.day = int(digits)
        elif len(digits) == 2:
            self.year = _full_year(int(digits)) if self.year is None else self.year
        elif len(digits) == 1:
            self.day = int(digits) if self.day is None else self.day

    def _take_clock(self) -> None:
        found = None if self.clock is not None else _clock(self.text, self.position)
        if found is None:
            # The rest of the field is skipped, but not what follows a colon.
            self.position = self.text.index(":", self.position) + 1
            return
        hour, minute = int(found[1]), int(found[2])
        second = _without_seconds(self.text[found.end() : found.end() + 1]) if found[3] is None else int(found[3])
        half = _pm(self.text, found.end())
        if hour <= 12 and half and half[1] in "pP":
            hour = 12 if hour == 12 else hour + 12
        elif hour == 12 and half:
            hour = 0
        self.clock = hour, minute, second
        self.position = found.end()

    def _take_three(self) -> None:
        """Take three numbers: year, month, day; or day, month, year; or month, day, year."""
        found = None if self.month is not None else _three(self.text, self.position)
        if found is None:
            return
        first, second, third = map(int, found.groups())
        if first > 31 or first == 0:
            if second > 12 or third > 31:
                return
            self.year, self.month, self.day = _full_year(first), second, third
        elif first <= 12 or second <= 12:
            month_first = first <= 12
            self.month, self.day = (first, second) if month_first else (second, first)
            self.year = _full_year(third)
        self.position = found.end()

    def _skip(self) -> None:
        """Go to the next field."""
        self.position += len(_matched(_rest_of_field, self.text, self.position))
        while True:
            self.position += len(_matched(_between, self.text, self.position))
            before, here = self.text[self.position - 1 : self.position], self.text[self.position : self.position + 2]
            dash_after_word = self.position > 0 and before.isascii() and before.isalpha() and self.year is None
            if here[:1] != "-" or not (dash_after_word or not ("0" <= here[1:] <= "9")):
                return
            self.position += 1

    def _moment(self) -> datetime | None:
        if self.month is None or self.day is None or self.year is None or self.year > _LATEST_YEAR:
            return None
        hour, minute, second = self.clock or (0, 0, 0)
        years, month = divmod(self.month - 1, 12)
        year = self.year + years
        if year < 2:
            return EARLIEST
        if year > 9990:
            return LATEST
        offset = self.zone or 0 if self.offset is None else self.offset
        # A day that the month has not is one of the next month, and so on.
        after = timedelta(days=self.day - 1, hours=hour, minutes=minute - offset, seconds=second)
        return datetime(year, month + 1, 1, tzinfo=timezone.utc) + after


def _matched(pattern: t.Callable[[str, int], re.Match[str] | None], text: str, position: int) -> str:
    found = pattern(text, position)
    return found[0] if found else ""


def _without_seconds(following: str) -> int:
    """Return the seconds of a time that has none: Firefox takes the character after it for a digit."""
    return 0 if following == "/" else (ord(following) if following else 0) - ord("0")


def _full_year(year: int) -> int:
    if year < 70:
        return year + 2000
    return year + 1900 if year < 100 else year


def read_firefox_date(text: str) -> datetime | None:
    """Parse a cookie-date as Firefox does; return None if it is not a date."""
    return _Fields(text).read()
