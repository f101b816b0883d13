"""The session objects, and `SessionInterface`, the base class for everything that stores sessions."""

from __future__ import annotations

import hashlib
import time
import typing as t
from collections.abc import MutableMapping
from datetime import datetime, timezone
from secrets import token_urlsafe

from werkzeug.datastructures import CallbackDict

from ..invalidation import Watched, invalidate
from ..lazy import late_modules

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from hashlib import _Hash

    from ..app import Flask
    from ..ctx import cookie_defaults
    from ..http import cookies
    from ..http.cookies import SameSite
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .stored import ServerSession
else:
    cookie_defaults, cookies = late_modules(__name__, "..ctx.cookie_defaults", "..http.cookies")


#: The keys under which a session stores when it began, in seconds since 1970, and its handle.
CREATED_KEY: t.Final = "_created"
HANDLE_KEY: t.Final = "_handle"

_HANDLE_BYTES = 16


if t.TYPE_CHECKING:
    # So that a subclass may have a property in its place.
    _FromContents = property
else:

    class _FromContents:
        """An attribute that is read from the content of the session; a subclass or an object can override it."""

        def __init__(self, read: Callable[[SessionMixin], object]) -> None:
            self._read = read
            self.__doc__ = read.__doc__

        def __get__(self, session: SessionMixin | None, owner: type[object] | None = None) -> object:
            return self if session is None else self._read(session)


class SessionMixin(MutableMapping[str, t.Any]):
    """A mapping that records whether it was read or changed, and whether it is permanent."""

    #: Whether the session was created by this request. An interface need not set it.
    new = False
    #: Whether the session was changed. True by default, so that a session that does not track changes is always saved.
    modified = True
    #: Whether the session was accessed in this request, so that the response varies with the cookie.
    accessed = False

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser session; stored in the session as `_permanent`."""
        return bool(self.get("_permanent", False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)

    @_FromContents
    def created(self: SessionMixin) -> datetime | None:
        """When the session began, in UTC; None if that is not stored.

        It is stored after `regenerate`, with `SESSION_ABSOLUTE`, and if `app.session_refused` is overridden.
        """
        seconds = self.get(CREATED_KEY)
        return datetime.fromtimestamp(seconds, timezone.utc) if is_moment(seconds) else None

    @_FromContents
    def handle(self: SessionMixin) -> str | None:
        """An id of the session: 128 random bits as text, stored when `created` is. It does not give access."""
        handle = self.get(HANDLE_KEY)
        return handle if isinstance(handle, str) else None

    @property
    def seen(self) -> datetime | None:
        """When the session was last seen, in UTC, to the minute; None if it is not kept on the server."""
        return None

    def end(self) -> None:
        """End the session: remove everything in it, and remove it from the server if it is kept there."""
        self.clear()

    def add(self, key: str, number: float = 1) -> t.Any:
        """Add a number to the value of a key, or to 0 if there is none, and return the sum.

        A session that is kept on the server adds it to what other requests have stored meanwhile.

        Raises:
            TypeError: If the number or the value is not a number.
        """
        before = self.get(key, 0)
        for value in (before, number):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                message = f"session.add({key!r}, ...) adds numbers, and this is none: {type(value).__name__}."
                raise TypeError(message)
        self[key] = before + number
        return self[key]

    def append(self, key: str, *values: object) -> None:
        """Append values to the list of a key, which is created if there is none.

        A session that is kept on the server appends them to what other requests have stored meanwhile.

        Raises:
            TypeError: If the value is not a list.
        """
        before = self.get(key, [])
        if not isinstance(before, (list, tuple)):
            message = f"session.append({key!r}, ...) needs a list, but the value is of type {type(before).__name__}."
            raise TypeError(message)
        self[key] = [*before, *values]

    def change(self, key: str, function: t.Callable[[t.Any], t.Any], default: t.Any = None) -> t.Any:
        """Replace the value of a key by the result of a function, and return it.

        A session that is kept on the server calls the function again if another request has stored another value
        meanwhile, so the function should do nothing else.

        Args:
            key: The key.
            function: Called with the value; returns the new one.
            default: The argument if there is no value.
        """
        self[key] = function(self.get(key, default))
        return self[key]

    def regenerate(self, keep: Iterable[str] = ()) -> None:
        """Begin a new session for the same browser. Call it whenever a user logs in.

        An attacker may have planted the session that existed before the login, and may know its CSRF token or own its
        shopping basket. Everything in it is removed, including `permanent` and flashed messages, except the given keys.

        Args:
            keep: The keys whose values are kept.

        Raises:
            TypeError: If `keep` is a single key.
            NotImplementedError: If the session is not stored in a cookie, and its class does not override this.
        """
        message = (
            f"{type(self).__name__} does not implement regenerate(). Use its session interface to get a new session id."
        )
        raise NotImplementedError(message)


def lazy_sha1(string: bytes = b"") -> _Hash:
    """Return the SHA-1 hash object of octets. In a Python without SHA-1 only the call fails, not the import."""
    return hashlib.sha1(string)  # noqa: S324 - Flask's format; HMAC does not depend on what is weak in it


def note_change(session: SessionMixin) -> None:
    """Note that a session was changed."""
    session.modified = True


class SecureCookieSession(CallbackDict[str, t.Any], SessionMixin):  # pyright: ignore[reportIncompatibleMethodOverride] # Werkzeug's `update`
    """A session that is a dictionary and detects that keys are set or removed.

    A session that contains mutable values, such as lists, is opened as a `TrackedSession`.
    """

    modified = False

    def __init__(self, initial: Mapping[str, object] | Iterable[tuple[str, object]] | None = None) -> None:
        dict.__init__(self, initial or ())
        # As in the constructor of CallbackDict. Called with the session after each change.
        self.on_update = note_change

    def __setitem__(self, key: str, value: object) -> None:
        dict.__setitem__(self, key, value)
        if self.on_update is note_change:
            # Inlined, because nearly every write sets a key.
            self.modified = True
        elif self.on_update is not None:
            self.on_update(self)  # type: ignore[arg-type] # a session of this class

    def regenerate(self, keep: Iterable[str] = ()) -> None:
        """Begin a new session for the same browser; see `SessionMixin.regenerate`."""
        if isinstance(keep, (str, bytes)):
            message = f"keep must be a list of keys, not a single one. Write: keep=[{keep!r}]."
            raise TypeError(message)
        kept = {key: self[key] for key in keep if key in self}
        self.clear()
        self.update(kept)
        begin(self, int(time.time()), new_handle())


def begin(session: MutableMapping[str, object], created: int, handle: str) -> None:
    """Store the beginning and the handle of a session in it."""
    session[CREATED_KEY] = created
    session[HANDLE_KEY] = handle


def new_handle() -> str:
    """Return a new handle for a session."""
    return token_urlsafe(_HANDLE_BYTES)


def is_moment(seconds: object) -> t.TypeGuard[int]:
    """Return whether a value is a valid time for the beginning of a session."""
    return type(seconds) is int and 0 <= seconds < 2**37


class NullSession(SecureCookieSession):
    """An empty session that cannot be written, because there is no secret key."""

    def _refuse(self, *args: object, **kwargs: object) -> t.NoReturn:
        message = (
            "The session is unavailable because no secret key was set.  "
            "Set the secret_key on the application to something unique and secret."
        )
        raise RuntimeError(message)

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = regenerate = end = _refuse
    del _refuse


class RefusesSessions:
    """The part of an application that decides which sessions are accepted."""

    def session_refused(self, session: SessionMixin) -> bool:
        """Return whether a session that is otherwise valid has ended. Override it to log out copies of a cookie.

        It is called when a session with content is opened, before any other code sees the session; a refused session
        reads as empty. Usually it compares `session.created` with the time before which all sessions of a user have
        ended, and looks up `session.handle` in a list of ended sessions. Every session that is written after this was
        overridden has both; for older ones they are derived from the cookie. Use the argument, because the `session`
        proxy is not usable yet.
        """
        return False


class SessionInterface(metaclass=Watched):
    """The interface for storing sessions: assign an instance to `app.session_interface`.

    `open_session` runs when a request starts, `save_session` before its response is sent.
    """

    #: The class that `make_null_session` uses when `open_session` has returned None.
    null_session_class = NullSession
    #: Whether the sessions are pickled; some extensions read it.
    pickle_based = False
    #: Whether `open_session` may be delayed until the session is first accessed.
    opens_lazily = False

    #: Returns the class of sessions that are kept in a store of Tuile; None for the built-in one.
    _server_session_class: Callable[..., type[ServerSession]] | None = None

    _prefixes_name = False  # whether `COOKIE_DEFAULTS` changes the name; interfaces of others read the setting

    #: Methods and settings that prevent the delay if they are set on the object.
    steps: t.ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def _set_flags(cls) -> None:
        """Set the flags of the class; see `Watched`."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in self.steps:
            if name != "opens_lazily":
                self.__dict__["opens_lazily"] = False
            invalidate()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in self.steps:
            if not self.steps & self.__dict__.keys() - {"opens_lazily"}:
                # The flag of the class applies again.
                self.__dict__.pop("opens_lazily", None)
            invalidate()

    def _session_by_header(self, app: Flask, header: str | None) -> SessionMixin | None:
        """Return what `open_session` does if it only reads the Cookie header; None to call it."""
        return None

    def is_due(self, app: Flask, cookie_header: str) -> bool:
        """Return whether a session that was not accessed is opened and saved at the end of its request anyway.

        It is called for interfaces that open lazily, and only for requests with cookies. As in Flask, a received
        session is renewed if `SESSION_REFRESH_EACH_REQUEST` is on.

        Args:
            app: The application.
            cookie_header: The Cookie header of the request.
        """
        name = self.get_cookie_name(app)
        came = name in cookie_header or not name.isascii()
        return came and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])

    def make_null_session(self, app: Flask) -> NullSession:
        """Return the session to use when there is no secret key."""
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Return whether `obj` is a null session, which is never saved."""
        # `isinstance` would call the slow metaclass of mappings. `__class__` also works for a proxy.
        return self.null_session_class in obj.__class__.__mro__

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the session cookie (`SESSION_COOKIE_NAME`, `COOKIE_DEFAULTS`)."""
        name = app.config["SESSION_COOKIE_NAME"]
        if not self._prefixes_name or app.config.get("COOKIE_DEFAULTS") is None:
            return name
        return cookie_defaults.host_name(
            name, self.get_cookie_path(app), self.get_cookie_domain(app), self.get_cookie_secure(app)
        )

    def get_cookie_domain(self, app: Flask) -> str | None:
        """Return the Domain of the session cookie (`SESSION_COOKIE_DOMAIN`); None for this host only."""
        return app.config["SESSION_COOKIE_DOMAIN"]

    def get_cookie_path(self, app: Flask) -> str:
        """Return the Path of the session cookie (`SESSION_COOKIE_PATH`, or `APPLICATION_ROOT`)."""
        return app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"]

    def get_cookie_httponly(self, app: Flask) -> bool:
        """Return whether the session cookie is hidden from scripts (`SESSION_COOKIE_HTTPONLY`)."""
        return app.config["SESSION_COOKIE_HTTPONLY"]

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the session cookie is sent over HTTPS only (`SESSION_COOKIE_SECURE`, `COOKIE_DEFAULTS`)."""
        secure = app.config["SESSION_COOKIE_SECURE"]
        has_default = not secure and app.config.get("COOKIE_DEFAULTS") is not None
        return cookie_defaults.with_defaults(app, secure, None, partitioned=False)[0] if has_default else secure

    def get_cookie_samesite(self, app: Flask) -> SameSite | None:
        """Return `Strict`, `Lax`, `None` or None for no attribute (`SESSION_COOKIE_SAMESITE`, `COOKIE_DEFAULTS`)."""
        samesite = app.config["SESSION_COOKIE_SAMESITE"]
        if app.config.get("COOKIE_DEFAULTS") is None:
            return samesite
        return cookie_defaults.with_defaults(app, False, samesite, self.get_cookie_partitioned(app))[1]

    def get_cookie_partitioned(self, app: Flask) -> bool:
        """Return whether the session cookie is stored per top-level site (`SESSION_COOKIE_PARTITIONED`)."""
        return app.config["SESSION_COOKIE_PARTITIONED"]

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        """Return when the session cookie expires; None for the end of the browser session."""
        if not session.permanent:
            return None
        end: datetime = datetime.now(timezone.utc) + app.permanent_session_lifetime
        return end

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Return whether this response sets the cookie: the session changed, or is permanent and due for renewal."""
        return session.modified or (session.permanent and bool(app.config["SESSION_REFRESH_EACH_REQUEST"]))

    def _session_without_store(self, app: Flask, error: Exception) -> SessionMixin | None:
        """Return the session of a request that `open_session` raised an error for; None if it is to be raised on."""
        from .unavailable import session_for  # noqa: PLC0415 - only for errors

        return session_for(app, error)

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """Return the session of this request, or None to use the null session.

        It must not raise for a missing or invalid session: return a new one.
        """
        raise NotImplementedError

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Save the session at the end of the request. It is not called for a null session."""
        raise NotImplementedError


SessionInterface.steps = frozenset(name for name in vars(SessionInterface) if not name.startswith("_")) - {
    "look",
    "steps",
}


def cookie_attributes(interface: SessionInterface, app: Flask) -> cookies.CookieAttributes:
    """Return the attributes of the session cookie, apart from its lifetime, from an interface's methods."""
    # In the order in which Flask calls them.
    domain, path, secure = (
        interface.get_cookie_domain(app),
        interface.get_cookie_path(app),
        interface.get_cookie_secure(app),
    )
    partitioned, samesite = interface.get_cookie_partitioned(app), interface.get_cookie_samesite(app)
    return cookies.CookieAttributes(path, domain, secure, interface.get_cookie_httponly(app), samesite, partitioned)
