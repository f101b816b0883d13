"""One request made current, with all that belongs to it.

Floor 2, one request. What must live here: how the context of a request is entered and left, and what it
makes when it is first asked for. What must not: the variable it is kept in (`context`), and the steps of a
request (floor 5): a context calls its app's methods for those.
"""

from __future__ import annotations

import sys
import typing as t
from contextvars import Token

from werkzeug.exceptions import HTTPException, NotFound

from .. import invalidation
from ..http.caching import NO_COOKIE_CACHED, invites_shared_caches, keep_private, says_nothing
from ..http.headers import CookieLines, vary_by
from ..invalidation import Watched
from ..once import once
from ..routing.map import FOREIGN_SUBDOMAIN
from ..signals import appcontext_popped, appcontext_pushed, appcontext_tearing_down, request_tearing_down
from .app_context import AppContext, _sentinel, combined, current, disturb

if t.TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.routing import MapAdapter

    from ..app import Flask
    from ..routing.map import Found
    from ..sessions import SessionMixin
    from ..typing import AfterRequestCallable
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .cookies import Cookies
    from .namespace import _AppCtxGlobals


class RequestContext(metaclass=Watched):
    """One request made current, with all that belongs to it.

    What a request may never ask for is made when it is first read: `g`, the URL adapter, the session
    (unless its interface wants to be asked at the start), the app context as an object of its own.
    """

    flashes: list[tuple[str, str]] | None = None
    _opened_session: SessionMixin | None = None
    _app_context: AppContext | None = None
    _after_functions: list[AfterRequestCallable[t.Any]] | None = None
    _cookies: Cookies | None = None
    # The token of the first push, when it was not inside another context.
    _token: Token[t.Any] | None = None
    # Whether it is made for one plain push and pop: of an app that walks plainly, with no hosts to trust. Not any more
    # once it was left, or something else was entered or left within it.
    is_plain = False
    # Whether there is anything to do for the response: a session, functions, cookies.
    is_touched = False
    # The pushes once there was another one: the token, the value that was set, and the app context that was
    # entered for it, if any; this context itself stands there for the one that it brought along.
    _nested: list[tuple[Token[t.Any], t.Any, AppContext | RequestContext | None]] | None = None

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
        if session is not None:
            self._session = session
        self.url_adapter  # noqa: B018 - reading it makes it, of the request and the settings as they are now

    @property
    def _after_request_functions(self) -> list[AfterRequestCallable[t.Any]]:
        if self._after_functions is None:
            self._after_functions = []
            self.is_touched = True
        return self._after_functions

    @_after_request_functions.setter
    def _after_request_functions(self, functions: list[AfterRequestCallable[t.Any]]) -> None:
        self._after_functions = functions
        self.is_touched = True

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
            self.is_touched = True
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
            own = [(token, self) for token, _, entered in self._nested or () if entered is self]
            context._pushes = own if self._token is None else [(self._token, self)]
        return context

    @once
    def url_adapter(self) -> MapAdapter | None:
        """Werkzeug's adapter for this request; None when the request's host is refused."""
        app, request = self.app, self.request
        server_name = app.config["SERVER_NAME"]
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.current(app)
        plain = plan.request_class is not None and not app.url_map.host_matching
        if plain and app.config["TRUSTED_HOSTS"] is None and request.trusted_hosts is None:
            adapter = app.url_map.adapter_for(request.environ, server_name)
            if adapter is not None:
                return adapter
        try:
            return app.create_url_adapter(request)
        except HTTPException as error:
            request.routing_exception = error
            return None

    @property
    def _session(self) -> SessionMixin:
        session = self._opened_session
        if session is None:
            interface = self.app.session_interface
            session = interface.open_session(self.app, self.request)
            if session is None:
                session = interface.make_null_session(self.app)
            self._opened_session = session
            self.is_touched = True
        return session

    @_session.setter
    def _session(self, session: SessionMixin | None) -> None:
        self._opened_session = session
        self.is_touched = True

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
        copied = type(self)(self.app, self.request.environ, self.request, self._session)
        copied._cookies = self.cookies
        return copied

    def match_request(self) -> None:
        """Find the rule for this request with Werkzeug's adapter, or keep its error for the dispatch."""
        adapter = self.url_adapter
        if adapter is None:
            return
        try:
            if adapter.subdomain == FOREIGN_SUBDOMAIN:
                # A rule with a variable subdomain would match it.
                raise NotFound
            rule, arguments = adapter.match(return_rule=True)
        except HTTPException as error:
            self.request.routing_exception = error
        else:
            self.request.url_rule = rule
            self.request.view_args = t.cast("dict[str, t.Any]", arguments)

    def push(self) -> None:
        """Make this request the current one: open its session if need be, and match its URL."""
        app, plain = self.app, self.is_plain
        if not plain:
            self.url_adapter  # noqa: B018 - reading it makes it, and refuses a host before anything is entered
        if plain and current.get(None) is None and not appcontext_pushed.receivers:
            self._token = current.set(self)
        else:
            self._push_nested()
        if not getattr(app.session_interface, "opens_lazily", False):
            self._session  # noqa: B018 - reading it opens it
        if plain:
            self.take(app.url_map.find(self.request.environ, app.config["SERVER_NAME"]))
        else:
            self.match_by_adapter()

    def take(self, found: Found | None) -> None:
        """Take over what the map has found by itself; if that is nothing certain, ask Werkzeug's adapter."""
        if found is None:
            self.match_by_adapter()
        elif found[0] is None:
            self.request.routing_exception = found[1]
        else:
            self.request.url_rule, self.request.view_args = found

    def match_by_adapter(self) -> None:
        """Find the rule by Werkzeug's adapter, unless there is none because it refuses the host."""
        if self.url_adapter is not None:
            self.match_request()

    def _push_nested(self) -> None:
        """Enter this request inside another context, or once more."""
        if self._nested is None:
            self._nested = []
        if self._token is not None:
            self._nested.append((self._token, self, self))
            self._token = None
        self.is_plain = False
        outer = current.get(None)
        disturb(outer)
        outside = None if outer is None else outer.app_context
        entered = None
        if outside is None or outside.app is not self.app:
            entered = self.app.app_context()
            entered.push()
        value = combined(entered or outside, self)
        self._nested.append((current.set(value), value, entered))

    def pop(self, exc: BaseException | None = _sentinel) -> None:
        """Leave this request; the last pop runs the teardown functions.

        Raises:
            AssertionError: another request is the current one.
        """
        if exc is _sentinel:
            exc = sys.exc_info()[1]
        token = self._token
        if token is None:
            self._pop_nested(exc)
            return
        app, request = self.app, self.request
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.current(app)
        plain = plan.steps_plain
        try:
            if app.teardown_request_funcs or request_tearing_down.receivers or not plain:
                app.do_teardown_request(exc)
            if not request.closes_nothing:
                request.close()
        finally:
            found = current.get(None)
            self._token = None
            self.is_plain = False
            current.reset(token)
            request.environ["werkzeug.request"] = None
            if (
                app.teardown_appcontext_funcs
                or appcontext_tearing_down.receivers
                or appcontext_popped.receivers
                or not plain
            ):
                self._leave_app(exc)
            if found is not self:
                _refuse_pop(self, found)

    def _pop_nested(self, exc: BaseException | None) -> None:
        """Leave a push that was made inside another context, or once more."""
        pushes = self._nested or []
        last = len(pushes) == 1
        try:
            if last:
                self.app.do_teardown_request(exc)
                _close(self.request)
        finally:
            found = current.get()
            token, value, entered = pushes.pop()
            if found is value:
                current.reset(token)
            else:
                # An app context was entered or left since, and that stays so.
                before = None if token.old_value is Token.MISSING else token.old_value
                current.set(combined(found and found.app_context, before and before.request_context))
            if last:
                self.request.environ["werkzeug.request"] = None
            if entered is self:
                self._leave_app(exc)
            elif isinstance(entered, AppContext):
                entered.pop(exc)
            if found is None or found.request_context is not self:
                _refuse_pop(self, found)

    def _leave_app(self, exc: BaseException | None) -> None:
        """Tear down the app context that this request brought along, with only that one current."""
        app = self.app
        context = self.app_context
        token = current.set(context)
        try:
            app.do_teardown_appcontext(exc)
        finally:
            if context._pushes:
                context._pushes.pop()
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


def _refuse_pop(context: RequestContext, found: t.Any) -> t.NoReturn:
    """Say which context was current in the place of one that was left."""
    current_request = None if found is None else found.request_context
    if current_request is context:
        message = f"Popped wrong app context. ({found.app_context!r} instead of {context.app_context!r})"
    else:
        message = f"Popped wrong request context. ({current_request!r} instead of {context!r})"
    raise AssertionError(message)


def add_cookies(context: t.Any, response: Response) -> None:
    """Put the cookies that were written in a request on a response to it."""
    cookies = context.cookies
    if cookies.depends_on_request:
        vary_by(response.headers, "Cookie")
    lines = cookies.lines()
    known = CookieLines()
    for line in lines:
        known.put(response.headers, line)
    if not lines:
        return
    # Caches keep Set-Cookie with the rest, and hand it to everybody (RFC 9111, section 7.3).
    if invites_shared_caches(response.headers):
        keep_private(response)
    elif says_nothing(response.headers):
        response.headers["Cache-Control"] = NO_COOKIE_CACHED


def _close(request: t.Any) -> None:
    close = getattr(request, "close", None)
    if close is not None:
        close()
