"""End sessions that are still valid: by `SESSION_ABSOLUTE` or by `app.session_refused`."""

from __future__ import annotations

import time
import typing as t
from datetime import datetime, timedelta, timezone
from hashlib import sha256

from ..keys.tokens import CLOCK_SKEW_S, encode_base64
from .interface import CREATED_KEY, HANDLE_KEY, RefusesSessions, begin, is_moment, new_handle

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..keys.secret import Secret
    from ..sansio.app import App
    from .interface import SecureCookieSession, SessionMixin

#: The default implementation, which refuses no session.
REFUSES_NONE: t.Final = RefusesSessions.session_refused
_HANDLE_BYTES = 16


def is_over(app: Flask, session: SecureCookieSession, token: Secret, signed: int | None) -> bool:
    """Return whether a session has ended although its token is valid."""
    absolute_s = absolute_seconds(app)
    asked = can_be_refused(app)
    if not session or (absolute_s is None and not asked):
        return False
    now = time.time()
    created = session.get(CREATED_KEY)
    if not (is_moment(created) and isinstance(session.get(HANDLE_KEY), str)):
        # The session was written before the app needed these values. It is at least as old as its cookie, and all
        # copies of the cookie are the same session.
        modified = session.modified
        if not is_moment(created):
            created = int(now) if signed is None else signed
        begin(session, created, encode_base64(sha256(token.octets).digest()[:_HANDLE_BYTES]))
        session.modified = modified
    if absolute_s is not None and not -CLOCK_SKEW_S <= now - created <= absolute_s:
        return True
    return asked and bool(app.session_refused(session))


def note_beginning(app: Flask, session: SessionMixin, expires: datetime | None) -> datetime | None:
    """Store the beginning of a session if it is missing, and return when its cookie expires."""
    if not (is_moment(session.get(CREATED_KEY)) and isinstance(session.get(HANDLE_KEY), str)):
        begin(session, int(time.time()), new_handle())
    absolute_s = absolute_seconds(app)
    if absolute_s is None or expires is None:
        return expires
    return min(expires, datetime.fromtimestamp(session[CREATED_KEY] + absolute_s, timezone.utc))


def absolute_seconds(app: App) -> float | None:
    """Return the maximum age of a session in seconds from its beginning (`SESSION_ABSOLUTE`); None for no limit.

    Raises:
        TypeError: If it is neither a timedelta nor a number.
        ValueError: If it is not positive.
    """
    setting = app.config.get("SESSION_ABSOLUTE")
    if setting is None:
        return None
    seconds = setting.total_seconds() if isinstance(setting, timedelta) else setting
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        message = f"SESSION_ABSOLUTE must be a timedelta or a number of seconds, not {type(setting).__name__}."
        raise TypeError(message)
    if not 0 < seconds < 2**36:
        message = f"SESSION_ABSOLUTE must be positive, not {setting!r}: it is the maximum age of a session."
        raise ValueError(message)
    return seconds


def can_be_refused(app: Flask) -> bool:
    """Return whether an app overrides `session_refused`."""
    return type(app).session_refused is not REFUSES_NONE or "session_refused" in app.__dict__
