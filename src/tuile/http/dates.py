"""Format and parse dates of HTTP headers (IMF-fixdate, RFC 9110 section 5.6.7).

Every cookie with a lifetime needs it, so it is faster than Werkzeug's function.
"""

from __future__ import annotations

import time
import typing as t
from datetime import date, datetime, timezone
from functools import lru_cache

from werkzeug.http import http_date as werkzeugs_http_date
from werkzeug.http import parse_date

_UTC = timezone.utc
_EPOCH = date(1970, 1, 1).toordinal()
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


# Formatting each number with `:02d` takes longer than all the rest.
_TWO_DIGITS = tuple(map("{:02d}".format, range(60)))


@lru_cache(maxsize=256)
def _day(ordinal: int) -> str:
    """Format the day with this proleptic Gregorian ordinal."""
    day = date.fromordinal(ordinal)
    return f"{_DAYS[day.weekday()]}, {_TWO_DIGITS[day.day]} {_MONTHS[day.month]} {day.year:04d}"


def dump_date(moment: date) -> str:
    """Format a date or a datetime for HTTP as Werkzeug's `http_date` does, faster if it is in UTC."""
    if type(moment) is date:
        return f"{_day(moment.toordinal())} 00:00:00 GMT"
    if isinstance(moment, datetime) and type(moment) is datetime and ((zone := moment.tzinfo) is None or zone is _UTC):
        return _written(moment)
    return werkzeugs_http_date(moment)


def _written(moment: datetime) -> str:
    """Format a datetime in UTC."""
    two = _TWO_DIGITS
    return f"{_day(moment.toordinal())} {two[moment.hour]}:{two[moment.minute]}:{two[moment.second]} GMT"


def http_date(moment: datetime | date | float | time.struct_time) -> str:
    """Format a date for HTTP: ``Sun, 06 Nov 1994 08:49:37 GMT``.

    Args:
        moment: Seconds since 1970, a datetime (UTC if it has no time zone), a date (its midnight in UTC), or a
            struct_time (in local time, as `time.localtime` returns it).

    Raises:
        ValueError: If the year is not between 1 and 9999.
    """
    if type(moment) is datetime and moment.tzinfo is _UTC:
        return _written(moment)
    try:
        if type(moment) is int:
            days, seconds = divmod(moment, 86400)
            minutes, seconds = divmod(seconds, 60)
            hours, minutes = divmod(minutes, 60)
            two = _TWO_DIGITS
            return f"{_day(_EPOCH + days)} {two[hours]}:{two[minutes]}:{two[seconds]} GMT"
        if isinstance(moment, time.struct_time):
            moment = time.mktime(moment)
        if not isinstance(moment, date):
            moment = datetime.fromtimestamp(moment, timezone.utc)
        elif not isinstance(moment, datetime):
            moment = datetime(moment.year, moment.month, moment.day, tzinfo=timezone.utc)
        elif moment.tzinfo is not None:
            moment = moment.astimezone(timezone.utc)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"The moment {moment!r} is not within the years 1 to 9999.") from None
    except TypeError:
        raise TypeError(
            f"A moment is a datetime, a date or a number of seconds, not {type(moment).__name__}: {moment!r}."
        ) from None
    return _written(moment)


_MONTH_NUMBERS = {name: number for number, name in enumerate(_MONTHS) if name}
_WEEKDAYS = frozenset(f"{name}," for name in _DAYS)


# Clients choose the texts, which are 16 characters long: few are kept.
@lru_cache(maxsize=256)
def _day_in(text: str) -> str | None:
    """Return the day that a date begins with as ISO 8601 has it; None unless it is written as `http_date` does."""
    pieces = text.split(" ")
    weekday, day, month, year = pieces if len(pieces) == 4 else ("", "", "", "")
    is_plain = len(day) == 2 and len(year) == 4 and year[0] != "0" and f"{day}{year}".isascii()
    if weekday not in _WEEKDAYS or month not in _MONTH_NUMBERS or not (is_plain and f"{day}{year}".isdigit()):
        return None
    return f"{year}-{_MONTH_NUMBERS[month]:02d}-{day}"


def load_date(text: str) -> datetime | None:
    """Parse a date as Werkzeug's `parse_date` does, faster in the form that `http_date` writes."""
    if (
        type(text) is str
        and len(text) == 29
        and text[16] == " "
        and text[19] == ":" == text[22]
        and text[25:] == " GMT"
    ):
        day, clock = _day_in(text[:16]), text[17:25]
        # Some versions of Python read 24:00:00 as the next day.
        if day is not None and clock < "24":
            try:
                return datetime.fromisoformat(f"{day} {clock}+00:00")
            except ValueError:  # there is no such moment
                pass
    return parse_date(text)


#: The same as `http_date` for moments that come again: the current second, or when a file was changed.
remembered_http_date: t.Callable[[float], str] = lru_cache(maxsize=512)(http_date)
