"""Format dates for HTTP headers (IMF-fixdate, RFC 9110 section 5.6.7).

Every cookie with a lifetime needs it, so it is faster than Werkzeug's function.
"""

from __future__ import annotations

import time
import typing as t
from datetime import date, datetime, timezone
from functools import lru_cache

# The zones that are written as they are: none is read as UTC.
_IN_UTC = (None, timezone.utc)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def simple_http_date(moment: date) -> str | None:
    """Format a date or a datetime in UTC for HTTP; return None for a subclass or another time zone."""
    if type(moment) is date:
        clock = "00:00:00"
    elif isinstance(moment, datetime) and type(moment) is datetime and moment.tzinfo in _IN_UTC:
        clock = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    else:
        return None
    return f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month]} {moment.year:04d} {clock} GMT"


def http_date(moment: datetime | date | float | time.struct_time) -> str:
    """Format a date for HTTP: ``Sun, 06 Nov 1994 08:49:37 GMT``.

    Args:
        moment: Seconds since 1970, a datetime (UTC if it has no time zone), a date (its midnight in UTC), or a
            struct_time (in local time, as `time.localtime` returns it).

    Raises:
        ValueError: If the year is not between 1 and 9999.
    """
    try:
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
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month]
    clock = f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}"
    return f"{day}, {moment.day:02d} {month} {moment.year:04d} {clock} GMT"


#: The same for moments that come again: the current second, or when a file was changed.
remembered_http_date: t.Callable[[float], str] = lru_cache(maxsize=512)(http_date)
