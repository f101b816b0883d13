"""The context of a request, which opens the session on first use."""

from __future__ import annotations

import sys
import typing as t
from contextvars import Token

from .. import invalidation
from ..lazy import late_modules
from ..once import once
from ..signals import appcontext_popped, appcontext_pushed, appcontext_tearing_down, request_tearing_down, send_signal
from .app_context import (
    AppContext,
    _cv_request,
    _sentinel,
    current_value,
    disturb,
    keep_environ,
    new,
    refuse_pop,
    reset_current,
    set_current,
    take_push,
)
from .opening import Opening
from .states import ANSWERED, CREATED, LEFT_BY_STEPS, NESTED, PLAIN
from .values import Entered, Leaving, combined

if t.TYPE_CHECKING:
    from types import TracebackType

    from _typeshed.wsgi import WSGIEnvironment
    from typing_extensions import Self

    from ..app import Flask
    from ..dispatch.plan import Plan
    from ..sessions import SessionMixin
    from ..typing import AfterRequestCallable
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from . import late_writes
    from .app_context import Current
    from .cookies import Cookies
    from .namespace import _AppCtxGlobals
else:
    (late_writes,) = late_modules(__name__, ".late_writes")


class RequestContext(Opening):
    """One request made current, with all that belongs to it.

    `g`, the URL adapter, the session (unless its interface opens it at the start) and the object for the app context
    are created on first read.
    """

    flashes: list[tuple[str, str]] | None = None
    # The messages that no call has returned yet, if calls asked for categories.
    _flashes_unseen: list[tuple[str, str]] | None = None
    # The app context that was activated by this request, once there is an object for it, which then owns `g`.
    _own_app_ctx: AppContext | None = None
    _app_ctx_is_left = False  # only an `Entered` can have a request without an app context
    _after_functions: list[AfterRequestCallable[Response]] | None = None
    _cookies: Cookies | None = None
    # Whether a step or the request itself had a say in its URL adapter, so that it has to match the URL.
    _is_bound = False
    _session_before: dict[str, object] | None = None
    # The pushes once there was another one: the token, the value that was set, and the app context that was
    # entered for it, if any; this context itself stands there for the one that it brought along.
    _nested: list[tuple[Token[Current | None], Current | None, AppContext | RequestContext | None]] | None = None
    # What the app's `app_context` has returned or raised, to be entered by the next push; and whether it was entered.
    _entering: tuple[AppContext, bool] | BaseException | None = None

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
        self.request = request
        self._state = CREATED
        if session is not None:
            self._session = session
        self.url_adapter  # noqa: B018 - reading it makes it, of the request and the settings as they are now

    @property
    def _after_request_functions(self) -> list[AfterRequestCallable[Response]]:
        if self._after_functions is None:
            self._after_functions = []
            self._is_touched = True
        return self._after_functions

    @_after_request_functions.setter
    def _after_request_functions(self, functions: list[AfterRequestCallable[Response]]) -> None:
        self._after_functions = functions
        self._is_touched = True

    @once
    def _g(self) -> _AppCtxGlobals:
        return self.app.app_ctx_globals_class()

    @property
    def _request_cookies(self) -> Cookies:
        """The cookies of this request."""
        if self._cookies is None:
            from .cookies import Cookies  # noqa: PLC0415 - most requests never ask for it

            original = self._copy_of
            self._cookies = Cookies(self.request, self.app) if original is None else original._request_cookies
            self._is_touched = True
            if self._is_watched:
                late_writes.watch(self)
        return self._cookies

    @property
    def _is_answered(self) -> bool:
        return self._state in ANSWERED

    @property
    def _request_ctx(self) -> RequestContext:
        return self

    @property
    def _app_ctx(self) -> AppContext:
        """The app context that this request activated, as an object."""
        context = self._own_app_ctx
        if context is None:
            plan = self.app._current_plan()
            if plan.makes_app_context and plan.skips_adapter_outside:
                # What the constructor does, without another namespace.
                context = new(AppContext)
                context.app, context._adapter, context._only = self.app, None, None
            else:
                context = AppContext(self.app)
            context._namespace = self._g
            # Without the value, which is this context, to avoid a reference cycle.
            own = [token for token, _, entered in self._nested or () if entered is self]
            context._pushes = [(token, None) for token in (own if self._token is None else [self._token])]
            self._own_app_ctx = context
        return context

    @property
    def _cv_tokens(self) -> list[tuple[Token[Current | None], AppContext | None]]:
        """The pushes, each with its app context."""
        if self._token is not None:
            return [(self._token, self._app_ctx)]
        return [
            (token, self._app_ctx if entered is self else t.cast("AppContext | None", entered))
            for token, _, entered in self._nested or ()
        ]

    def copy(self) -> RequestContext:
        """Return a context for the same request and session, to be entered elsewhere."""
        app = self.app
        if not self._is_bound and self._finds_again(app._current_plan(), is_copied=True):
            # What the constructor does but for the URL adapter, which the map makes unnecessary.
            copied = new(type(self))
            copied.app, copied._request, copied._state = app, self.request, CREATED
        else:
            copied = type(self)(app, self.request.environ, self.request, self._session)
        copied._copy_of = self if self._copy_of is None else self._copy_of
        late_writes.watch(copied)
        return copied

    def push(self) -> None:
        """Make this request the current one: open its session if need be, and match its URL."""
        app, plain = self.app, self._state is PLAIN
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.current(app)
        finds = not self._is_bound and (plain or self._finds_again(plan))
        if not finds:
            self.url_adapter  # noqa: B018 - reading it makes it, and refuses a host before anything is entered
        # The app context has an adapter as well.
        is_implicit = plan.skips_app_context and plan.skips_adapter
        if plain and is_implicit and current_value(None) is None and not appcontext_pushed.receivers:
            self._token = set_current(self)
        else:
            self._push_nested()
        if not getattr(app.session_interface, "opens_lazily", False):
            self._session  # noqa: B018 - reading it opens it
        if finds:
            self._match_by_map()
        elif not self._finds_by_adapter():
            self._match_by_adapter()

    def _finds_again(self, plan: Plan, *, is_copied: bool = False) -> bool:
        """Return whether a request that is entered once more may be matched by the map again, without an adapter."""
        # Once there is an adapter, that one has the path to match. A copy would have a new one.
        app, request = self.app, self._make_request() if self._request is None else self._request
        return (
            (self._state is not CREATED or self._copy_of is not None)
            and plan.skips_adapter
            and plan.request_class is not None
            and type(self) is RequestContext
            and type(request) is plan.request_class
            and (is_copied or self._adapter is False)
            and app.config["TRUSTED_HOSTS"] is None
            and request.trusted_hosts is None
        )

    def _push_nested(self) -> None:
        """Enter this request inside another context, or once more."""
        if self._nested is None:
            self._nested = []
        if self._token is not None:
            self._nested.append((self._token, self, self))
            self._token = None
        self._is_opening = False
        if self._state not in ANSWERED:
            self._state = NESTED
        outer = current_value(None)
        disturb(outer)
        outside = None if outer is None else outer._app_ctx
        entered, given = None, self._entering
        if given is not None or outside is None or outside.app is not self.app:
            self._entering = None
            if isinstance(given, BaseException):
                raise given
            entered, is_entered = (self.app.app_context(), False) if given is None else given
            if not is_entered:
                entered.push()
            # What hears of that may have entered another context, or have left this one.
            outer = current_value(None)
            disturb(outer)
            outside = None if outer is None else outer._app_ctx
        value = Entered(outside, self)
        self._nested.append((set_current(value), value, entered))

    def pop(  # noqa: C901 - calls of its own would cost as much as what they would do
        self, exc: BaseException | None = _sentinel
    ) -> None:
        """Leave this request; the last pop runs the teardown functions.

        Raises:
            AssertionError: If another request is current.
        """
        exc = sys.exc_info()[1] if exc is _sentinel else exc
        token = self._token
        if token is None:
            self._pop_nested(exc)
            return
        app = self.app
        try:
            self._tear_down(exc)
        finally:
            is_left_by_steps = self._state in LEFT_BY_STEPS
            # One that nobody has read is not made only to be left.
            request = self._request
            if request is None and not (is_left_by_steps and self._plan is not None):
                request = self._make_request()
            found = current_value(None)
            if found is not self and (found is None or found._request_ctx is None):
                raise LookupError(_cv_request)
            self._token = None
            # If a teardown function entered this request again, this push is among the others.
            self._nested = self._nested and [push for push in self._nested if push[0] is not token]
            self._state = NESTED if self._state is PLAIN else self._state
            reset_current(token)
            # The server may use the environ of a request that was answered for another one.
            if request is None:
                self._environ["werkzeug.request"] = None
            elif getattr(request, "_scope", None) is None and (
                self._state not in ANSWERED or request.environ.get("werkzeug.request") is request
            ):
                request.environ["werkzeug.request"] = None
            if not is_left_by_steps:
                keep_environ(request)
            plan = app._plan
            if plan.epoch is not invalidation.epoch:
                plan = app._planner.current(app)
            if (
                app.teardown_appcontext_funcs
                or appcontext_tearing_down.receivers
                or appcontext_popped.receivers
                or not plan.ends_quietly
            ):
                own = self._own_app_ctx
                self._leave_app(Leaving(self, token) if own is None else Entered(own, None), exc)
            elif (own := self._own_app_ctx) is not None and own._pushes:
                take_push(own._pushes, None)
            if found is not self:
                refuse_pop(self, found)

    def _pop_nested(self, exc: BaseException | None) -> None:
        """Undo a push inside another context, or a repeated one."""
        pushes = self._nested or []
        last = len(pushes) == 1
        try:
            if last:
                self._tear_down(exc)
        finally:
            found = current_value(None)
            if found is None or found._request_ctx is None:
                raise LookupError(_cv_request)
            token, value, entered = take_push(pushes, found)
            context = self._app_ctx if entered is self else None
            if found is value:
                reset_current(token)
            else:
                # An app context that was entered or left since stays so.
                before = None if token.old_value is Token.MISSING else token.old_value
                request_ctx = None if before is None else before._request_ctx
                set_current(combined(found._app_ctx, request_ctx))
            request = self._make_request() if self._request is None else self._request
            if last and (not self._is_answered or request.environ.get("werkzeug.request") is request):
                request.environ["werkzeug.request"] = None
            if last and self._state not in LEFT_BY_STEPS:
                keep_environ(request)
            if context is not None:
                self._leave_app(Entered(context, None), exc)
            elif isinstance(entered, AppContext):
                entered.pop(exc)
            if found._request_ctx is not self:
                refuse_pop(self, found)

    def _tear_down(self, exc: BaseException | None) -> None:
        """Run the teardown functions of the request and close its files, without a call if there is nothing to do."""
        app = self.app
        plan = app._plan
        if plan.epoch is not invalidation.epoch:
            plan = app._planner.current(app)
        try:
            if app.teardown_request_funcs or request_tearing_down.receivers or not plan.ends_quietly:
                app.do_teardown_request(exc)
        finally:
            request = self._request
            if request is None:
                # What nobody has read has opened nothing.
                kind = None if self._plan is None else self._plan.request_class
                request = None if kind is not None and kind.closes_nothing else self._make_request()
            # Another request may have been assigned, of any class.
            if request is not None and not getattr(request, "closes_nothing", False):
                getattr(request, "close", int)()

    def _leave_app(self, value: Entered | Leaving, exc: BaseException | None) -> None:
        """Tear down the app context that this request activated, with only that context current, as a value."""
        app, context = self.app, value._own_app_ctx
        token = set_current(value)
        try:
            # A stream may have entered it as well and leave it later.
            if context is None or len(context._cv_tokens) <= 1:
                app.do_teardown_appcontext(exc)
        finally:
            context = value._own_app_ctx
            # The push of the request counts until here, so that a push in between is not the last one.
            if context is not None and context._cv_tokens:
                take_push(context._cv_tokens, None)
            reset_current(token)
        if appcontext_popped.receivers:
            send_signal(appcontext_popped, app, app.ensure_sync)

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


Entered.read_from(RequestContext)
