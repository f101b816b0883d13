"""`Response.set_cookie`: write a Set-Cookie line in as few steps as its arguments allow, and add it to the headers."""

from __future__ import annotations

import time
import typing as t
from math import floor

from ..ctx.app_context import current_value
from ..http.headers import COMPARED, OTHER_THAN_COOKIES, CookieLines
from ..lazy import late_modules

if t.TYPE_CHECKING:
    from datetime import datetime, timedelta

    from ..ctx import cookie_defaults, warning_places
    from ..http import cookies
    from ..http.cookies import SameSite
    from .response import Response
else:
    cookie_defaults, warning_places, cookies = late_modules(
        __name__, "..ctx.cookie_defaults", "..ctx.warning_places", "..http.cookies"
    )


# `None` is compared one by one: `a is b is None` takes twice as many steps. Calls for parts would be half of the work.
def set_cookie(  # noqa: C901 - as above
    self: Response,
    key: str,
    value: str = "",
    max_age: timedelta | int | None = None,
    expires: str | datetime | float | None = None,
    path: str | None = "/",
    domain: str | None = None,
    secure: bool = False,
    httponly: bool = False,
    samesite: SameSite | None = None,
    partitioned: bool = False,
) -> None:
    """Set a cookie, replacing one that this response already sets with the same name, domain and path.

    Args:
        self: The response.
        key: The name.
        value: The text.
        max_age: The lifetime in seconds; None: until the browser is closed.
        expires: The end of the lifetime: a datetime (UTC if it has no time zone), seconds since 1970, or the
            finished text.
        path: Send the cookie for URLs below this path.
        domain: Send the cookie to this host and those below it, instead of only to the host that sets it.
        secure: Send the cookie over HTTPS only.
        httponly: Hide the cookie from scripts.
        samesite: `Strict`, `Lax` or `None`.
        partitioned: Store the cookie separately for each embedding site. Implies `secure`.

    With `COOKIE_DEFAULTS` the cookie is Lax if `samesite` is None, and `secure` over HTTPS.

    Raises:
        CookieSyntaxError: If the name, the path or the domain would end its attribute.
    """
    context = current_value(None)
    if context is None:
        max_size = self.max_cookie_size
    else:
        # No local variable for the settings: tracebacks show them.
        max_size = context.app.config["MAX_COOKIE_SIZE"] if self._asks_config else self.max_cookie_size
        if context.app.config.get("COOKIE_DEFAULTS") is not None:
            secure, samesite = cookie_defaults.with_defaults(context.app, secure, samesite, partitioned)
    line, given, second = None, None, 0
    name: str | None = key
    if type(value) is str and type(key) is str and key in cookies.quick_names:
        short = len(value) < cookies.SHORT and value.isascii() and (value.isidentifier() or value.isalnum())
        text = value if short or not value or cookies.plain_value.fullmatch(value) else cookies.quoted(value)
        has_others = domain is not None or samesite is not None or secure or httponly or partitioned
        if max_age is None and expires is None and not has_others and path == "/":
            line = f"{key}={text}; Path=/"
        elif (expires is None or type(expires) is int) and (max_age is None or type(max_age) is int):
            name = key if domain is None and path == "/" else None
            second = floor(time.time()) if expires is None and max_age is not None else 0
            given = max_age, expires, path, domain, not secure, not httponly, samesite, not partitioned
            try:  # the flags in the key are as in `cookies`
                written_at, end = cookies.kept_ends[given]
                line = f"{key}={text}{end}" if written_at == second else None
            except (KeyError, TypeError):  # it was not written before, or cannot be hashed
                pass
    if line is None:
        line = cookies.dump_cookie(key, value, max_age, expires, path, domain, secure, httponly, True, 0, samesite,
                                   partitioned, now=second or time.time())  # fmt: skip
        cookies.keep_end(given, second, line)
        name = line.partition("=")[0] if domain is None and path == "/" else None
    if max_size and len(line) > max_size:
        _warn_of_size(self, key, line, max_size)
    known, pairs = self._cookie_lines, self.headers._list
    if type(known) is not CookieLines:
        if known is None:
            for header, _ in pairs:
                if header not in OTHER_THAN_COOKIES and header.lower() == "set-cookie":
                    break
            else:
                pairs.append(pair := ("Set-Cookie", line))
                self._cookie_lines = pair, len(pairs), name
                return
        known = self._cookie_lines = CookieLines(pairs, known)
    if name is not None and name not in known.by_cookie and len(pairs) <= COMPARED and pairs == known.seen:
        pairs.append(pair := ("Set-Cookie", line))  # what `put` does for one more cookie
        known.seen.append(pair)
        known.by_cookie[name] = pair
    else:
        known.put(self.headers, line, name)


def _warn_of_size(response: Response, key: str, line: str, max_size: int) -> None:
    warning_places.warn_of_size(key, line, max_size)
    response._large_lines = (*response._large_lines, line)


# Tools may show it.
set_cookie.__qualname__ = "Response.set_cookie"
