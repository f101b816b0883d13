"""The coroutine functions around a view: they are awaited on the event loop as it is, without a worker.

Each function here does what the step does that calls such functions in a worker.
"""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RoutingException

from .. import invalidation
from ..ctx.app_context import current_value
from ..dispatch import shared_responses
from ..dispatch.plan import is_stock
from ..dispatch.planner import is_coroutine_function
from ..signals import heard, is_end_heard, request_finished
from ..wrappers.environ import cookie_header_of
from .workers import call_in_worker

if t.TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .. import typing as ft
    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .workers import Workers

    #: What an error handler has returned, what is still raised, and whether a handler raised it.
    Handled: t.TypeAlias = tuple[object, BaseException | None, bool]


def may_be_awaited(plan: Plan, function: Callable[..., object]) -> bool:
    """Return whether a function is a coroutine function, and none before it has replaced what would call it."""
    return plan.epoch is invalidation.epoch and is_coroutine_function(plan, function)


async def await_before(app: Flask, plan: Plan, workers: Workers, request: Request) -> object:
    """Await the functions before a view until one of them returns a response, as `preprocess_request` calls them."""
    for scope in (None, *reversed(request.blueprints)):
        for function in app.before_request_funcs.get(scope, ()):
            result = await _awaited(app, plan, workers, function)
            if result is not None:
                return result
    return None


def may_await_after(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether what is left to do after a view are coroutine functions for its response; nothing may block."""
    if (
        not app.after_request_funcs
        or plan.epoch is not invalidation.epoch
        or app.teardown_appcontext_funcs
        or (heard and (request_finished.receivers or is_end_heard()))
        or context._after_functions
        or context._nested
        or current_value(None) is not context
        or app.config.get("SESSION_STORE") is not None
    ):
        return False
    for scope in (None, *context.request.blueprints):
        if app.teardown_request_funcs.get(scope):
            return False
        for function in app.after_request_funcs.get(scope, ()):
            if not is_coroutine_function(plan, function):
                return False
    return True


async def finalize(
    app: Flask, plan: Plan, workers: Workers, context: RequestContext, answer: ft.ResponseReturnValue
) -> Response:
    """Make the response and await the functions for it, as `finalize_request` calls them."""
    response = app.make_response(answer)
    if response is answer or (isinstance(answer, tuple) and response is answer[0]):
        # Other responses are created for this request.
        response = shared_responses.claim(app, response)
    for scope in (*context.request.blueprints, None):
        for function in reversed(app.after_request_funcs.get(scope, ())):
            given = t.cast("Response", await _awaited(app, plan, workers, function, response))
            response = given if given is response else shared_responses.claim(app, given)
    sent = cookie_header_of(context.request)
    if context._is_touched or sent is not None:
        app._keep_state(context, sent, response)
    if request_finished.receivers or plan.checks_cookies or plan.epoch is not invalidation.epoch:
        app._tell_finished(response)
    return response


async def _awaited(app: Flask, plan: Plan, workers: Workers, function: Callable[..., object], *args: object) -> object:
    """Return what a coroutine function returns; one that is none, or is not known to be one any more, gets a worker."""
    if may_be_awaited(plan, function):
        return await t.cast("Awaitable[object]", function(*args))
    return await call_in_worker(workers, lambda: app.ensure_sync(function)(*args))


async def handle(app: Flask, plan: Plan, context: RequestContext, error: BaseException) -> Handled:
    """Await the handler of an error that a view has raised, if it is a coroutine function."""
    handler = _handler_of(app, plan, context, error)
    if handler is None:
        return None, error, False
    try:
        try:
            raise error
        except Exception as handled:  # noqa: BLE001 - handlers may be registered for any exception
            return await t.cast("Awaitable[object]", handler(handled)), None, False
    except BaseException as raised:  # noqa: BLE001 - it is raised again where it is handled
        return None, raised, True
    finally:
        # Its traceback refers to this frame.
        del error


def _handler_of(app: Flask, plan: Plan, context: RequestContext, error: BaseException) -> Callable[..., object] | None:
    """Return the handler that `handle_user_exception` would call, if it is a coroutine function."""
    if (
        not isinstance(error, Exception)
        or not plan.handles_errors
        or plan.epoch is not invalidation.epoch
        or not is_stock(app, "handle_user_exception")
        or current_value(None) is not context
        # Some errors are trapped, and tell more.
        or (app.config["DEBUG"] or app.config["TRAP_HTTP_EXCEPTIONS"] or app.config["TRAP_BAD_REQUEST_ERRORS"])
        or (isinstance(error, HTTPException) and (error.code is None or isinstance(error, RoutingException)))
    ):
        return None
    handler = app._find_error_handler(error, context.request.blueprints)
    return handler if handler is not None and is_coroutine_function(plan, handler) else None
