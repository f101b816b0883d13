"""The single context variable `current`, and the app context.

The values of `current`, and how they are entered and left:

| state                                      | value of `current`       | entered by                 | left by       |
| ------------------------------------------ | ------------------------ | -------------------------- | ------------- |
| nothing                                    | unset, or None           |                            |               |
| a request on its own                       | its `RequestContext`     | `push` outside of all else | its `pop`     |
| an app on its own                          | its `EnteredApp`         | `AppContext.push`          | its `pop`     |
| an app on its own, pushed once more        | `Entered(app, None)`     | `AppContext.push`          | its `pop`     |
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
from ..routing.outside import AdapterState, adapter_of
from ..signals import appcontext_popped, appcontext_pushed, appcontext_tearing_down, heard, send_signal
from .states import NESTED, PLAIN
from .values import Entered, EnteredApp, combined

if t.TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Self
    from werkzeug.routing import MapAdapter

    from ..app import Flask
    from ..sessions import SessionMixin
    from ..wrappers.request import Request
    from .cookies import Cookies
    from .namespace import _AppCtxGlobals
    from .request_context import RequestContext
    from .values import Leaving

    #: A value of `current`.
    Current: t.TypeAlias = "RequestContext | Entered | EnteredApp | Leaving"

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
    # For type checkers, the class may be None: that of a plan is not where requests are made by it.
    def __call__(self, cls: type[_Made] | None, /) -> _Made: ...


#: Makes an object without calling its constructor.
new = t.cast("_Making", object.__new__)

current: ContextVar[Current | None] = ContextVar("tuile.context")
#: Its methods. Python calls a method of a name that is imported in more steps than one of another name.
current_value: t.Callable[[None], Current | None] = current.get
set_current, reset_current = current.set, current.reset
NOTHING_BEFORE: t.Final = Token.MISSING  # the `old_value` of its first token

NOT_OPENED_MESSAGE = "The session has not yet been opened."

NO_REQUEST_MESSAGE = """\
Working outside of request context.

This typically means that you attempted to use functionality that needed
an active HTTP request. Consult the documentation on testing for
information about how to avoid this problem."""


class AppContext(metaclass=invalidation.Watched):
    """Makes an application current, inside or outside of a request. Enter it with `with`."""

    if t.TYPE_CHECKING:
        # Of the `url_adapter`, or what it is made of when it is read.
        _adapter: MapAdapter | AdapterState | None

    # `Dispatcher.app_context` does the same without calling this.
    def __init__(self, app: Flask) -> None:
        self.app = app
        self.url_adapter = app.create_url_adapter(None)
        self._namespace: _AppCtxGlobals | None = None
        # A subclass may have a property of its own for it.
        self.g = app.app_ctx_globals_class()
        # What the only push has made current; and the pushes, once there was another one.
        self._only: EnteredApp | Entered | None = None
        self._pushes: list[tuple[Token[Current | None], Current | None]] | None = None

    # Most contexts outside of requests need neither this nor `g`.
    @property
    def url_adapter(self) -> MapAdapter | None:
        """Builds URLs outside a request; None without `SERVER_NAME`."""
        adapter = self._adapter
        if isinstance(adapter, AdapterState):
            made = adapter_of(adapter)
            if self._adapter is not adapter:
                # Another thread has made or assigned one meanwhile. None runs between asking and setting.
                return self.url_adapter
            self._adapter = adapter = made
        return adapter

    @url_adapter.setter
    def url_adapter(self, adapter: MapAdapter | None) -> None:
        self._adapter = adapter

    @url_adapter.deleter
    def url_adapter(self) -> None:
        del self._adapter

    @property
    def g(self) -> _AppCtxGlobals:
        """The namespace, which is made when it is first read unless the app has a class of its own for it."""
        namespace = self._namespace
        return self._make_namespace() if namespace is None else namespace

    @g.setter
    def g(self, namespace: _AppCtxGlobals) -> None:
        self._namespace = namespace

    @g.deleter
    def g(self) -> None:
        del self._namespace

    def _make_namespace(self) -> _AppCtxGlobals:
        made = self.app.app_ctx_globals_class()
        # Another thread may have made one meanwhile. None runs between asking and setting.
        if self._namespace is None:
            self._namespace = made
        return self._namespace

    def __reduce_ex__(self, protocol: t.SupportsIndex) -> str | tuple[object, ...]:
        """Copy this context: the copy shares the namespace and the adapter, which are made first."""
        own = vars(self)
        if own.get("_namespace", self) is None:
            self._make_namespace()
        if "_adapter" in own:
            self.url_adapter  # noqa: B018 - reading it makes it
        return super().__reduce_ex__(protocol)

    @property
    def _cv_tokens(self) -> list[tuple[Token[Current | None], Current | None]]:
        """The token and the value of each push."""
        pushes = self._pushes
        if pushes is None:
            pushes = self._pushes = []
        only = self._only
        if only is not None:
            self._only = None
            pushes.insert(0, (only._token, only))
        return pushes

    def push(self) -> None:
        """Make this context the current one. Each push needs its own `pop`."""
        if self._only is None and not self._pushes:
            value = EnteredApp()
            value._app_ctx, value._address = self, None
            token = value._token = set_current(value)
            self._only = value
            # Asked of the token, which is faster than `get`.
            outer = token.old_value
            request_ctx = None if outer is NOTHING_BEFORE or outer is None else outer._request_ctx
            if request_ctx is not None:
                if request_ctx._state is PLAIN:
                    request_ctx._state = NESTED
                self._only = beside = Entered(self, request_ctx)
                beside._token = token
                set_current(beside)
        else:
            self._push_again(current.get(None))
        if heard and appcontext_pushed.receivers:
            send_signal(appcontext_pushed, self.app, self.app.ensure_sync)

    def _push_again(self, outer: Current | None) -> None:
        """Enter this context once more."""
        disturb(outer)
        value = Entered(self, None if outer is None else outer._request_ctx)
        self._cv_tokens.append((current.set(value), value))

    def pop(self, exc: BaseException | None = _sentinel) -> None:
        """Leave this context; the last pop tears it down.

        Raises:
            AssertionError: If another context is current.
        """
        only, app = self._only, self.app
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.for_context(app)
        if only is not None and current_value(None) is not only:
            # Something was entered since, or another thread has entered this context.
            only = None
            self._note_push(current_value(None))
        if (
            only is not None
            and plan.ends_quietly
            and not app.teardown_appcontext_funcs
            and not (heard and (appcontext_tearing_down.receivers or appcontext_popped.receivers))
        ):
            self._only = None
            reset_current(only._token)
            return
        try:
            if only is not None or len(self._cv_tokens) == 1:
                if exc is _sentinel:
                    exc = sys.exc_info()[1]
                app.do_teardown_appcontext(exc)
        finally:
            found = current.get(None)
            if only is not None and found is only and self._only is only:
                self._only, left = None, self
                current.reset(only._token)
            else:
                left = self._leave(found)
        if left is not self:
            message = f"Popped wrong app context. ({left!r} instead of {self!r})"
            raise AssertionError(message)
        if heard and appcontext_popped.receivers:
            send_signal(appcontext_popped, app, app.ensure_sync)

    def _note_push(self, found: Current | None) -> None:
        """Remember the push that made a value current, if another thread's, at the same moment, took its place."""
        pushes = self._cv_tokens
        if type(found) is EnteredApp and found._app_ctx is self and all(value is not found for _, value in pushes):
            pushes.append((found._token, found))

    def _leave(self, found: Current | None) -> AppContext:
        """Undo the push that made a value current, or the last one, and return the app context that was current."""
        if found is None or found._app_ctx is None:
            raise LookupError(_cv_app)
        if found._request_ctx is not None:
            disturb(found)
        token, value = take_push(self._cv_tokens, found)
        if found is value:
            current.reset(token)
        else:
            # A request that was entered later stays current.
            before = None if token.old_value is Token.MISSING else token.old_value
            app_ctx = None if before is None else before._app_ctx
            current.set(combined(app_ctx, found._request_ctx))
        return found._app_ctx

    def __enter__(self) -> Self:
        self.push()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.pop(exc_value)


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
    if value is None or (value._request is None and value._make_request() is None):
        raise RuntimeError(NO_REQUEST_MESSAGE)
    found: CurrentRequest = value
    return found


def current_request() -> Request:
    """Return the current request. It is read as the proxy does, without the call of a property.

    Raises:
        RuntimeError: If no request is active.
    """
    value = current_value(None)
    if value is None or ((request := value._request) is None and (request := value._make_request()) is None):
        raise RuntimeError(NO_REQUEST_MESSAGE)
    return request


def environ_of(request: Request) -> WSGIEnvironment:
    """Return the environ of a request, or the copy that was kept of it."""
    kept: WSGIEnvironment | None = getattr(request, "_environ_at_end", None)
    return request.environ if kept is None else kept


def keep_environ(request: object) -> None:
    """Make a request keep a copy of its environ, because the server may reuse the environ from now on."""
    keep = getattr(request, "_keep_environ", None)
    # On an ASGI server it was made for this request, or may be.
    if keep is not None and getattr(request, "_receive", None) is getattr(request, "_scope", None) is None:
        keep()
