"""The source of the fast path, which serves a request if the app's plan allows it.

It does the same as `wsgi_app` and its steps if a rule matches, the view returns and no user code sees the response. In
all other cases it calls the steps. `tools/flatten.py` inlines its functions into `serve` and writes
`_generated.serve_wsgi`, which serves requests; the calls would cost a quarter more. Tests compare the two.
"""

from __future__ import annotations

import sys
import typing as t
from sys import getrefcount

from .. import invalidation
from ..ctx.app_context import NOTHING_BEFORE, set_current
from ..ctx.references import REFERENCES
from ..http.received import SAFE_METHODS
from ..routing.binding import is_for_websocket
from ..routing.rule import scopes_of
from ..signals import appcontext_pushed, heard, request_finished, request_started
from ..wrappers.response import CALL, SEND
from .entering import enter_constructed, enter_heard
from .inlined import (
    begin,
    end,
    has_session_alone,
    is_unobserved,
    is_untouched,
    match_route,
    may_finish,
    open_session,
    reset,
    run_after,
    run_view,
    session_headers,
    sets_nothing,
)
from .inlined_response import UNSEEN, encode_answer, is_as_made, is_changed, length_header, response_of, send
from .pages import adds_session, page_of, response_without_code
from .planner import is_coroutine_function
from .teardown import APP_ALONE, parts_at_end
from .without_view import parts_without_view

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..wrappers.response import TextStart
    from .plan import Plan
    from .return_values import AwaitedView, Body, Parts


def serve(  # noqa: C901 - what the steps handle, case by case
    app: Flask, plan: Plan, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """Answer one request by a plan that is `fast`, as the steps would."""
    if not app._got_first_request:
        # Before any answer, and for the server to see: no handler of errors is asked about a wrong setting.
        app._check_settings()
        # The steps say when it counts as the first: not where its URL could not be matched.
        return app._serve_by_steps(environ, start_response)
    trusted = app.config["TRUSTED_HOSTS"]
    if plan.begins_plainly and not (heard and appcontext_pushed.receivers):
        context = begin(app, plan, environ)
        token = context._token = set_current(context)
        # Asked of the token, which is faster than `get`: whether another context is active.
        if token.old_value is not NOTHING_BEFORE and token.old_value is not None:
            reset(token)
            return app._serve_by_steps(environ, start_response)
    else:
        context = app.request_context(environ)
        enter = enter_heard if heard and appcontext_pushed.receivers else enter_constructed
        if not enter(plan, context):
            return app._serve_by_steps(environ, start_response, context)
    error: BaseException | None = None
    start: TextStart | None
    body: Body = None
    more: list[tuple[str, str]] | None
    try:
        try:
            if not plan.opens_lazily:
                open_session(app, context)
            start, body, more = answer_request(app, plan, context, environ, trusted)
        except Exception as failure:  # noqa: BLE001 - everything a view may raise becomes an answer
            error = failure
            start, body, more = None, app.handle_exception(failure), None
        except BaseException:
            error = sys.exc_info()[1]
            raise
        if start is not None:
            return send(start, body, more, environ, start_response)
        # Looked up on the class, as Python does; methods of the object do not count.
        if type(body).__call__ is CALL:
            parts: Iterable[bytes] = SEND(body, environ, start_response)
        else:
            parts = body(environ, start_response)
    finally:
        whole = end(app, plan, context, environ, error, body)
        # A traceback that someone keeps refers to this frame, and the context to `g`: on Flask, `g` ends here.
        del context
    if whole is not None and is_changed(body, whole, parts):
        return parts_at_end(body, whole, parts)
    return parts


def answer_request(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, trusted: list[str] | None
) -> Parts:
    """Match the URL, run the view and return the parts of the response.

    Returns:
        The start of the response, its body and more headers, if there are any; or None and the response object, if one
        is needed.
    """
    answer: Body
    method = environ["REQUEST_METHOD"]
    is_upgrade = "HTTP_UPGRADE" in environ and is_for_websocket(environ)
    try:
        # Nearly always there, and found faster than by calls of `get`.
        host, scheme, path = environ["HTTP_HOST"], environ["wsgi.url_scheme"], environ["PATH_INFO"]
    except KeyError:
        host, scheme = environ.get("HTTP_HOST"), environ.get("wsgi.url_scheme")
        path = environ.get("PATH_INFO", "")
    rule, arguments, known = match_route(app, plan, context, environ, method, host, scheme, path, is_upgrade, trusted)
    if (
        rule is None
        or not plan.dispatches
        # The setting is read live, as everything that protects.
        or (
            method != "GET"
            and (method == "OPTIONS" or (method not in SAFE_METHODS and app.config.get("CSRF") is not None))
        )
        or (heard and request_started.receivers)
        # A converter may have changed the app, and what opens the session.
        or ((arguments or not plan.opens_lazily) and plan.epoch is not invalidation.epoch)
    ):
        finished = parts_without_view(app, plan, context, environ, rule, method) if plan.answers_alone else None
        return (None, app.full_dispatch_request(), None) if finished is None else finished
    try:
        answer = run_view(app, plan, context, method, rule, arguments, known)
    except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
        answer = app.handle_user_exception(raised)
    return finish(app, plan, context, environ, answer)


def finish(app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, answer: Body) -> Parts:
    """Return the parts of the response to what a view has returned, as `answer_request` does."""
    if is_unobserved(plan, context):
        sent_cookies = environ.get("HTTP_COOKIE")
        return finish_unobserved(app, plan, context, sent_cookies, answer)
    if plan.quiet_without_cookies and sets_nothing(app, plan, context, environ):
        quick_start, quick_body = encode_answer(plan, answer)
        if quick_start is not None:
            return quick_start, quick_body, None
    return finish_by_functions(app, plan, context, environ, answer)


def finish_by_functions(
    app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment, answer: Body
) -> Parts:
    """Return the parts of the response to what a view has returned, if functions are called for it.

    They are those of `finalize_request`; a response that is as it was made is not needed.
    """
    try:
        if not may_finish(plan, context):
            return None, app.finalize_request(answer), None
        start, body = encode_answer(plan, answer)
        counted = length_header(body)
        if start is not None:
            response = response_of(plan, start, counted, body)
        else:
            made = response_without_code(app, plan, environ, answer)
            if made is None:
                return None, app.finalize_request(answer), None
            response = made
        rule = context._rule if context._request is None else context._request.url_rule
        if plan.has_endpoint_of_rule and rule is not None:
            scopes = APP_ALONE if "." not in rule.endpoint else scopes_of(rule.endpoint)
        else:
            scopes = (*context.request.blueprints, None)
        response = run_after(app, plan, scopes, response)
        sent_cookies = environ.get("HTTP_COOKIE")
        if context._is_touched or sent_cookies is not None:
            app._keep_state(context, sent_cookies, response)
        if plan.epoch is not invalidation.epoch or (heard and request_finished.receivers):
            app._tell_finished(response)
        try:
            if start is not None and is_as_made(plan, start, counted, body, response):
                return start, body, None
        except AttributeError:
            # A function has deleted one.
            pass
        return None, response, None
    finally:
        # The traceback of an error refers to this frame, and the context to `g`.
        del context


def finish_unobserved(app: Flask, plan: Plan, context: RequestContext, sent_cookies: str | None, answer: Body) -> Parts:
    """Return the parts of a response that no user code would see."""
    untouched = is_untouched(app, plan, context, sent_cookies)
    if untouched or has_session_alone(app, plan, context):
        start, encoded = encode_answer(plan, answer)
        if start is not None:
            if untouched:
                return start, encoded, None
            more = session_headers(app, context)
            if more is not None:
                return start, encoded, more
            return None, app.finalize_request(answer), None
        # A response that is referenced elsewhere may be sent to others: `finalize_request` handles that.
        if (
            type(answer) is plan.response_class
            and getrefcount(answer) <= REFERENCES
            and (untouched or adds_session(app, context, answer))
        ):
            return start, answer, UNSEEN if untouched else None
        complete = page_of(app, plan, answer)
        if complete is not None and (untouched or adds_session(app, context, complete)):
            return start, complete, None
    return None, app.finalize_request(answer), None


def begin_awaited(
    app: Flask, plan: Plan, environ: WSGIEnvironment
) -> tuple[RequestContext, AwaitedView | None, dict[str, object]]:
    """Make the context of a request that may be answered on an event loop, and find its view.

    Returns:
        The context, the view if it is a coroutine function, and its arguments.
    """
    context = begin(app, plan, environ)
    context._make_request()
    method = environ["REQUEST_METHOD"]
    host, scheme = environ.get("HTTP_HOST"), environ.get("wsgi.url_scheme")
    path, is_upgrade = environ.get("PATH_INFO", ""), "HTTP_UPGRADE" in environ and is_for_websocket(environ)
    rule, arguments, known = match_safely(app, plan, context, environ, method, host, scheme, path, is_upgrade)
    view = awaited_view(app, plan, rule, known)
    return context, view, arguments


def match_safely(
    app: Flask,
    plan: Plan,
    context: RequestContext,
    environ: WSGIEnvironment | None,
    method: str,
    host: str | None,
    scheme: str | None,
    path: str,
    is_upgrade: bool,
) -> tuple[Rule | None, dict[str, object], object]:
    """Do the same as `match_route`, but leave any error to the steps: there is no rule then."""
    trusted = app.config["TRUSTED_HOSTS"]
    try:
        rule, arguments, known = match_route(
            app, plan, context, environ, method, host, scheme, path, is_upgrade, trusted
        )
    except Exception:  # noqa: BLE001 - it is raised again where it is answered
        rule, arguments, known = None, {}, None
    return rule, arguments, known


def awaited_view(app: Flask, plan: Plan, rule: Rule | None, known: object) -> AwaitedView | None:
    """Return the view of a rule if it is a coroutine function."""
    view = None
    if rule is not None and known is None:
        its_view = app.view_functions.get(rule.endpoint)
        view = plan.coroutine_functions.get(id(its_view))
        if view is None and its_view is not None and is_coroutine_function(plan, its_view):
            view = plan.coroutine_functions[id(its_view)]
    return view
