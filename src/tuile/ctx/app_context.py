"""The one context variable, and an application made current on its own.

Floor 2, one request. What must live here: the variable, what its value promises, and `AppContext`. What
must not: the context of a request (`request_context`), what is done with the current one (`carrying`, the
proxies).

The variable's value always has `app`, `g`, `app_context`, `request_context`, `request` and `session`;
the last three are None where there is no request. A `RequestContext` is that value in the plain case, an
`AppContext` is outside a request, and `_Nested` is whenever the two come from different places.
"""

from __future__ import annotations

import sys
import typing as t
from contextvars import ContextVar, Token

from ..once import once
from ..signals import appcontext_popped, appcontext_pushed

if t.TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self
    from werkzeug.routing import MapAdapter

    from ..app import Flask
    from .namespace import _AppCtxGlobals
    from .request_context import RequestContext

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
        # One for each push: the token, and the value that was set.
        self._pushes: list[tuple[Token[t.Any], t.Any]] = []

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
        disturb(outer)
        value = combined(self, None if outer is None else outer.request_context)
        self._pushes.append((current.set(value), value))
        if appcontext_pushed.receivers:
            appcontext_pushed.send(self.app, _async_wrapper=self.app.ensure_sync)

    def pop(self, exc: BaseException | None = _sentinel) -> None:
        """Leave this context; the last pop tears it down.

        Raises:
            AssertionError: another context is the current one.
        """
        try:
            if len(self._pushes) == 1:
                if exc is _sentinel:
                    exc = sys.exc_info()[1]
                self.app.do_teardown_appcontext(exc)
        finally:
            found = current.get()
            disturb(found)
            token, value = self._pushes.pop()
            if found is value:
                current.reset(token)
            else:
                # A request was entered since, and stays.
                before = None if token.old_value is Token.MISSING else token.old_value
                current.set(combined(before and before.app_context, found and found.request_context))
        app_context = found and found.app_context
        if app_context is not self:
            message = f"Popped wrong app context. ({app_context!r} instead of {self!r})"
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


class _Nested:
    """An app context and a request that were not entered together."""

    __slots__ = ("app_context", "request", "request_context")

    def __init__(self, app_context: AppContext | None, request_context: RequestContext) -> None:
        self.app_context = app_context
        self.request_context = request_context
        self.request = request_context.request

    @property
    def app_context_is_left(self) -> bool:
        """Whether the request is all that is still active."""
        return self.app_context is None

    @property
    def app(self) -> Flask:
        """The app of the app context."""
        if self.app_context is None:
            raise RuntimeError(NO_APP_MESSAGE)
        return self.app_context.app

    @property
    def g(self) -> _AppCtxGlobals:
        """The namespace behind the `g` proxy."""
        if self.app_context is None:
            raise RuntimeError(NO_APP_MESSAGE)
        return self.app_context.g

    def __getattr__(self, name: str) -> t.Any:
        # The session, the cookies and all else that belongs to the request.
        return getattr(self.request_context, name)


def combined(app_context: AppContext | None, request_context: RequestContext | None) -> t.Any:
    """Return the value of the context variable for an app context and a request, either of which may be missing."""
    if request_context is None:
        return app_context
    return _Nested(app_context, request_context)


def disturb(value: t.Any) -> None:
    """Note for a value of the context variable that its request is no longer simply the last that was entered."""
    context = None if value is None else value.request_context
    if context is not None:
        context.is_plain = False


def value_with_request() -> t.Any:
    """Return the value of the context variable, which stands for a request.

    Raises:
        RuntimeError: no request is active.
    """
    value = current.get(None)
    if value is None or value.request is None:
        raise RuntimeError(NO_REQUEST_MESSAGE)
    return value
