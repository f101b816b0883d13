"""Responses to requests that no view answers: refusals and redirects of the URL map, and OPTIONS.

The steps make the same responses, by an exception or a response object. The fast path asks for these where nothing but
the steps would see them.
"""

from __future__ import annotations

import typing as t
from sys import getrefcount

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, SecurityError
from werkzeug.routing import RequestRedirect

from .. import invalidation
from ..ctx.references import REFERENCES
from ..ctx.states import PLAIN
from ..lazy import late_modules
from ..routing.binding import is_for_websocket
from ..signals import request_finished, request_started
from ..wrappers.environ import brief_environ_of
from ..wrappers.plain_response import STATUS_LINES
from .error_pages import redirect_parts, usual_page
from .inlined import is_unobserved, is_untouched
from .inlined_response import encode_answer
from .pages import Page, page_of
from .registered import has_functions_at_end, has_functions_before

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule

    from .. import typing as ft
    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..routing import answers
    from ..wrappers.response import Response
    from .plan import Plan
    from .return_values import Body, Parts
else:
    (answers,) = late_modules(__name__, "..routing.answers")

_REFUSALS = frozenset({NotFound, MethodNotAllowed, SecurityError})
_HTML: t.Final = ("Content-Type", "text/html; charset=utf-8")


def parts_without_view(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, rule: Rule | None, method: str
) -> Parts | None:
    """Return the parts of the response to a request that no view answers; None if the steps have to make it.

    Args:
        app: The app.
        plan: Its plan, by which these steps are not overridden.
        context: The context of the request, which was matched.
        environ: The WSGI environ of the request.
        rule: The rule that was found, if one was.
        method: The method of the request.
    """
    error = context._refusal if context._request is None else context._request.routing_exception
    if (
        (error is None and (rule is None or method != "OPTIONS"))
        or plan.epoch is not invalidation.epoch
        or context._state is not PLAIN
        or request_started.receivers
        or app.config.get("CSRF") is not None
        or ("HTTP_UPGRADE" in environ and is_for_websocket(environ))
    ):
        return None
    if (app.before_request_funcs or app.after_request_funcs or app.url_value_preprocessors) and (
        has_functions_before(app, plan, context) or has_functions_at_end(app, plan, context)
    ):
        if error is None:
            return None, _options_by_functions(app, plan, context, environ, rule), None
        # The traceback of the error, which the request keeps, may have this frame: it must not refer to the request.
        given = [context, error]
        del context, error
        return None, _response_by_functions(app, plan, given), None
    if (
        context._is_touched
        or request_finished.receivers
        or (environ.get("HTTP_COOKIE") is not None and app.session_interface.is_due(app, environ["HTTP_COOKIE"]))
    ):
        return None
    if error is None:
        page = _options_page(app, plan, environ, rule)
        return None if page is None else (None, page, None)
    if app.error_handler_spec and type(error) in _REFUSALS:
        if not _may_find_handler(app, context, error):
            return None
        handler = _handler_of(app, error)
        if handler is not None:
            answer = _handled(app, error, handler)
            # As above.
            given = [context, answer]
            del context, error, answer
            return _parts_by_handler(app, plan, environ, given)
    page = _error_page(app, error)
    return None if page is None else (None, page, None)


def answer_without_view(app: Flask, plan: Plan, context: RequestContext, rule: Rule | None, method: str) -> Parts:
    """Return the parts of the response to a request whose URL was refused, or to one for OPTIONS."""
    environ = brief_environ_of(context.request)
    finished = parts_without_view(app, plan, context, environ, rule, method) if plan.answers_alone else None
    return (None, app.full_dispatch_request(), None) if finished is None else finished


def may_be_handled(app: Flask, context: RequestContext) -> bool:
    """Return whether a function of the application may be called for the error of a URL that was refused."""
    error = context.request.routing_exception
    return (
        error is not None
        and type(error) in _REFUSALS
        and not (_may_find_handler(app, context, error) and _handler_of(app, error) is None)
    )


def _may_find_handler(app: Flask, context: RequestContext, error: HTTPException) -> bool:
    """Return whether `handle_user_exception` would only look for a handler for an error of the URL map.

    It may be trapped instead, and a class of requests may say that it belongs to a blueprint.
    """
    return (
        context.request.routing_exception is error
        and type(error) in _REFUSALS
        and context.request._has_endpoint_of_rule
        and not (app.config["TRAP_HTTP_EXCEPTIONS"] or app.config["TRAP_BAD_REQUEST_ERRORS"])
    )


def _handler_of(app: Flask, error: HTTPException) -> ft.ErrorHandlerCallable | None:
    """Return the app's handler for an error of the URL map, as `_find_error_handler` looks for it."""
    kind, registered = type(error), app.error_handler_spec.get(None)
    if registered:
        for code in (kind.code, None):
            handlers = registered.get(code)
            if handlers:
                for cls in kind.__mro__:
                    if cls in handlers:
                        return handlers[cls]
    return None


def _handled(app: Flask, error: HTTPException, handler: ft.ErrorHandlerCallable) -> Body:
    """Return what an error handler returns. It may ask what is raised."""
    try:
        raise error
    except HTTPException as raised:
        return app._handled_by(handler, raised)
    finally:
        del error


def _parts_by_handler(app: Flask, plan: Plan, environ: WSGIEnvironment, given: list[Body]) -> Parts:
    """Return the parts of the response to what an error handler has returned.

    Args:
        app: The app.
        plan: Its plan.
        environ: The environ of the request.
        given: The context of the request and the answer of the handler, which are taken out of it.
    """
    answer, context = given.pop(), given.pop()
    if is_unobserved(plan, context) and is_untouched(app, plan, context, environ.get("HTTP_COOKIE")):
        start, body = encode_answer(plan, answer)
        if start is not None:
            return start, body, None
        # A response that is referenced elsewhere may be sent to others: `finalize_request` handles that.
        is_own = type(answer) is plan.response_class and getrefcount(answer) <= REFERENCES
        page = answer if is_own else page_of(app, plan, answer)
        if page is not None:
            return None, page, None
    return None, app.finalize_request(answer), None


def _response_by_functions(app: Flask, plan: Plan, given: list[Body]) -> Response:
    """Return the response to an error of the URL map with the functions around it, as `full_dispatch_request` does.

    Args:
        app: The app.
        plan: Its plan.
        given: The context of the request and the error, which are taken out of it.
    """
    error, context, is_refused = given.pop(), given.pop(), False
    try:
        answer: Body = app.preprocess_request()
        if answer is None:
            is_refused = plan.epoch is invalidation.epoch and _may_find_handler(app, context, error)
            # If no function handles it, it need not be raised.
            answer = error if is_refused else app.dispatch_request()
    except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
        answer = app.handle_user_exception(raised)
    else:
        handler = _handler_of(app, error) if is_refused and app.error_handler_spec else None
        if handler is not None:
            answer = _handled(app, error, handler)
    finally:
        # The error's traceback may refer to this frame.
        del context, error
    return app.finalize_request(answer)


def _options_by_functions(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, rule: Rule | None
) -> Response:
    """Return the response to OPTIONS with the functions around it, as `full_dispatch_request` does."""
    request = context.request
    request.method, arguments = "OPTIONS", request.view_args
    try:
        answer: Body = app.preprocess_request()
        if answer is None:
            is_as_before = (
                plan.epoch is invalidation.epoch
                and context._state is PLAIN
                and context._adapter is False
                and context.request is request
                and request.url_rule is rule
                and request.view_args is arguments
                and request.routing_exception is None
                and request.method == "OPTIONS"
            )
            methods = _methods_of(app, plan, environ, rule) if is_as_before else None
            if methods is None:
                answer = app.dispatch_request()
            else:
                answer = plan.response_class()
                answer.headers._list.append(("Allow", methods))
    except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
        answer = app.handle_user_exception(raised)
    return app.finalize_request(answer)


def _error_page(app: Flask, error: HTTPException) -> Page | None:
    """Return the page for an error of the URL map that no handler is registered for."""
    if app.config["TRAP_HTTP_EXCEPTIONS"]:
        return None
    kind = type(error)
    if kind is RequestRedirect:
        parts = redirect_parts(error)
        if parts is None or parts[2] not in STATUS_LINES or (app.config["DEBUG"] and parts[2] not in {307, 308}):
            return None
        text, location, code = parts
        body = text.encode()
        pairs = [_HTML, ("Content-Length", str(len(body))), ("Location", location)]
        return Page(STATUS_LINES[code], pairs, [body])
    if kind not in _REFUSALS or (kind is SecurityError and app.config["TRAP_BAD_REQUEST_ERRORS"]):
        return None
    page = usual_page(error)
    return None if page is None else Page(page[0], page[2], [page[3]])


def _options_page(app: Flask, plan: Plan, environ: WSGIEnvironment, rule: Rule | None) -> Page | None:
    """Return the response to OPTIONS with the methods that the URL allows."""
    methods = _methods_of(app, plan, environ, rule)
    if methods is None or plan.text_start is None:
        return None
    header, status = plan.text_start[:2]
    return Page(status, [header, ("Allow", methods), ("Content-Length", "0")], [])


def _methods_of(app: Flask, plan: Plan, environ: WSGIEnvironment, rule: Rule | None) -> str | None:
    """Return the methods that the URL of a request for OPTIONS allows; None if the view or the steps answer it."""
    if not getattr(rule, "provide_automatic_options", False) or plan.text_start is None:
        return None
    methods = None if plan.matches_hosts else answers.methods_for(app.url_map, environ.get("PATH_INFO"))
    return ", ".join(methods) if methods and answers.is_plain_list(methods) else None
