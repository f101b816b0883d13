"""When a session that is read well is over all the same: how old it may be, and what the application says.

What must live here: the beginning of a session, `SESSION_ABSOLUTE`, and asking `app.session_refused`. What must not:
how long a cookie is good that is not used (`signed`), and how a session is kept.
"""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from ..keys.tokens import CLOCK_SKEW_S, encoded
from .interface import CREATED_KEY, HANDLE_KEY, RefusesSessions, begin, is_moment, new_handle

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..keys.secret import Secret
    from .interface import SecureCookieSession, SessionMixin

#: What an app answers about a session that nobody has asked it about.
REFUSES_NONE: t.Final = RefusesSessions.session_refused
_HANDLE_BYTES = 16


def is_over(app: Flask, session: SecureCookieSession, token: Secret, signed: int | None) -> bool:
    """Answer whether a session has ended although its token is good."""
    absolute_s = absolute_seconds(app)
    asked = can_be_refused(app)
    if not session or (absolute_s is None and not asked):
        return False
    now = time.time()
    created: t.Any = session.get(CREATED_KEY)
    if not (is_moment(created) and isinstance(session.get(HANDLE_KEY), str)):
        # From before it was asked for. It is not younger than its cookie, and all copies of that are one session.
        modified = session.modified
        if not is_moment(created):
            created = int(now) if signed is None else signed
        begin(session, created, encoded(sha256(token.octets).digest()[:_HANDLE_BYTES]))
        session.modified = modified
    if absolute_s is not None and not -CLOCK_SKEW_S <= now - created <= absolute_s:
        return True
    return asked and bool(app.session_refused(session))


def note_beginning(app: Flask, session: SessionMixin, expires: datetime | None) -> datetime | None:
    """Note in a session when it began, if that is not there yet; return when its cookie ends."""
    if not (is_moment(session.get(CREATED_KEY)) and isinstance(session.get(HANDLE_KEY), str)):
        begin(session, int(time.time()), new_handle())
    absolute_s = absolute_seconds(app)
    if absolute_s is None or expires is None:
        return expires
    return min(expires, datetime.fromtimestamp(session[CREATED_KEY] + absolute_s, timezone.utc))


def absolute_seconds(app: Flask) -> float | None:
    """Return after how many seconds from its beginning a session ends (`SESSION_ABSOLUTE`); None for never.

    Raises:
        TypeError: it is no length of time.
        ValueError: it is not positive.
    """
    setting = app.config.get("SESSION_ABSOLUTE")
    if setting is None:
        return None
    seconds = setting.total_seconds() if isinstance(setting, timedelta) else setting
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        message = f"SESSION_ABSOLUTE is a timedelta or a number of seconds, not {type(setting).__name__}."
        raise TypeError(message)
    if not 0 < seconds < 2**36:
        message = f"SESSION_ABSOLUTE is {setting!r}: give how long a session lasts at most, from its beginning."
        raise ValueError(message)
    return seconds


def can_be_refused(app: Flask) -> bool:
    """Answer whether an app has its own word on which sessions have ended."""
    return type(app).session_refused is not REFUSES_NONE or "session_refused" in app.__dict__
