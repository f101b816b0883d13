"""Moments as HTTP writes them (IMF-fixdate, RFC 9110 section 5.6.7).

Floor 1, text and bytes: the moment is an argument. What must live here: the one writing of a date for a header that
is not left to Werkzeug, because a cookie with a life needs it each time. What must not: reading dates.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timezone

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def http_date(moment: datetime | date | float | time.struct_time) -> str:
    """The moment as HTTP writes it: ``Sun, 06 Nov 1994 08:49:37 GMT``.

    :param moment: seconds since 1970, a datetime (without a zone: UTC), a date (its midnight, UTC), or a struct_time
        (in the machine's zone, as `time.localtime` returns it).
    :raises ValueError: outside of the years 1 to 9999.
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
