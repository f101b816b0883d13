"""An error that a view on the event loop has raised, and that nothing handles: it is logged there, if that is quick."""

from __future__ import annotations

import typing as t
from logging import ERROR, FileHandler, Formatter, Logger, NullHandler, StreamHandler

from werkzeug.exceptions import HTTPException, InternalServerError

from ..ctx.app_context import current_value
from ..dispatch.inlined_on_loop import may_end_on_loop
from ..dispatch.plan import is_stock
from ..dispatch.teardown import leave
from ..signals import got_request_exception
from ..wrappers.environ import brief_environ_of

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..wrappers.response import Response

#: They write a record, and do not wait for anything else. Subclasses may do anything.
_QUICK = frozenset({StreamHandler, FileHandler, NullHandler})
_STEPS = ("handle_user_exception", "handle_exception", "log_exception")


def answer_unhandled(
    app: Flask, plan: Plan, context: RequestContext, error: BaseException | None, *, is_finished: bool
) -> tuple[Response | None, BaseException | None]:
    """Log an error that a view has raised, and answer its request as `handle_exception` does, if nothing may block.

    Args:
        app: The app.
        plan: Its plan.
        context: The context of the request.
        error: The error, if there is one.
        is_finished: Whether the view has not raised it, but what came after.

    Returns:
        The response; or None and the error, if a worker is to do it.
    """
    if error is None or is_finished or not _may_answer(app, plan, context, error):
        return None, error
    traceback = error.__traceback__
    if traceback is not None:
        # Without the frames of this package, which tell nothing, and are so long that writing one takes as long as ten.
        traceback = traceback.tb_next or traceback
    try:
        try:
            raise error
        except Exception as raised:  # noqa: BLE001 - every error becomes an answer
            return app.handle_exception(raised.with_traceback(traceback)), None
    except BaseException:
        leave(app, context, brief_environ_of(context.request), error)
        raise
    finally:
        # They refer to this frame.
        del error, traceback


def _may_answer(app: Flask, plan: Plan, context: RequestContext, error: BaseException) -> bool:
    """Return whether `handle_exception` calls nothing that may block, and no handler."""
    propagates: bool | None = app.config["PROPAGATE_EXCEPTIONS"]
    return (
        isinstance(error, Exception)
        # These have handlers of their own, and may be trapped.
        and not isinstance(error, HTTPException)
        and not (app.testing or app.debug if propagates is None else propagates)
        and not got_request_exception.receivers
        and plan.handles_errors
        and all(is_stock(app, name) for name in _STEPS)
        and current_value(None) is context
        and may_end_on_loop(app, plan, context)
        and not (app.error_handler_spec and _has_handler(app, context, error))
        and logs_quickly(app.logger)
    )


def _has_handler(app: Flask, context: RequestContext, error: Exception) -> bool:
    """Return whether a handler is registered for an error, or for the page about it."""
    blueprints = context.request.blueprints
    return any(app._find_error_handler(each, blueprints) is not None for each in (error, InternalServerError()))


def logs_quickly(logger: object) -> bool:
    """Return whether a record of an error is written at once. Mail and what is sent elsewhere may take its time.

    So may filters and formatters of the application, such as one that adds who is logged in.
    """
    # Records are not shown to the filters of the loggers above.
    if type(logger) is not Logger or logger.filters:
        return False
    link: Logger | None = logger
    while link is not None:
        for handler in link.handlers:
            if handler.level <= ERROR and not (
                type(handler) in _QUICK
                and not handler.filters
                and (handler.formatter is None or type(handler.formatter) is Formatter)
            ):
                return False
        link = link.parent if link.propagate else None
    return True
