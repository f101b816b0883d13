"""The single context variable `current`, and the app context.

The values of `current`, and how they are entered and left:

| state                                      | value of `current`       | entered by                 | left by       |
| ------------------------------------------ | ------------------------ | -------------------------- | ------------- |
| nothing                                    | unset, or None           |                            |               |
| a request on its own                       | its `RequestContext`     | `push` outside of all else | its `pop`     |
| an app on its own                          | `Entered(app, None)`     | `AppContext.push`          | its `pop`     |
| an app and a request, entered apart        | `Entered(app, request)`  | either `push`              | either `pop`  |
| a request whose app context was left first | `Entered(None, request)` | `AppContext.pop`           | the request's |
| the app of a request that was just left    | `Leaving(request, ..)`   | the request's `pop`        | the same      |

A request that is entered on its own also activates an app context. The object for it is created on first use
(`_app_ctx`), and owns `g` from then on.
"""

from __future__ import annotations

import sys
import typing as t
from contextvars import ContextVar, Token

from .. import invalidation
from ..signals import appcontext_popped, appcontext_pushed, appcontext_tearing_down, heard, send_signal
from .states import NESTED, PLAIN

if t.TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.routing import MapAdapter

    from ..app import Flask
    from ..dispatch.plan import Plan
    from ..sessions import SessionMixin
    from ..url_links import Address
    from ..wrappers.request import Request
    from .cookies import Cookies
    from .namespace import _AppCtxGlobals
    from .request_context import RequestContext

    #: A value of `current`.
    Current: t.TypeAlias = "RequestContext | Entered | Leaving"

    class CurrentRequest(t.Protocol):
        """A value of `current` that has a request."""

        app: Flask
        request: Request
        session: SessionMixin
        url_adapter: MapAdapter
        _request_ctx: RequestContext

        @property
        def _request_cookies(self) -> Cookies: ...

    _Push = t.TypeVar("_Push", bound="tuple[object, ...]")


Value = t.TypeVar("Value")

_sentinel: t.Any = object()
_Made = t.TypeVar("_Made")


class _Making(t.Protocol):
    def __call__(self, cls: type[_Made], /) -> _Made: ...


#: Makes an object without calling its constructor.
new: _Making = object.__new__

current: ContextVar[Current | None] = ContextVar("tuile.context")
NOTHING_BEFORE: t.Final = Token.MISSING  # the `old_value` of its first token

NO_APP_MESSAGE = """\
Working outside of application context.

This typically means that you attempted to use functionality that needed
the current application. To solve this, set up an application context
with app.app_context(). See the documentation for more information."""

NOT_OPENED_MESSAGE = "The session has not yet been opened."

NO_REQUEST_MESSAGE = """\
Working outside of request context.

This typically means that you attempted to use functionality that needed
an active HTTP request. Consult the documentation on testing for
information about how to avoid this problem."""


class AppContext(metaclass=invalidation.Watched):
    """Makes an application current, inside or outside of a request. Enter it with `with`."""

    # `Dispatcher.app_context` does the same without calling this.
    def __init__(self, app: Flask) -> None:
        self.app = app
        # Builds URLs outside a request; None without `SERVER_NAME`.
        self.url_adapter: MapAdapter | None = app.create_url_adapter(None)
        self.g: _AppCtxGlobals = app.app_ctx_globals_class()
        # The token and the value of each push.
        self._cv_tokens: list[tuple[Token[Current | None], Current | None]] = []

    def push(self) -> None:
        """Make this context the current one. Each push needs its own `pop`."""
        outer = current.get(None)
        # What the constructor does, without calling it.
        value = new(Entered)
        value._app_ctx = value._own_app_ctx = self
        if outer is None:
            value._request_ctx = None
        else:
            disturb(outer)
            value._request_ctx = outer._request_ctx
        value._address = value._links_by = None
        self._cv_tokens.append((current.set(value), value))
        if heard and appcontext_pushed.receivers:
            send_signal(appcontext_pushed, self.app, self.app.ensure_sync)

    def pop(self, exc: BaseException | None = _sentinel) -> None:
        """Leave this context; the last pop tears it down.

        Raises:
            AssertionError: If another context is current.
        """
        pushes, app = self._cv_tokens, self.app
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.current(app)
        is_last = len(pushes) == 1
        found = current.get(None)
        # The only push, with nothing entered since.
        is_simple = is_last and type(found) is Entered and found is pushes[0][1]
        if (
            is_simple
            and not app.teardown_appcontext_funcs
            and plan.ends_quietly
            and not (heard and (appcontext_tearing_down.receivers or appcontext_popped.receivers))
        ):
            current.reset(pushes.pop()[0])
            return
        try:
            if is_last:
                if exc is _sentinel:
                    exc = sys.exc_info()[1]
                app.do_teardown_appcontext(exc)
        finally:
            before_teardown, found = found, current.get(None)
            if found is None or found._app_ctx is None:
                raise LookupError(_cv_app)
            if is_simple and found is before_teardown and len(pushes) == 1 and found._request_ctx is None:
                current.reset(pushes.pop()[0])
            else:
                self._leave(pushes, found)
        app_context = found._app_ctx
        if app_context is not self:
            message = f"Popped wrong app context. ({app_context!r} instead of {self!r})"
            raise AssertionError(message)
        if heard and appcontext_popped.receivers:
            send_signal(appcontext_popped, app, app.ensure_sync)

    def _leave(self, pushes: list[tuple[Token[Current | None], Current | None]], found: Current) -> None:
        """Undo the push that made a value current, or the last one."""
        if found._request_ctx is not None:
            disturb(found)
        token, value = take_push(pushes, found)
        if found is value:
            current.reset(token)
        else:
            # A request that was entered later stays current.
            before = None if token.old_value is Token.MISSING else token.old_value
            app_ctx = None if before is None else before._app_ctx
            current.set(combined(app_ctx, found._request_ctx))

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.pop(exc_value)


class Entered:
    """An app on its own, or an app context and a request that were not entered together.

    Attributes are read from the contexts each time, because another `request`, `url_adapter` or `g` may be assigned.
    """

    __slots__ = ("_address", "_app_ctx", "_links_by", "_own_app_ctx", "_request_ctx")
    _root = False  # an adapter builds URLs

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

    def __getattr__(self, name: str) -> t.Any:
        # All other attributes belong to the request.
        if self._request_ctx is None:
            raise AttributeError(f"{name!r} belongs to a request, and there is none.")
        return getattr(self._request_ctx, name)


class Leaving:
    """The app of a request that was left, while the teardown functions of its app context run.

    The object for the app context is created when it is first read, as before.
    """

    __slots__ = ("_context", "_own_app_ctx", "_token", "app")
    _app_ctx_is_left = _root = False
    _links_by: Plan | None = None
    _address: Address | None = None
    _request_ctx = request = session = None

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
            self._own_app_ctx._cv_tokens = [(self._token, None)]
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


class ContextPart(t.Generic[Value]):
    """Flask's context variable of app contexts, or of request contexts, as a view of `current`.

    It has the methods of a `ContextVar`.
    """

    def __init__(self, name: str, part: str) -> None:
        self.name = name
        self._part = part

    def __repr__(self) -> str:
        # The text of a LookupError.
        return f"<ContextVar name={self.name!r} at {id(self):#x}>"

    def get(self, *default: object) -> Value:
        """Return the current context of this kind, the default, or raise LookupError."""
        value = current.get(None)
        found: Value | None = None if value is None else getattr(value, self._part)
        if found is not None:
            return found
        if default:
            return t.cast("Value", default[0])
        raise LookupError(self)

    __call__ = get

    def set(self, context: Value) -> Token[Current | None]:
        """Make a context of this kind current. The context of the other kind stays."""
        found = current.get(None)
        disturb(found)
        return current.set(self._beside(context, found))

    def reset(self, token: Token[Current | None]) -> None:
        """Restore the context of this kind that was current before the `set` that returned the token."""
        before = None if token.old_value is token.MISSING else token.old_value
        found = current.get(None)
        disturb(found)
        value = self._beside(before and getattr(before, self._part), found)
        other = "_request_ctx" if self._part == "_app_ctx" else "_app_ctx"
        # `reset` can use the token only once. Then the context is set again if the other half has changed.
        current.reset(token)
        if (found and getattr(found, other)) is not (before and getattr(before, other)):
            current.set(value)

    def _beside(self, context: t.Any, found: t.Any) -> Current | None:
        if self._part == "_app_ctx":
            return combined(context, found and found._request_ctx)
        return combined(found and found._app_ctx, context)


_cv_app: ContextPart[AppContext] = ContextPart("flask.app_ctx", "_app_ctx")
_cv_request: ContextPart[RequestContext] = ContextPart("flask.request_ctx", "_request_ctx")


def take_push(pushes: list[_Push], found: object) -> _Push:
    """Remove and return the push that made `found` current, or the last one if none did.

    Another thread may have entered the same context meanwhile; its push must stay.
    """
    for index in reversed(range(len(pushes))):
        if pushes[index][1] is found:
            return pushes.pop(index)
    return pushes.pop()


def disturb(value: Current | None) -> None:
    """Record that the request of a value is no longer simply the last one that was entered."""
    context = None if value is None else value._request_ctx
    if context is not None and context._state is PLAIN:
        context._state = NESTED


def refuse_pop(context: RequestContext, found: Current | None) -> t.NoReturn:
    """Raise an error that names the context that was current instead of the popped one."""
    current_request = None if found is None else found._request_ctx
    if found is not None and current_request is context:
        message = f"Popped wrong app context. ({found._app_ctx!r} instead of {context._app_ctx!r})"
    else:
        message = f"Popped wrong request context. ({current_request!r} instead of {context!r})"
    raise AssertionError(message)


def value_with_request() -> CurrentRequest:
    """Return the value of the context variable, which must have a request.

    Raises:
        RuntimeError: If no request is active.
    """
    value: t.Any = current.get(None)  # not with `cast`, which is a call
    if value is None or value.request is None:
        raise RuntimeError(NO_REQUEST_MESSAGE)
    found: CurrentRequest = value
    return found


def environ_of(request: Request) -> WSGIEnvironment:
    """Return the environ of a request, or the copy that was kept of it."""
    kept: WSGIEnvironment | None = getattr(request, "_environ_at_end", None)
    return request.environ if kept is None else kept


def keep_environ(request: object) -> None:
    """Make a request keep a copy of its environ, because the server may reuse the environ from now on."""
    keep = getattr(request, "_keep_environ", None)
    # On an ASGI server it was made for this request.
    if keep is not None and getattr(request, "_receive", None) is None:
        keep()
