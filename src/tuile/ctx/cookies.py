"""Reading and writing cookies within one request, before there is a response.

Floor 2, one request. What must live here: what `cookies` means in a view: the cookies received, with
those written in this request on top, and the same with values that are signed or encrypted. What must not: the
syntax of either header (`cookie_syntax`), what a token looks like (`tokens`), and where the lines end up (the dispatch
puts them on whichever response is sent).
"""

from __future__ import annotations

import math
import time
import typing as t
from collections.abc import Iterator, Mapping

from werkzeug.exceptions import BadRequestKeyError

from ..http.cookies import CookieSyntaxError, _checked, _date, _whole_seconds, cookie_identity, dump_cookie
from ..keys.ring import BadToken
from ..keys.secret import Secret
from ..keys.tokens import ENCRYPTED, SIGNED
from ..keys.xaes import require_cipher
from ..user_agent.dates import read_cookie_date
from .app_context import NO_REQUEST_MESSAGE, current

if t.TYPE_CHECKING:
    from datetime import datetime, timedelta

    from typing_extensions import Self

    from ..keys.ring import KeyRing
    from ..keys.tokens import Reason, Version
    from ..wrappers.request import Request

#: How long `permanent` cookies live: as long as browsers let any live (section 5.5 of the cookie standard).
PERMANENT_S = 400 * 24 * 3600

# The purpose of the keys, whatever the cookie; the cookie's name is bound to its token besides.
_PURPOSE = "cookie"


class Cookies(Mapping[str, str]):
    """The cookies of one request: a mapping to read, and `set` and `delete` to write.

    A read sees what this request has already written. What was written goes out with the response that
    is finally sent, an error page too; the last write of a name, domain and path counts.
    """

    # How long a cookie lives when it is set without `max_age` and `expires`; None for the browser's session.
    _life_s: int | None = None

    def __init__(self, request: Request) -> None:
        self._received = request.cookies
        self._written: dict[str, str | None] = {}
        self._lines: dict[tuple[str, str, str], str] = {}

    def __getitem__(self, name: str) -> str:
        if name in self._written:
            value = self._written[name]
            if value is None:
                raise BadRequestKeyError(name)
            return value
        return self._received[name]

    def __iter__(self) -> Iterator[str]:
        for name in self._received:
            if name not in self._written:
                yield name
        for name, value in self._written.items():
            if value is not None:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        if name in self._written:
            return self._written[name] is not None
        return name in self._received

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict(self)!r}>"

    @property
    def signed(self) -> TokenCookies:
        """The cookies with values that browsers can read and not change."""
        return self._seen_as(TokenCookies, _version=SIGNED)

    @property
    def encrypted(self) -> TokenCookies:
        """The cookies with values that browsers can neither read nor change; `pip install "tuile[crypto]"`."""
        return self._seen_as(TokenCookies, _version=ENCRYPTED)

    @property
    def permanent(self) -> Self:
        """The same cookies, set for 400 days where neither `max_age` nor `expires` is given."""
        return self._seen_as(type(self), _life_s=PERMANENT_S)

    def _seen_as(self, view: type[View], **different: t.Any) -> View:
        """Return another view of the same cookies: what is written to one can be read from all."""
        seen = view.__new__(view)
        vars(seen).update(vars(self), **different)
        return seen

    def set(
        self,
        name: str,
        value: str = "",
        *,
        max_age: timedelta | int | None = None,
        expires: str | datetime | float | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie on the response to come; the parameters are those of `Response.set_cookie`.

        Raises:
            CookieSyntaxError: the name, the path or the domain would break out of its place.
        """
        context = current.get(None)
        now = time.time()
        if max_age is None and expires is None:
            max_age = self._life_s
        try:
            value = self._as_sent(name, value, max_age, expires, now)
        except Exception:
            value = ""  # what raises shows its variables, and this one was to be hidden
            raise
        line = dump_cookie(
            name,
            value=value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            max_size=4093 if context is None else context.app.config["MAX_COOKIE_SIZE"],
            samesite=samesite,
            partitioned=partitioned,
            now=now,
        )
        self._write(name, value, line)

    def delete(
        self,
        name: str,
        *,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = None,
        partitioned: bool = False,
    ) -> None:
        """Delete a cookie; `path` and `domain` must be those it was set with, or the browser keeps it."""
        line = dump_cookie(
            name,
            max_age=0,
            expires=0,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
            partitioned=partitioned,
            now=time.time(),
        )
        self._write(name, None, line)

    def _as_sent(
        self,
        name: str,
        value: str,
        max_age: timedelta | int | None,
        expires: str | datetime | float | None,
        now: float,
    ) -> str:
        """Return what the cookie's value is on the wire."""
        return value

    def _write(self, name: str, value: str | None, line: str) -> None:
        identity = cookie_identity(line)
        self._lines.pop(identity, None)
        self._lines[identity] = line
        self._written[name] = value

    def lines(self) -> list[str]:
        """Return the Set-Cookie lines written in this request, in order."""
        return list(self._lines.values())


View = t.TypeVar("View", bound=Cookies)


class TokenCookies(Cookies):
    """The cookies whose values are tokens of this app's keys: `cookies.signed` and `cookies.encrypted`.

    What is read is what was set: under this name, with one of the keys of `app.keyring`, not ended. Any other cookie,
    tampered with or not, is not there, and `reason` says why. Reading and writing raise a RuntimeError without a
    `SECRET_KEY`, and `encrypted` without the package cryptography.
    """

    _version: Version

    def __getitem__(self, name: str) -> str:
        try:
            return self._opened(name)
        except BadToken as error:
            raise BadRequestKeyError(name) from error

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if self.reason(name) is None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.reason(name) is None

    def __repr__(self) -> str:
        # Without the values: what is encrypted is not for a log.
        return f"<{type(self).__name__} {'encrypted' if self._version == ENCRYPTED else 'signed'}>"

    def reason(self, name: str) -> Reason | None:
        """Return why the cookie cannot be read: `"missing"`, `"expired"`, `"tampered"`, ...; None if it can be.

        Log it, or tell a person whose preference is gone; do not tell a client more than that the cookie is not good.
        """
        try:
            self._opened(name)
        except BadToken as error:
            return error.reason
        return None

    def _opened(self, name: str) -> str:
        ring = _ring()
        if self._version == ENCRYPTED:
            # At the first reading, not only when a visitor comes back with such a cookie.
            require_cipher()
        if not super().__contains__(name):
            raise BadToken(f"There is no cookie {name!r}.", "missing")
        token = super().__getitem__(name)
        opening = ring.decrypt if self._version == ENCRYPTED else ring.verify
        return opening(_PURPOSE, token, now=time.time(), name=name).value

    def _as_sent(
        self,
        name: str,
        value: str,
        max_age: timedelta | int | None,
        expires: str | datetime | float | None,
        now: float,
    ) -> str:
        problem = _not_sendable(value)
        if problem is not None:
            del value  # what raises shows its variables
            raise problem
        name = _checked("name", name)
        content, end = Secret(str.encode(value)), _end(max_age, expires, now)
        del value
        making = _ring().encrypt if self._version == ENCRYPTED else _ring().sign
        return making(_PURPOSE, content, now=now, name=name, expires=end)


def _not_sendable(value: object) -> Exception | None:
    """Return the error for a value that is not text, which does not show it; None for text that can be sent."""
    if not isinstance(value, str):
        return TypeError(f"A cookie's value is a str, not {type(value).__name__}. Convert it with str().")
    try:
        str.encode(value)
    except UnicodeEncodeError as error:
        where = error.start
        return CookieSyntaxError(
            f"The cookie's value has half of a surrogate pair at position {where} (counted from 0), which is no"
            " character. Leave it out, or encode it, for example with urllib.parse.quote()."
        )
    return None


def _ring() -> KeyRing:
    context = current.get(None)
    if context is None:
        raise RuntimeError(NO_REQUEST_MESSAGE)
    ring: KeyRing = context.app.keyring
    return ring


def _end(max_age: timedelta | int | None, expires: str | datetime | float | None, now: float) -> float | None:
    """When a browser forgets the cookie, in seconds since 1970; None when it is closed.

    Of the two, `max_age` counts (section 5.7). A date that is none counts for nothing, as in a browser.
    """
    if max_age is not None:
        # Never before the browser does.
        return math.ceil(now + _whole_seconds(max_age))
    if expires is None:
        return None
    moment = read_cookie_date(expires if isinstance(expires, str) else _date(expires))
    return None if moment is None else moment.timestamp()
