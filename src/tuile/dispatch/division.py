"""Decide how the steps of an ASGI server's request are divided between its event loop and a worker thread.

A request whose view is a coroutine function runs on the loop. Functions that are no coroutine functions may block, so
they run in a thread, as do coroutine functions after the view. If there are some that may block before the view and
after it, the request runs in a worker as a whole, as with any other view: functions that share a connection or a
thread-local expect one thread.
"""

from __future__ import annotations

import typing as t
from inspect import iscoroutinefunction, unwrap

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from .. import invalidation
from ..ctx.app_context import current_value
from ..http.received import SAFE_METHODS
from ..signals import heard, is_end_heard, request_finished
from ..wrappers.request import split_blueprint_path
from ._generated import begin_awaited
from .inlined_on_loop import may_run_on_loop
from .planner import is_coroutine_function

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..wrappers.request import Request
    from .plan import Plan
    from .return_values import AwaitedView

    #: A request that is to be answered on the loop: its context, which is not entered yet, its view, and the view's
    #: arguments.
    Begun: t.TypeAlias = tuple[RequestContext, AwaitedView, dict[str, object]]


class Functions(t.NamedTuple):
    """What kinds of functions are registered for a request, beside its view."""

    #: Whether any function runs before the view, and whether one of them may block.
    before: bool = False
    before_blocks: bool = False
    #: The same for what runs after it: `after_request` and teardown functions, receivers of signals.
    after: bool = False
    after_blocks: bool = False
    #: Whether any error handler may block, if that matters.
    handlers_block: bool = False

    @property
    def need_one_thread(self) -> bool:
        """Return whether the whole request has to run in one thread."""
        return self.before_blocks and (self.after_blocks or self.handlers_block)


_NONE = Functions()


def begin_on_loop(app: Flask, plan: Plan, environ: WSGIEnvironment) -> Begun | None:
    """Match a request, and begin it if it may run on the loop; None if a worker has to answer it as a whole.

    Args:
        app: The app.
        plan: Its plan, without anything in `to_workers`.
        environ: The environ of the request. If the result is None, it is as it was.
    """
    method = environ["REQUEST_METHOD"]
    if (
        not may_run_on_loop(app)
        or "werkzeug.debug.preserve_context" in environ
        or method == "OPTIONS"
        # The check may read the body.
        or (method not in SAFE_METHODS and app.config.get("CSRF") is not None)
    ):
        return None
    context, view, arguments = begin_awaited(app, plan, environ)
    if view is not None and not functions_around(app, plan, context.request).need_one_thread:
        return context, view, arguments
    environ.pop("werkzeug.request", None)
    return None


def has_functions_after(app: Flask, request: Request) -> bool:
    """Return whether functions are registered for the end of a request, or hear it."""
    if app.teardown_appcontext_funcs or (heard and (request_finished.receivers or is_end_heard())):
        return True
    if not (app.after_request_funcs or app.teardown_request_funcs):
        return False
    for scope in (None, *request.blueprints):
        if app.after_request_funcs.get(scope) or app.teardown_request_funcs.get(scope):
            return True
    return False


def functions_around(app: Flask, plan: Plan, request: Request) -> Functions:
    """Return what kinds of functions are registered for a request."""
    if not (
        app.before_request_funcs
        or app.url_value_preprocessors
        or app.after_request_funcs
        or app.teardown_request_funcs
        or app.teardown_appcontext_funcs
        or (heard and (request_finished.receivers or is_end_heard()))
    ):
        return _NONE
    return _functions_of(app, plan, request.blueprints)


def _functions_of(app: Flask, plan: Plan, blueprints: Sequence[str]) -> Functions:
    scopes = (None, *blueprints)
    before = _of(scopes, app.before_request_funcs)
    prepares = bool(app.url_value_preprocessors) and any(app.url_value_preprocessors.get(scope) for scope in scopes)
    after = _of(scopes, app.after_request_funcs)
    # Coroutine functions at the end are awaited by a worker: leaving a context is one step, in one thread.
    ends = bool(
        app.teardown_appcontext_funcs
        or _of(scopes, app.teardown_request_funcs)
        or request_finished.receivers
        or is_end_heard()
    )
    before_blocks = prepares or _may_block(plan, before)
    return Functions(
        before=bool(before) or prepares,
        before_blocks=before_blocks,
        after=bool(after) or ends,
        after_blocks=ends or _may_block(plan, after),
        handlers_block=before_blocks and _may_block(plan, _handlers(app)),
    )


def _of(
    scopes: Iterable[str | None], registry: Mapping[str | None, Sequence[Callable[..., object]]]
) -> list[Callable[..., object]]:
    return [function for scope in scopes for function in registry.get(scope, ())] if registry else []


def _handlers(app: Flask) -> list[Callable[..., object]]:
    return [
        handler
        for by_code in app.error_handler_spec.values()
        for by_class in by_code.values()
        for handler in by_class.values()
    ]


def _may_block(plan: Plan, functions: Iterable[Callable[..., object]]) -> bool:
    return any(not is_coroutine_function(plan, function) for function in functions)


def answers_itself(app: Flask, plan: Plan, context: RequestContext, error: BaseException) -> bool:
    """Return whether an error is an HTTP error of Werkzeug's that becomes the answer without any handler."""
    return (
        isinstance(error, HTTPException)
        and type(error).__module__ == HTTPException.__module__
        and plan.answers_alone
        and plan.handles_errors
        and plan.epoch is invalidation.epoch
        # In debug mode some of them are trapped, and tell more.
        and not (app.config["DEBUG"] or app.config["TRAP_HTTP_EXCEPTIONS"] or app.config["TRAP_BAD_REQUEST_ERRORS"])
        and (not app.error_handler_spec or _has_no_handler(app, context, error))
    )


def _has_no_handler(app: Flask, context: RequestContext, error: HTTPException) -> bool:
    """Return whether `handle_user_exception` would find no handler for an error, with which the plan `handles_errors`.

    It looks for those of the request that is current, and for none for what redirects or is a response.
    """
    return (
        isinstance(error, RoutingException)
        or error.code is None
        or (current_value(None) is context and app._find_error_handler(error, context.request.blueprints) is None)
    )


def blocks_after_view(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether what is left to do after a view needs a worker, because it may block the loop.

    Coroutine functions need one as well: the steps after a view call functions, and cannot await them on the loop.
    """
    return (
        plan.epoch is not invalidation.epoch
        or has_functions_after(app, context.request)
        or bool(context._after_functions)
        # A session in a store is saved; one in a cookie is computed.
        or (context._opened_session is not None and app.config.get("SESSION_STORE") is not None)
    )


def way_of(app: Flask, plan: Plan, endpoint: str) -> str:
    """Return where an ASGI server's requests for an endpoint run, and why, for people.

    Args:
        app: The app.
        plan: Its plan.
        endpoint: One of its endpoints.
    """
    view = app.view_functions.get(endpoint)
    if view is None or not iscoroutinefunction(view):
        if view is not None and iscoroutinefunction(unwrap(view)):
            return "in a worker: a decorator has made its coroutine function synchronous"
        return "in a worker: it is no coroutine function"
    if plan.to_workers:
        return f"in a worker: {plan.to_workers[0]}"
    name, _, _ = endpoint.rpartition(".")
    functions = _functions_of(app, plan, split_blueprint_path(name) if name else [])
    if functions.need_one_thread:
        return "in a worker: functions before and after it may block, and expect to share one thread"
    if functions.before_blocks:
        return "on the event loop; the functions before it in a worker"
    return "on the event loop; the functions after it in a worker" if functions.after_blocks else "on the event loop"
