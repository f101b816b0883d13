"""The values of the context variable that are not a request on its own; `app_context` has the table of all."""

from __future__ import annotations

import typing as t
from operator import attrgetter

if t.TYPE_CHECKING:
    from contextvars import Token

    from werkzeug.routing import MapAdapter

    from ..app import Flask
    from ..dispatch.plan import Plan
    from ..sessions import SessionMixin
    from ..url_links import Address
    from ..wrappers.request import Request
    from .app_context import AppContext, Current
    from .namespace import _AppCtxGlobals
    from .request_context import RequestContext

NO_APP_MESSAGE = """\
Working outside of application context.

This typically means that you attempted to use functionality that needed
the current application. To solve this, set up an application context
with app.app_context(). See the documentation for more information."""


def _nothing(self: object) -> None:
    """Make no request: there is none."""


class EnteredApp:
    """An app on its own: an app context that was pushed once, outside of requests.

    It has no constructor: calling one would take longer than the rest. `AppContext.push` sets its attributes. It
    has no `__getattr__` either: CPython 3.11 is slow to read attributes of a class that has one.
    """

    __slots__ = ("_address", "_app_ctx", "_token")
    _address: Address | None
    _app_ctx: AppContext
    _own_app_ctx: AppContext
    # Of the push.
    _token: Token[Current | None]
    _app_ctx_is_left = _root = False
    _links_by: Plan | None = None
    _request_ctx = _request = request = session = None
    _make_request = _nothing

    #: The app of the app context, to which another one may be assigned. `attrgetter` takes no frame.
    app: Flask = t.cast("Flask", property(attrgetter("_app_ctx.app")))

    @property
    def _g(self) -> _AppCtxGlobals:
        return self._app_ctx.g

    @property
    def url_adapter(self) -> MapAdapter | None:
        """The adapter of the app context."""
        return self._app_ctx.url_adapter

    if t.TYPE_CHECKING:
        # What belongs to a request is asked for only if there is one.
        def __getattr__(self, name: str) -> t.Any: ...


# Another name for the same attribute.
EnteredApp._own_app_ctx = vars(EnteredApp)["_app_ctx"]


class Entered:
    """An app on its own, or an app context and a request that were not entered together.

    Attributes are read from the contexts each time, because another `request`, `url_adapter` or `g` may be assigned.
    """

    __slots__ = ("_address", "_app_ctx", "_links_by", "_own_app_ctx", "_request_ctx", "_token")
    # Of the push, if it is the only one of the app context.
    _token: Token[Current | None]
    _root = False  # an adapter builds URLs
    _request = None  # that of the context is asked for

    def __init__(self, app_ctx: AppContext | None, request_ctx: RequestContext | None) -> None:
        self._app_ctx = self._own_app_ctx = app_ctx
        self._request_ctx = request_ctx
        # What stands before URLs outside a request, once one was built (`url_links`).
        self._address: Address | None = None
        self._links_by: Plan | None = None

    @property
    def _app_ctx_is_left(self) -> bool:
        """Whether only the request is still active."""
        return self._app_ctx is None

    @property
    def app(self) -> Flask:
        """The app of the app context."""
        if self._app_ctx is None:
            raise RuntimeError(NO_APP_MESSAGE)
        return self._app_ctx.app

    @property
    def _g(self) -> _AppCtxGlobals:
        if self._app_ctx is None:
            raise RuntimeError(NO_APP_MESSAGE)
        return self._app_ctx.g

    @property
    def request(self) -> Request | None:
        """The request; None where there is none."""
        return None if self._request_ctx is None else self._request_ctx.request

    def _make_request(self) -> Request | None:
        """Return the request of the context, without the calls of properties."""
        context = self._request_ctx
        if context is None:
            return None
        return context._make_request() if context._request is None else context._request

    @property
    def url_adapter(self) -> MapAdapter | None:
        """The adapter of the request, or without one that of the app context."""
        if self._request_ctx is not None:
            return self._request_ctx.url_adapter
        return None if self._app_ctx is None else self._app_ctx.url_adapter

    @property
    def session(self) -> SessionMixin | None:
        """The session of the request; None where there is none."""
        return None if self._request_ctx is None else self._request_ctx.session

    @classmethod
    def read_from(cls, kind: type[RequestContext]) -> None:
        """Let the other attributes of request contexts of a class be read from the context.

        A `__getattr__` would do the same, but CPython 3.11 is slow to read any attribute of a class that has one.
        """
        names = {name for each in kind.__mro__[:-1] for name in (*vars(each), *getattr(each, "__annotations__", ()))}
        for name in names.difference(dir(cls)):
            if not name.startswith("__"):
                setattr(cls, name, property(attrgetter(f"_request_ctx.{name}")))

    if t.TYPE_CHECKING:

        def __getattr__(self, name: str) -> t.Any: ...


class Leaving:
    """The app of a request that was left, while the teardown functions of its app context run.

    The object for the app context is created when it is first read, as before.
    """

    __slots__ = ("_context", "_own_app_ctx", "_token", "app")
    _app_ctx_is_left = _root = False
    _links_by: Plan | None = None
    _address: Address | None = None
    _request_ctx = _request = request = session = None
    _make_request = _nothing

    def __init__(self, context: RequestContext, token: Token[Current | None]) -> None:
        self.app = context.app
        self._context = context
        # Of the push of the request.
        self._token = token
        self._own_app_ctx: AppContext | None = None

    @property
    def _g(self) -> _AppCtxGlobals:
        return self._context._g

    @property
    def _app_ctx(self) -> AppContext:
        if self._own_app_ctx is None:
            self._own_app_ctx = self._context._app_ctx
            self._own_app_ctx._pushes = [(self._token, None)]
        return self._own_app_ctx

    @property
    def url_adapter(self) -> MapAdapter | None:
        """The adapter of the app context."""
        return self._app_ctx.url_adapter

    def __getattr__(self, name: str) -> t.Any:
        raise AttributeError(f"{name!r} belongs to a request, and there is none.")


def combined(app_ctx: AppContext | None, request_ctx: RequestContext | None) -> Entered | None:
    """Return the value of the context variable for an app context and a request, either of which may be missing."""
    if app_ctx is None and request_ctx is None:
        return None
    return Entered(app_ctx, request_ctx)
