"""The one context variable and what it carries while a request, or an app on its own, is active.

Floor 2, one request. What must live here: the contexts, and how they are entered and left. What must
not: what is done with the current one (`carrying`, the proxies), and the steps of a request (floor 5): a
context calls its app's methods for those.

The variable's value always has `app`, `g`, `app_context`, `request_context`, `request` and `session`;
the last three are None where there is no request. A request's own context is that value in the plain
case, an `AppContext` is outside a request, and `_Nested` is whenever the two come from different places.
"""

from __future__ import annotations

import sys
import typing as t
from contextvars import ContextVar, Token

from werkzeug.exceptions import HTTPException

from .once import once
from .routing import Map
from .signals import appcontext_popped, appcontext_pushed, appcontext_tearing_down, request_tearing_down

if t.TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.routing import MapAdapter

    from .app import Flask
    from .cookies import Cookies
    from .namespace import _AppCtxGlobals
    from .request import Request
    from .sessions import SessionMixin
    from .typing import AfterRequestCallable

_sentinel: t.Any = object()

current: ContextVar[t.Any] = ContextVar("tuile.context")

NO_APP_MESSAGE = """\
Working outside of application context.

This typically means that you attempted to use functionality that needed
the current application. To solve this, set up an application context
with app.app_context(). See the documentation for more information."""

NO_REQUEST_MESSAGE = """\
Working outside of request context.

This typically means that you attempted to use functionality that needed
an active HTTP request. Consult the documentation on testing for
information about how to avoid this problem."""


class AppContext:
    """An application made current, outside of a request or beside one. Enter it with `with`."""

    # What every value of the context variable answers; an app on its own has no request.
    request: None = None
    session: None = None
    request_context: None = None

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.g: _AppCtxGlobals = app.app_ctx_globals_class()
        self._cv_tokens: list[Token[t.Any]] = []

    @once
    def url_adapter(self) -> MapAdapter | None:
        """The adapter that builds URLs outside a request; None without `SERVER_NAME`."""
        return self.app.create_url_adapter(None)

    @property
    def app_context(self) -> AppContext:
        """Itself: every value of the context variable says which app context it stands for."""
        return self

    def push(self) -> None:
        """Make this context the current one. Each push needs its own `pop`."""
        outer = current.get(None)
        beside = None if outer is None else outer.request_context
        self._cv_tokens.append(current.set(self if beside is None else _Nested(self, beside)))
        if appcontext_pushed.receivers:
            appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = _sentinel) -> None:
        """Leave this context; the last pop tears it down.

        Raises:
            AssertionError: another context is the current one.
        """
        try:
            if len(self._cv_tokens) == 1:
                if exc is _sentinel:
                    exc = sys.exc_info()[1]
                self.app.do_teardown_appcontext(exc)
        finally:
            found = current.get().app_context
            current.reset(self._cv_tokens.pop())
        if found is not self:
            message = f"Popped wrong app context. ({found!r} instead of {self!r})"
            raise AssertionError(message)
        if appcontext_popped.receivers:
            appcontext_popped.send(self.app, _async_wrapper=self.app.ensure_sync)

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.pop(exc_value)


class RequestContext:
    """One request made current, with all that belongs to it.

    What a request may never ask for is made when it is first read: `g`, the URL adapter, the session
    (unless its interface wants to be asked at the start), the app context as an object of its own.
    """

    flashes: list[tuple[str, str]] | None = None
    _opened_session: SessionMixin | None = None
    _app_context: AppContext | None = None
    _after_functions: list[AfterRequestCallable[t.Any]] | None = None
    _cookies: Cookies | None = None
    _entered = False
    # Whether the URL map may answer for this request without what only some apps have: another map, hosts
    # to match or to trust, an adapter of their own.
    _routes_plainly = False

    def __init__(
        self,
        app: Flask,
        environ: WSGIEnvironment,
        request: Request | None = None,
        session: SessionMixin | None = None,
    ) -> None:
        self.app = app
        if request is None:
            request = app.request_class(environ)
            request.json_module = app.json
        self.request: Request = request
        self._opened_session = session

    @once
    def _cv_tokens(self) -> list[tuple[Token[t.Any], AppContext | RequestContext | None]]:
        # How this context was entered, push by push: the token, and the app context that was entered
        # for it, if any. This context itself stands there for one that nobody has asked for yet.
        return []

    @property
    def _after_request_functions(self) -> list[AfterRequestCallable[t.Any]]:
        if self._after_functions is None:
            self._after_functions = []
        return self._after_functions

    @once
    def g(self) -> _AppCtxGlobals:
        """The namespace behind the `g` proxy."""
        return self.app.app_ctx_globals_class()

    @property
    def cookies(self) -> Cookies:
        """The cookies of this request, read and written."""
        if self._cookies is None:
            from .cookies import Cookies  # noqa: PLC0415 - most requests never ask for it

            self._cookies = Cookies(self.request)
        return self._cookies

    @property
    def request_context(self) -> RequestContext:
        """Itself: every value of the context variable says which request it stands for."""
        return self

    @property
    def app_context(self) -> AppContext:
        """The app context that this request brought along, as an object of its own."""
        context = self._app_context
        if context is None:
            context = self._app_context = AppContext.__new__(AppContext)
            context.app = self.app
            context.g = self.g
            context._cv_tokens = [token for token, entered in self._cv_tokens if entered is self]
        return context

    @once
    def url_adapter(self) -> MapAdapter | None:
        """Werkzeug's adapter for this request; None when the request's host is refused."""
        app, request = self.app, self.request
        server_name = app.config["SERVER_NAME"]
        if self._routes_plainly:
            adapter = app.url_map.adapter_for(request.environ, server_name)
            if adapter is not None:
                return adapter
        try:
            adapter = app.create_url_adapter(request)
        except HTTPException as error:
            request.routing_exception = error
            return None
        if self._routes_plainly and adapter is not None:
            app.url_map.accept_host(request.environ, server_name, adapter)
        return adapter

    @property
    def _session(self) -> SessionMixin:
        session = self._opened_session
        if session is None:
            interface = self.app.session_interface
            session = interface.open_session(self.app, self.request)
            if session is None:
                session = interface.make_null_session(self.app)
            self._opened_session = session
        return session

    @_session.setter
    def _session(self, session: SessionMixin | None) -> None:
        self._opened_session = session

    @property
    def session(self) -> SessionMixin:
        """The session; reading it notes that the answer depends on the cookie."""
        session = self._opened_session
        if session is None:
            session = self._session
        session.accessed = True
        return session

    def copy(self) -> RequestContext:
        """Return a context for the same request and session, to be entered elsewhere."""
        return type(self)(self.app, self.request.environ, self.request, self._session)

    def match_request(self) -> None:
        """Find the rule for this request with Werkzeug's adapter, or keep its error for the dispatch."""
        adapter = self.url_adapter
        if adapter is None:
            return
        try:
            rule, arguments = adapter.match(return_rule=True)
        except HTTPException as error:
            self.request.routing_exception = error
        else:
            self.request.url_rule = rule
            self.request.view_args = t.cast("dict[str, t.Any]", arguments)

    def push(self) -> None:
        """Make this request the current one: open its session if need be, and match its URL."""
        app = self.app
        outer = current.get(None)
        if outer is None and not self._entered:
            self._entered = True
            self._cv_tokens = [(current.set(self), self)]
            if appcontext_pushed.receivers:
                appcontext_pushed.send(app, _async_wrapper=app.ensure_sync)
        else:
            self._push_nested(outer)
        if not getattr(app.session_interface, "opens_lazily", False):
            self._session  # noqa: B018 - reading it opens it
        cls, url_map, request = type(app), app.url_map, self.request
        self._routes_plainly = (
            type(url_map) is Map
            and cls.create_url_adapter is cls._stock_create_url_adapter
            and "create_url_adapter" not in app.__dict__
            and not app.subdomain_matching
            and not url_map.host_matching
            and app.config["TRUSTED_HOSTS"] is None
            and request.trusted_hosts is None
        )
        if self._routes_plainly:
            try:
                found = url_map.find(request.environ)
            except HTTPException as error:
                request.routing_exception = error
                return
            if found is not None:
                request.url_rule, request.view_args = found
                return
        if self.url_adapter is not None:
            self.match_request()

    def _push_nested(self, outer: t.Any) -> None:
        """Enter this request inside another context, or once more."""
        self._entered = True
        entered = None
        if outer is None or outer.app is not self.app:
            entered = AppContext(self.app)
            entered.push()
        inner = _Nested(entered or outer.app_context, self)
        self._cv_tokens.append((current.set(inner), entered))

    def pop(self, exc: BaseException | None = _sentinel) -> None:
        """Leave this request; the last pop runs the teardown functions.

        Raises:
            AssertionError: another request is the current one.
        """
        app, request = self.app, self.request
        cls = type(app)
        last = len(self._cv_tokens) == 1
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        try:
            if last and (
                app.teardown_request_funcs
                or request_tearing_down.receivers
                or cls.do_teardown_request is not cls._stock_do_teardown_request
                or "do_teardown_request" in app.__dict__
            ):
                app.do_teardown_request(exc)
            if last and not getattr(request, "closes_nothing", False):
                _close(request)
        finally:
            found = current.get(None)
            token, entered = self._cv_tokens.pop()
            current.reset(token)
            if last:
                request.environ["werkzeug.request"] = None
            if entered is self and (
                app.teardown_appcontext_funcs
                or appcontext_tearing_down.receivers
                or appcontext_popped.receivers
                or cls.do_teardown_appcontext is not cls._stock_do_teardown_appcontext
                or "do_teardown_appcontext" in app.__dict__
            ):
                self._leave_app(exc)
            elif isinstance(entered, AppContext):
                entered.pop(exc)
            if found is not self and (found is None or found.request_context is not self):
                message = f"Popped wrong request context. ({found!r} instead of {self!r})"
                raise AssertionError(message)

    def _leave_app(self, exc: BaseException | None) -> None:
        """Tear down the app context that this request brought along, with only that one current."""
        app = self.app
        context = self.app_context
        token = current.set(context)
        try:
            app.do_teardown_appcontext(exc)
        finally:
            if context._cv_tokens:
                context._cv_tokens.pop()
            current.reset(token)
        if appcontext_popped.receivers:
            appcontext_popped.send(app, _async_wrapper=app.ensure_sync)

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.pop(exc_value)

    def __repr__(self) -> str:
        request = self.request
        return f"<{type(self).__name__} {request.url!r} [{request.method}] of {self.app.name}>"


class _Nested:
    """An app context and a request that were not entered together."""

    __slots__ = ("app", "app_context", "g", "request", "request_context")

    def __init__(self, app_context: AppContext, request_context: RequestContext) -> None:
        self.app = app_context.app
        self.app_context = app_context
        self.g = app_context.g
        self.request_context = request_context
        self.request = request_context.request

    def __getattr__(self, name: str) -> t.Any:
        # The session, the cookies and all else that belongs to the request.
        return getattr(self.request_context, name)


def _close(request: t.Any) -> None:
    close = getattr(request, "close", None)
    if close is not None:
        close()


def value_with_request() -> t.Any:
    """Return the value of the context variable, which stands for a request.

    Raises:
        RuntimeError: no request is active.
    """
    value = current.get(None)
    if value is None or value.request is None:
        raise RuntimeError(NO_REQUEST_MESSAGE)
    return value
