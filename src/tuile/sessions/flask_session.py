"""`Session(app)`: the settings of Flask-Session, for sessions that are kept in a store of Tuile.

Users stay logged in: the sessions that Flask-Session has stored are read, and moved when they change.
"""

from __future__ import annotations

import typing as t
from importlib import import_module

from .flask_session_stores import Foreign, engine_of, type_of
from .identity import parse
from .interface import SessionInterface
from .moving import was_moved
from .opening import open_stored
from .server import save_stored
from .settings import choice
from .signed import SecureCookieSessionInterface
from .stored import ServerSession

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .interface import SessionMixin


class Session:
    """Keep the sessions of an application on the server, with the settings of Flask-Session.

    Use it in place of `flask_session.Session`. It reads these settings:

    - `SESSION_TYPE` is ``"redis"`` (`SESSION_REDIS`), ``"sqlalchemy"`` (`SESSION_SQLALCHEMY`), ``"cachelib"``
      (`SESSION_CACHELIB`) or ``"filesystem"`` (`SESSION_FILE_DIR`). The sessions that Flask-Session has stored there
      are read. New ones are kept in the same Redis, in the same PostgreSQL, or in SQLite in the instance folder, unless
      `SESSION_STORE` says where.
    - `SESSION_PERMANENT`, `SESSION_KEY_PREFIX` and `SESSION_USE_SIGNER` have their meaning.
    - `SESSION_ID_LENGTH`, `SESSION_SERIALIZATION_FORMAT` and `SESSION_CLEANUP_N_REQUESTS` have none: ids are longer,
      both formats are read, and sessions that have expired are removed when others are created.

    Args:
        app: The application, or None to call `init_app` later.
    """

    def __init__(self, app: Flask | None = None) -> None:
        self.app = app
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Keep the sessions of an application on the server.

        Raises:
            ValueError: If the settings name a store that cannot be read, or none.
        """
        app.config.setdefault("SESSION_PERMANENT", True)
        kind = type_of(app)
        if app.config.get("SESSION_STORE") is None:
            app.config["SESSION_STORE"] = _store_of(app, kind)
        writes = choice("SESSION_WRITES", app.config.get("SESSION_WRITES"), ("store", "cookie", "flask-session"))
        own = FlaskSessionInterface()
        app.session_interface = _beside_flask_session(app, own) if writes == "flask-session" else own

        @app.cli.command("session_cleanup")
        def session_cleanup() -> None:
            """Remove sessions that have expired."""
            while app.sessions.sweep():
                pass


class FlaskSession(ServerSession):
    """A session on the server with what Flask-Session's sessions have."""

    @property
    def sid(self) -> str | None:
        """The name of the session, which does not give access; None before it was saved."""
        return self.handle

    @property
    def permanent(self) -> bool:
        """Whether the session outlives the browser session; by default `SESSION_PERMANENT`."""
        return bool(self.get("_permanent", self.is_permanent_by_default))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)

    is_permanent_by_default = False


class _PermanentSession(FlaskSession):
    is_permanent_by_default = True


class FlaskSessionInterface(SecureCookieSessionInterface):
    """The built-in interface, with what Flask-Session's interfaces have."""

    @classmethod
    def _set_flags(cls) -> None:
        """Set the flags: as with the built-in interface, a session is opened when it is first touched."""
        super()._set_flags()
        cls.set_flag("opens_lazily", "_set_flags" in vars(cls))  # not a subclass

    def _server_session_class(self, app: Flask) -> type[ServerSession]:
        """Return the class of sessions on the server."""
        return _PermanentSession if app.config.get("SESSION_PERMANENT") else FlaskSession

    def regenerate(self, session: SessionMixin) -> None:
        """Give a session a new id, and keep what is in it."""
        session.regenerate(keep=list(session))


class _BesideFlaskSession(SessionInterface):
    """Flask-Session's interface for all sessions but those that other processes have moved to the store already."""

    def __init__(self, own: FlaskSessionInterface, former: Foreign) -> None:
        self.own = own
        self.former = former

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        token = request.cookies.get(self.get_cookie_name(app), "")
        # A session that another process has moved is not read where it was.
        if parse(token) is not None or (token and was_moved(app, token)):
            session = open_stored(app, self, request)
            if not isinstance(session, ServerSession) or session.handle is not None or parse(token) is None:
                return session
        return t.cast("SessionMixin | None", self.former.open_session(app, request))

    def _server_session_class(self, app: Flask) -> type[ServerSession]:
        return self.own._server_session_class(app)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if isinstance(session, ServerSession):
            save_stored(app, self, session, response)
        else:
            self.former.save_session(app, session, response)

    def regenerate(self, session: SessionMixin) -> None:
        """Give a session a new id, and keep what is in it."""
        interface: Foreign = self.own if isinstance(session, ServerSession) else self.former
        interface.regenerate(session)


def _beside_flask_session(app: Flask, own: FlaskSessionInterface) -> SessionInterface:
    try:
        extension = import_module("flask_session")
    except ImportError:
        message = "SESSION_WRITES is 'flask-session', so Flask-Session must be installed: pip install flask-session."
        raise RuntimeError(message) from None
    return _BesideFlaskSession(own, extension.Session()._get_interface(app))


def _store_of(app: Flask, kind: str | None) -> object:
    """Return the `SESSION_STORE` for the place where Flask-Session keeps sessions."""
    if kind is None:
        message = "There is no session store. Set SESSION_STORE, for example to 'sqlite', or SESSION_TYPE."
        raise ValueError(message)
    if kind == "redis":
        return app.config.get("SESSION_REDIS") or "redis://localhost:6379"
    if kind == "sqlalchemy":
        url = engine_of(app).url
        if url.get_backend_name() == "postgresql":
            return url.set(drivername="postgresql").render_as_string(hide_password=False)
        if url.get_backend_name() != "sqlite":
            message = (
                f"Sessions cannot be kept in {url.get_backend_name()}. Set SESSION_STORE, for example to 'sqlite'."
            )
            raise ValueError(message)
    return "sqlite"
