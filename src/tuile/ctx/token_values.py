"""Check the values and lifetimes of signed and encrypted cookies."""

from __future__ import annotations

import math
import typing as t

from ..exceptions import CookieSyntaxError
from ..http.cookies import _checked, _date, _whole_seconds
from ..user_agent.dates import read_cookie_date

if t.TYPE_CHECKING:
    from datetime import datetime, timedelta

#: The lifetime of tokens that were set without `max_age` and `expires`: the default lifetime of sessions.
TOKEN_LIFE_S = 31 * 24 * 3600


def not_sendable(value: object) -> Exception | None:
    """Return an error for a value that is not text, without showing it; None for text that can be sent."""
    if not isinstance(value, str):
        cure = "Write it as JSON: json.dumps(value)." if isinstance(value, (dict, list)) else "Convert it with str()."
        if value is None:
            cure = "Delete the cookie: cookies.delete(name)."
        return TypeError(f"A cookie's value is a str, not {type(value).__name__}. {cure}")
    try:
        str.encode(value)
    except UnicodeEncodeError as error:
        return CookieSyntaxError(
            f"The cookie's value has half of a surrogate pair at position {error.start} (counted from 0), which is no"
            " character. Leave it out, or encode it, for example with urllib.parse.quote()."
        )
    return None


def check_date(expires: str) -> datetime:
    """Return the date that browsers read from a text.

    Raises:
        CookieSyntaxError: If they cannot read it, and would keep the cookie until they are closed.
    """
    moment = read_cookie_date(_checked("expires", expires))
    if moment is None:
        raise CookieSyntaxError(
            f"The cookie's expires {expires!r} is no date for browsers, which then keep the cookie until they are"
            " closed. Give a datetime, or max_age in seconds."
        )
    return moment


def end_of(max_age: timedelta | int | None, expires: str | datetime | float | None, now: float) -> float:
    """Return when a token ends, in seconds since 1970: when a browser forgets the cookie, or after `TOKEN_LIFE_S`.

    Of the two, `max_age` counts (section 5.7).
    """
    if max_age is not None:
        # Never before the cookie expires in the browser.
        return math.ceil(now + _whole_seconds(max_age))
    if expires is None:
        return math.ceil(now + TOKEN_LIFE_S)
    return check_date(expires if isinstance(expires, str) else _date(expires)).timestamp()
