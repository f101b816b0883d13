"""The cookies of the current request: the received ones, and those written in this request, which take precedence.

The written lines are added to whichever response is sent, by the steps of the request.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from werkzeug.exceptions import BadRequestKeyError

from ..exceptions import BadToken
from ..http.cookies import SameSite, _checked, _whole_seconds, cookie_identity, dump_cookie
from ..keys.secret import Secret
from ..keys.tokens import ENCRYPTED, SIGNED
from ..keys.xaes import require_cipher
from .app_context import NO_REQUEST_MESSAGE, current_value
from .cookie_defaults import PREFIX, are_secure, host_name, prefixed
from .late_writes import tell
from .not_a_dict import NotADict
from .token_values import check_date, end_of, not_sendable

if t.TYPE_CHECKING:
    from datetime import datetime, timedelta

    from typing_extensions import Self

    from ..app import Flask
    from ..exceptions import Reason
    from ..keys.ring import KeyRing
    from ..keys.tokens import Version
    from ..wrappers.request import Request

#: The lifetime of `permanent` cookies: the longest that browsers allow (section 5.5 of the cookie standard).
PERMANENT_S = 400 * 24 * 3600

#: The maximum number of cookies with one name that are tried. Another host of the site can set any number.
MOST_TRIED = 4


# The default of `samesite`, for which None has a meaning.
UNSET: t.Any = object()
# The purpose of the keys for all cookies. Each token is also bound to the name of its cookie.
_PURPOSE = "cookie"


class Cookies(NotADict, Mapping[str, str]):
    """The cookies of one request: a mapping to read, and `set` and `delete` to write.

    Reading returns what this request has already written. Written cookies are sent with the final response, including
    error pages; the last write for a name, domain and path counts.
    """

    # The lifetime of cookies that are set without `max_age` and `expires`; None for the browser session.
    _life_s: int | None = None

    _is_lax = False  # with `COOKIE_DEFAULTS`: whether SameSite is Lax by default,
    _prefix = ""  # what names begin with over HTTPS,
    _falls_back = True  # and whether a cookie without that is read if there is none with it

    def __init__(self, request: Request, app: Flask | None = None) -> None:
        self._request = request
        if app is not None and app.config.get("COOKIE_DEFAULTS") is not None and are_secure(app):
            self._is_lax, self._prefix = True, PREFIX if request.is_secure else ""
        self._received = request.cookies
        self._written: dict[str, str | None] = {}
        self._lines: dict[tuple[str, str, str], str] = {}
        self._watched: list[bool] = []  # shared by all views: not empty if writes are watched
        self._reads: set[str] = set()  # shared by all views: whether received cookies were read

    _varies = True  # whether reads are recorded
    _withheld: t.Mapping[str, str] = MappingProxyType({})  # names of cookies that were not set, and their categories

    @property
    def depends_on_request(self) -> bool:
        """Whether received cookies were read, so that the response depends on them."""
        return bool(self._reads)

    def unnoted(self) -> Self:
        """Return a view that does not affect `Vary`, for reads that do not change the response."""
        return self._seen_as(type(self), _varies=False)

    def from_this_host(self) -> Self:
        """Return a view without cookies that lack `__Host-` although `COOKIE_DEFAULTS` gives them that prefix."""
        return self._seen_as(type(self), _falls_back=False) if self._prefix else self

    def _received_name(self, name: str) -> str:
        """Return the name that a cookie was received under."""
        sent = prefixed(name) if self._prefix and isinstance(name, str) else name
        return sent if sent in self._received or not self._falls_back else name

    def _note_read(self) -> None:
        if self._varies:
            self._reads.add("Cookie")

    def __getitem__(self, name: str) -> str:
        if name in self._written:
            value = self._written[name]
            if value is None:
                raise BadRequestKeyError(name)
            return value
        self._note_read()
        return self._received[self._received_name(name) if self._prefix else name]

    def candidates(self, name: str) -> list[str]:
        """Return the values of a name: at most four, or the one that was set in this request."""
        if name in self._written:
            return [] if (value := self._written[name]) is None else [value]
        self._note_read()
        return list(self._received.getlist(self._received_name(name))[:MOST_TRIED])

    def _names_of_token(self, name: str) -> tuple[str, ...]:
        """Return the names that a token may be bound to: the one that the cookie was sent with."""
        if not self._prefix or not isinstance(name, str):
            return (name,)
        # What this request has written may have any of them.
        return (prefixed(name), name) if name in self._written else (self._received_name(name),)

    def __iter__(self) -> Iterator[str]:
        self._note_read()
        for name in dict.fromkeys(one.removeprefix(self._prefix) for one in self._received):
            if name not in self._written:
                yield name
        for name, value in self._written.items():
            if value is not None:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        if name in self._written:
            return self._written[name] is not None  # pyright: ignore[reportArgumentType] # it is there
        self._note_read()
        return isinstance(name, str) and self._received_name(name) in self._received

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict(self)!r}>"

    @property
    def signed(self) -> TokenCookies:
        """The cookies with values that browsers can read but not change."""
        return self._seen_as(TokenCookies, _version=SIGNED)

    @property
    def encrypted(self) -> TokenCookies:
        """The cookies with values that browsers can neither read nor change; `pip install "tuile[crypto]"`."""
        return self._seen_as(TokenCookies, _version=ENCRYPTED)

    @property
    def permanent(self) -> Self:
        """The same cookies, set for 400 days if neither `max_age` nor `expires` is given."""
        return self._seen_as(type(self), _life_s=PERMANENT_S)

    def _seen_as(self, view: type[View], **different: object) -> View:
        """Return another view of the same cookies. All views share what is written."""
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
        secure: bool | None = None,
        httponly: bool | None = None,
        samesite: SameSite | None = UNSET,
        partitioned: bool = False,
    ) -> None:
        """Set a cookie on the coming response; the parameters are those of `Response.set_cookie`.

        The defaults of `secure`, `httponly` and `samesite` are False, False and None. For `encrypted` cookies they are
        whether the request came over https, True and `Lax`. `COOKIE_DEFAULTS` makes the first and the last of these
        defaults those of all cookies, and over https it adds `__Host-` to the name, if `path` and `domain` allow it.

        Raises:
            CookieSyntaxError: If the name, the path or the domain would end its attribute, or the text for `expires` is
                not a date.
        """
        context = current_value(None)
        now = time.time()
        if max_age is None and expires is None:
            max_age = self._life_s
        try:
            if isinstance(expires, str):
                check_date(expires)
            secure, httponly, samesite = self._with_defaults(secure, httponly, samesite, partitioned)
            sent = host_name(name, path, domain, secure) if self._prefix else name
            value = self._as_sent(sent, value, max_age, expires, now)
        except Exception:
            value = ""  # tracebacks show local variables, and the value is to be encrypted
            raise
        line = dump_cookie(
            sent,
            value=value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            max_size=0,
            samesite=samesite,
            partitioned=partitioned,
            now=now,
        )
        limit = 4093 if context is None else context.app.config["MAX_COOKIE_SIZE"]
        if limit and len(line) > limit:
            from .warning_places import warn_of_size  # noqa: PLC0415 - seldom needed

            warn_of_size(sent, line, limit)
        self._write(name, value, line)

    def delete(
        self,
        name: str,
        *,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool | None = None,
        httponly: bool | None = None,
        samesite: SameSite | None = UNSET,
        partitioned: bool = False,
    ) -> None:
        """Delete a cookie; `path` and `domain` must be those it was set with, or the browser keeps it."""
        secure, httponly, samesite = self._with_defaults(secure, httponly, samesite, partitioned)
        sent = host_name(name, path, domain, secure) if self._prefix else name
        # A cookie of before `COOKIE_DEFAULTS` would be read again.
        for one in dict.fromkeys((sent, name)) if name in self._received else (sent,):
            line = dump_cookie(
                one,
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

    def _with_defaults(
        self, secure: bool | None, httponly: bool | None, samesite: SameSite | None, partitioned: bool
    ) -> tuple[bool, bool, SameSite | None]:
        """Return the attributes, with the defaults for those that were not given."""
        default: SameSite | None = "Lax" if self._is_lax and not partitioned else None
        is_secure = bool(self._prefix) if secure is None else bool(secure)
        return is_secure, bool(httponly), default if samesite is UNSET else samesite

    def _as_sent(
        self,
        name: str,
        value: str,
        max_age: timedelta | int | None,
        expires: str | datetime | float | None,
        now: float,
    ) -> str:
        """Return the cookie's value as it is sent."""
        return value

    def _write(self, name: str, value: str | None, line: str) -> None:
        if self._watched:
            tell(f"The cookie {name!r} was {'deleted' if value is None else 'set'}")
        identity = cookie_identity(line)
        self._lines.pop(identity, None)
        self._lines[identity] = line
        self._written[name] = value

    def lines(self) -> list[str]:
        """Return the Set-Cookie lines written in this request, in order."""
        return list(self._lines.values())


View = t.TypeVar("View", bound=Cookies)
Default = t.TypeVar("Default")


class TokenCookies(Cookies):
    """The cookies whose values are tokens of this app's keys: `cookies.signed` and `cookies.encrypted`.

    A cookie is there if it was set under this name with one of the keys of `app.keyring` and has not expired; `reason`
    says why another one is not. Without a `SECRET_KEY`, or for `encrypted` without cryptography, it is a RuntimeError.
    """

    _version: Version

    def __getitem__(self, name: str) -> str:
        try:
            return self._opened(name)
        except BadToken as error:
            raise BadRequestKeyError(name) from error

    @t.overload
    def get(self, name: str, default: None = None, *, max_age: timedelta | float | None = None) -> str | None: ...
    @t.overload
    def get(self, name: str, default: str, *, max_age: timedelta | float | None = None) -> str: ...
    @t.overload
    def get(self, name: str, default: Default, *, max_age: timedelta | float | None = None) -> str | Default: ...

    def get(
        self, name: str, default: Default | None = None, *, max_age: timedelta | float | None = None
    ) -> str | Default | None:
        """Return the value, or the default if there is no valid one.

        Args:
            name: The name of the cookie.
            default: The value to return if there is no valid cookie.
            max_age: The maximum age in seconds or as a timedelta, even if the cookie expires later.
        """
        try:
            return self._opened(name, max_age)
        except BadToken:
            return default

    def __iter__(self) -> Iterator[str]:
        return (name for name in super().__iter__() if self.reason(name) is None)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.reason(name) is None

    def __repr__(self) -> str:
        # Without the values, because encrypted values must not be logged.
        return f"<{type(self).__name__} {'encrypted' if self._version == ENCRYPTED else 'signed'}>"

    def reason(self, name: str, *, max_age: timedelta | float | None = None) -> Reason | None:
        """Return why the cookie cannot be read: `"missing"`, `"expired"`, `"tampered"`, ...; None if it can be.

        Log it, or tell the user that a preference was lost. Do not reveal the reason to other clients.
        """
        try:
            self._opened(name, max_age)
        except BadToken as error:
            return error.reason
        return None

    def _opened(self, name: str, max_age: timedelta | float | None = None) -> str:
        """Return the first valid value of a name. Another host of the site may have set a cookie that comes first."""
        ring = _ring()
        if self._version == ENCRYPTED:
            # Here, so that a missing package is reported before a visitor returns with such a cookie.
            require_cipher()
        max_age_s = None if max_age is None else _whole_seconds(max_age)
        opening = ring.decrypt if self._version == ENCRYPTED else ring.verify
        now = time.time()
        refused: BadToken | None = None
        for token in self.candidates(name):
            for bound in self._names_of_token(name):
                try:
                    return opening(_PURPOSE, token, now=now, name=bound, max_age_s=max_age_s).value
                except BadToken as error:
                    refused = refused or error
        raise refused or BadToken(f"There is no cookie {name!r}.", "missing")

    def _with_defaults(
        self, secure: bool | None, httponly: bool | None, samesite: SameSite | None, partitioned: bool
    ) -> tuple[bool, bool, SameSite | None]:
        if self._version != ENCRYPTED:
            return super()._with_defaults(secure, httponly, samesite, partitioned)
        return (
            self._request.is_secure if secure is None else secure,
            True if httponly is None else httponly,
            "Lax" if samesite is UNSET else samesite,
        )

    def _as_sent(
        self,
        name: str,
        value: str,
        max_age: timedelta | int | None,
        expires: str | datetime | float | None,
        now: float,
    ) -> str:
        problem = not_sendable(value)
        if problem is not None:
            del value  # tracebacks show local variables
            raise problem
        content = Secret(str.encode(value))
        del value
        name, end = _checked("name", name), end_of(max_age, expires, now)
        making = _ring().encrypt if self._version == ENCRYPTED else _ring().sign
        return making(_PURPOSE, content, now=now, name=name, expires=end)


def _ring() -> KeyRing:
    context = current_value(None)
    if context is None:
        raise RuntimeError(NO_REQUEST_MESSAGE)
    return context.app.keyring
