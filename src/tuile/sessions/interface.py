"""What a session is, and what a way of keeping sessions must offer.

Floor 2, one request. What must live here: the session objects and `SessionInterface`. What must not:
any one way of keeping them.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import MutableMapping
from datetime import datetime, timezone
from secrets import token_urlsafe

from werkzeug.datastructures import CallbackDict

from ..http.cookies import CookieAttributes
from ..invalidation import Watched, move

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..app import Flask
    from ..http.cookies import SameSite
    from ..wrappers.request import Request
    from ..wrappers.response import Response


#: The keys under which a session keeps when it began, in seconds since 1970, and its own identity.
CREATED_KEY: t.Final = "_created"
HANDLE_KEY: t.Final = "_handle"

_HANDLE_BYTES = 16

T = t.TypeVar("T")


class _FromContents(t.Generic[T]):
    """An attribute that is read from what is in the session; a subclass or an object may have its own."""

    def __init__(self, read: t.Callable[[t.Any], T]) -> None:
        self._read = read
        self.__doc__ = read.__doc__

    @t.overload
    def __get__(self, session: None, owner: type[t.Any] | None = None) -> _FromContents[T]: ...

    @t.overload
    def __get__(self, session: object, owner: type[t.Any] | None = None) -> T: ...

    def __get__(self, session: object | None, owner: type[t.Any] | None = None) -> T | _FromContents[T]:
        return self if session is None else self._read(session)


class SessionMixin(MutableMapping[str, t.Any]):
    """A mapping that knows whether it was read, whether it was changed and whether it lasts."""

    #: Whether there was no session before this request; an interface may leave it False.
    new = False
    #: Whether the session was changed. True here, so that a session that cannot tell is always saved.
    modified = True
    #: Whether the session was looked at in this request, so that the answer varies with the cookie.
    accessed = False

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser's own; kept in the session as `_permanent`."""
        return bool(self.get("_permanent", False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)

    @_FromContents
    def created(self: t.Any) -> datetime | None:
        """When the session began, in UTC; None where nobody has asked for it to be kept.

        It is kept after `regenerate`, with `SESSION_ABSOLUTE`, and where `app.session_refused` is overridden.
        """
        seconds = self.get(CREATED_KEY)
        return datetime.fromtimestamp(seconds, timezone.utc) if is_moment(seconds) else None

    @_FromContents
    def handle(self: t.Any) -> str | None:
        """The identity of the session, 128 random bits as text, kept when `created` is; it opens nothing."""
        handle = self.get(HANDLE_KEY)
        return handle if isinstance(handle, str) else None

    def regenerate(self, keep: Iterable[str] = ()) -> None:
        """Begin a new session for the same browser: call it whenever somebody logs in.

        What was in the session before a login may have been put there by somebody else, who then knows the CSRF token
        or owns the basket. It is all gone, with `permanent` and flashed messages, but for the keys that are named.

        Parameters:
            keep: the keys whose values stay.

        Raises:
            TypeError: `keep` is a single text.
            NotImplementedError: the session is kept in another way than in a cookie, and its interface has to do this.
        """
        message = (
            f"{type(self).__name__} has no regenerate(): it is kept by an interface of its own. Ask that for a new"
            " identity."
        )
        raise NotImplementedError(message)


def _note_change(session: t.Any) -> None:
    session.modified = True


class SecureCookieSession(CallbackDict[str, t.Any], SessionMixin):
    """A session that is a dictionary and notes when it is changed.

    A change inside a value (a list in the session, say) is not noticed: set `modified` then.
    """

    modified = False

    def __init__(self, initial: Mapping[str, t.Any] | None = None) -> None:
        dict.__init__(self, initial or ())
        # What CallbackDict's own constructor would set; it is called with the session after each change.
        self.on_update = _note_change

    def __setitem__(self, key: str, value: t.Any) -> None:
        dict.__setitem__(self, key, value)
        if self.on_update is _note_change:
            # Without the call: setting a key is what nearly every write is.
            self.modified = True
        elif self.on_update is not None:
            self.on_update(self)  # type: ignore[arg-type] # a session of this class

    def regenerate(self, keep: Iterable[str] = ()) -> None:
        """Begin a new session for the same browser; see `SessionMixin.regenerate`."""
        if isinstance(keep, str):
            message = f"keep is a list of keys, not a single one. Write: keep=[{keep!r}]."
            raise TypeError(message)
        kept = {key: self[key] for key in keep if key in self}
        self.clear()
        self.update(kept)
        begin(self, int(time.time()), new_handle())


def begin(session: MutableMapping[str, t.Any], created: int, handle: str) -> None:
    """Note in a session when it began and which one it is."""
    session[CREATED_KEY] = created
    session[HANDLE_KEY] = handle


def new_handle() -> str:
    """Return a new identity for a session."""
    return token_urlsafe(_HANDLE_BYTES)


def is_moment(seconds: object) -> bool:
    """Answer whether a value is a time that a session can have begun at."""
    return type(seconds) is int and 0 <= seconds < 2**37


class NullSession(SecureCookieSession):
    """A session that can be read, as empty, and that refuses to be written: there is no secret key."""

    def _refuse(self, *args: t.Any, **kwargs: t.Any) -> t.NoReturn:
        message = (
            "The session is unavailable because no secret key was set.  "
            "Set the secret_key on the application to something unique and secret."
        )
        raise RuntimeError(message)

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = regenerate = _refuse
    del _refuse


class RefusesSessions:
    """What an application can say about the sessions that it is given."""

    def session_refused(self, session: SessionMixin) -> bool:
        """Answer whether a session that is otherwise good has ended: override it to log out a copy of a cookie.

        It is asked when a session is opened that has something in it, before anybody sees it; one that is refused reads
        as empty. What it usually looks at: `session.created`, against the time before which the sessions of a user are
        not to be used any more; and `session.handle`, against a list of those that have ended. Both are there in every
        session that is written after this was overridden; in an older one they come from its cookie. Use the argument:
        the `session` proxy is what is being opened.
        """
        return False


class SessionInterface(metaclass=Watched):
    """A way of keeping sessions: assign an instance to `app.session_interface`.

    `open_session` runs when a request starts, `save_session` before its response is sent.
    """

    #: What `make_null_session` makes when `open_session` has returned None.
    null_session_class = NullSession
    #: Whether the sessions are pickled; some extensions ask.
    pickle_based = False
    #: Whether `open_session` may wait until the session is first touched.
    opens_lazily = False

    #: The methods and settings that may not wait once one of them is set on an object: it may do anything.
    steps: t.ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def look(cls) -> None:
        """Set the flags of the class; see `Watched`."""

    def __setattr__(self, name: str, value: t.Any) -> None:
        super().__setattr__(name, value)
        if name in self.steps:
            if name != "opens_lazily":
                self.__dict__["opens_lazily"] = False
            move()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        if name in self.steps:
            if not self.steps & self.__dict__.keys() - {"opens_lazily"}:
                # As the class has it again.
                self.__dict__.pop("opens_lazily", None)
            move()

    def is_due(self, app: Flask, cookie_header: str) -> bool:
        """Return whether a session that nobody touched is opened and saved at the end of its request all the same.

        It is asked about interfaces that open lazily, and only for requests with cookies. As Flask does, a session that
        came is renewed while `SESSION_REFRESH_EACH_REQUEST` is on.

        Args:
            app: The application.
            cookie_header: The Cookie header of the request.
        """
        name = self.get_cookie_name(app)
        came = name in cookie_header or not name.isascii()
        return came and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])

    def make_null_session(self, app: Flask) -> NullSession:
        """Return the session to use when there is no key to keep one with."""
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Answer whether `obj` is such a session; it is never saved."""
        # Not isinstance, which would ask the metaclass of all mappings. A proxy says here what it stands for.
        return self.null_session_class in obj.__class__.__mro__

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the session cookie (`SESSION_COOKIE_NAME`)."""
        return app.config["SESSION_COOKIE_NAME"]  # type: ignore[no-any-return] # as it was configured

    def get_cookie_domain(self, app: Flask) -> str | None:
        """Return the Domain of the session cookie (`SESSION_COOKIE_DOMAIN`); None for this host only."""
        return app.config["SESSION_COOKIE_DOMAIN"]  # type: ignore[no-any-return] # as it was configured

    def get_cookie_path(self, app: Flask) -> str:
        """Return the Path of the session cookie (`SESSION_COOKIE_PATH`, or `APPLICATION_ROOT`)."""
        return app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"]  # type: ignore[no-any-return] # as it was configured

    def get_cookie_httponly(self, app: Flask) -> bool:
        """Answer whether scripts cannot see the session cookie (`SESSION_COOKIE_HTTPONLY`)."""
        return app.config["SESSION_COOKIE_HTTPONLY"]  # type: ignore[no-any-return] # as it was configured

    def get_cookie_secure(self, app: Flask) -> bool:
        """Answer whether the session cookie is for https only (`SESSION_COOKIE_SECURE`)."""
        return app.config["SESSION_COOKIE_SECURE"]  # type: ignore[no-any-return] # as it was configured

    def get_cookie_samesite(self, app: Flask) -> SameSite | None:
        """Return `Strict`, `Lax`, `None` or None for no attribute (`SESSION_COOKIE_SAMESITE`)."""
        return app.config["SESSION_COOKIE_SAMESITE"]  # type: ignore[no-any-return] # as it was configured

    def get_cookie_partitioned(self, app: Flask) -> bool:
        """Answer whether the session cookie is kept per top-level site (`SESSION_COOKIE_PARTITIONED`)."""
        return app.config["SESSION_COOKIE_PARTITIONED"]  # type: ignore[no-any-return] # as it was configured

    def get_expiration_time(self, app: Flask, session: SessionMixin) -> datetime | None:
        """Return when the session ends; None for the end of the browser's session."""
        if not session.permanent:
            return None
        end: datetime = datetime.now(timezone.utc) + app.permanent_session_lifetime
        return end

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Answer whether this response sets the cookie: the session changed, or lasts and is to be renewed."""
        return session.modified or (session.permanent and bool(app.config["SESSION_REFRESH_EACH_REQUEST"]))

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """Return the session of this request, or None to have the null session used.

        It must not raise for a missing or a bad session: those are new ones.
        """
        raise NotImplementedError

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep the session at the end of the request; not called for a null session."""
        raise NotImplementedError


SessionInterface.steps = frozenset(name for name in vars(SessionInterface) if not name.startswith("_")) - {
    "look",
    "steps",
}


def cookie_attributes(interface: SessionInterface, app: Flask) -> CookieAttributes:
    """Return the attributes of the session cookie, apart from its lifetime, as an interface's methods tell them."""
    # In the order in which Flask asks.
    domain, path, secure = (
        interface.get_cookie_domain(app),
        interface.get_cookie_path(app),
        interface.get_cookie_secure(app),
    )
    partitioned, samesite = interface.get_cookie_partitioned(app), interface.get_cookie_samesite(app)
    return CookieAttributes(path, domain, secure, interface.get_cookie_httponly(app), samesite, partitioned)
