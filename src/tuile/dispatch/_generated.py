"""The fast path as it is run. Generated from `fast_path.py` and `inlined.py` by `make generated`.

Edit those; `make check` compares. A comment names the function whose body follows.
"""

from __future__ import annotations

import sys
import typing as t
from sys import getrefcount

from werkzeug.datastructures import Headers

from .. import invalidation
from ..ctx.app_context import REFERENCES, current
from ..ctx.request_context import RequestContext
from ..ctx.states import ENDED, PLAIN
from ..http.received import SAFE_METHODS
from ..routing.route import matched_by
from ..signals import (
    appcontext_popped,
    appcontext_pushed,
    appcontext_tearing_down,
    request_finished,
    request_started,
    request_tearing_down,
)
from ..wrappers.response import CALL, SEND
from .inlined import (
    LENGTHS,
    REFERENCES_TO_BOTH,
    SHORT,
    has_session_alone,
    is_trusted,
    leave,
    new,
    open_session,
    parts_at_end,
    remember,
    session_headers,
)
from .pages import page_of_tuple, page_without_view

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..wrappers.response import Response, TextStart
    from .plan import Plan
    from .return_values import AwaitedParts, AwaitedView, Body


def serve_wsgi(app: Flask, plan: Plan, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request by a plan that is `fast`, as the steps would."""
    if not app._got_first_request:
        app._check_settings()
        return app._serve_by_steps(environ, start_response)
    if current.get(None) is not None or appcontext_pushed.receivers:
        return app._serve_by_steps(environ, start_response)
    trusted = app.config["TRUSTED_HOSTS"]
    # begin: Make the request and its context
    request = new(plan.request_class)
    request.environ = environ
    request.json_module = app.json
    environ["werkzeug.request"] = request
    context: RequestContext = new(RequestContext)
    context.app = app
    context.request = request
    context._state = PLAIN
    context._is_touched = False
    context._token = current.set(context)
    error: BaseException | None = None
    start: TextStart | None
    body: Body
    more: list[tuple[str, str]] | None
    try:
        try:
            if not plan.opens_lazily:
                open_session(app, context)
            # answer_request: Match the URL, run the view and return the parts of the response
            answer: t.Any
            method = environ["REQUEST_METHOD"]
            # match_route: Find the rule of a request and the view's arguments
            request = context.request
            rule: Rule | None
            arguments: dict[str, object]
            known: object = None
            path: str = environ.get("PATH_INFO", "")
            is_allowed = trusted is None or is_trusted(context, trusted)
            route = plan.static_routes.get(path) if is_allowed else None
            if (
                route is not None
                and method in route[0].methods
                and (
                    environ.get("HTTP_HOST") in plan.hosts
                    and ((scheme := environ.get("wsgi.url_scheme")) == "http" or scheme == "https")
                    and ("HTTP_UPGRADE" not in environ)
                )
            ):
                rule, known = route
                arguments = {}
                request.url_rule = rule
                request.view_args = arguments
            elif (
                is_allowed
                and plan.variable_routes
                and ((by_route := matched_by(plan.variable_routes, path, method)) is not None)
                and (
                    environ.get("HTTP_HOST") in plan.hosts
                    and ((scheme := environ.get("wsgi.url_scheme")) == "http" or scheme == "https")
                    and ("HTTP_UPGRADE" not in environ)
                )
            ):
                rule, arguments, known = by_route
                request.url_rule = rule
                request.view_args = arguments
            else:
                found = app.url_map.find(environ, app.config["SERVER_NAME"]) if is_allowed and plan.finds else None
                if found is None:
                    context._match_by_adapter()
                    rule = request.url_rule if method.isupper() and "HTTP_UPGRADE" not in environ else None
                    arguments = request.view_args or {}
                elif found[0] is None:
                    rule, arguments = (None, {})
                    request.routing_exception = found[1]
                else:
                    rule, arguments = found
                    request.url_rule = rule
                    request.view_args = arguments
                    if plan.hosts and id(rule) not in plan.rules_tried:
                        remember(app, plan, path, rule, arguments)
            if (
                rule is None
                or not plan.dispatches
                or method == "OPTIONS"
                or (method not in SAFE_METHODS and app.config.get("CSRF") is not None)
                or request_started.receivers
            ):
                is_alone = plan.answers_alone and (not app.before_request_funcs) and (not app.after_request_funcs)
                page = page_without_view(app, plan, context, environ, rule, method) if is_alone else None
                start = None
                body = app.full_dispatch_request() if page is None else page
                more = None
            else:
                try:
                    # run_view: Run the hooks, if there are any, and call the view
                    if app.before_request_funcs or app.url_value_preprocessors or (not plan.calls_view):
                        context.request.method = environ["REQUEST_METHOD"]
                        hooked = app.preprocess_request()
                        answer = app.dispatch_request() if hooked is None else hooked
                    else:
                        view = app.view_functions[rule.endpoint]
                        # call_view: Call the view
                        if view is known or id(view) in app._synchronous:
                            answer = view(**arguments) if arguments else view()
                        else:
                            answer = app._run(view, **arguments)
                except Exception as raised:
                    answer = app.handle_user_exception(raised)
                # finish: Return the parts of the response to what a view has returned, as `answer_request` does
                if (
                    plan.quiet
                    and plan.epoch is invalidation.epoch
                    and (context._state is PLAIN)
                    and (not app.after_request_funcs)
                    and (not request_finished.receivers)
                ):
                    untouched = not context._is_touched and (
                        environ.get("HTTP_COOKIE") is None
                        or not app.session_interface.is_due(app, environ["HTTP_COOKIE"])
                    )
                    if untouched or has_session_alone(app, plan, context, answer):
                        # encode_answer: Return the parts of a response to text or JSON
                        kind = type(answer)
                        if kind is str and plan.text_start is not None:
                            start = plan.text_start
                            answer = answer.encode()
                        elif (
                            (kind is dict or kind is list)
                            and plan.json_start is not None
                            and (plan.write_json is not None)
                        ):
                            start = plan.json_start
                            answer = f"{plan.write_json(answer)}\n".encode()
                        else:
                            start = None
                        if start is not None:
                            body = answer
                            more = None if untouched else session_headers(app, context)
                        elif untouched and type(answer) is plan.response_class and (getrefcount(answer) <= REFERENCES):
                            body = answer
                            more = None
                        else:
                            complete = page_of_tuple(plan, answer) if untouched and type(answer) is tuple else None
                            if complete is not None:
                                body = complete
                                more = None
                            else:
                                start = None
                                body = app.finalize_request(answer)
                                more = None
                    else:
                        start = None
                        body = app.finalize_request(answer)
                        more = None
                else:
                    start = None
                    body = app.finalize_request(answer)
                    more = None
        except Exception as failure:
            error = failure
            start, body, more = (None, app.handle_exception(failure), None)
        except BaseException:
            error = sys.exc_info()[1]
            raise
        if start is not None:
            # send: Send a body without a response object
            if more is None:
                start_response(
                    start[1],
                    [start[0], LENGTHS[length] if (length := len(body)) < SHORT else ("Content-Length", str(length))],
                )
            else:
                start_response(
                    start[1],
                    [
                        start[0],
                        LENGTHS[length] if (length := len(body)) < SHORT else ("Content-Length", str(length)),
                        *more,
                    ],
                )
            return () if environ["REQUEST_METHOD"] == "HEAD" else [body]
        call = type(body).__call__
        whole = getattr(body, "response", None) if call is CALL and body._sends_plainly else None
        parts: Iterable[bytes] = (SEND if call is CALL else call)(body, environ, start_response)
    finally:
        # end: Leave the context, without a call if nothing is registered for its end
        request = context.request
        if (
            error is None
            and (
                plan.ends_quietly
                and context._state is PLAIN
                and context.request.closes_nothing
                and (plan.epoch is invalidation.epoch)
                and (not app.teardown_request_funcs)
                and (not app.teardown_appcontext_funcs)
                and (not request_tearing_down.receivers)
                and (not appcontext_tearing_down.receivers)
                and (not appcontext_popped.receivers)
            )
            and ("werkzeug.debug.preserve_context" not in environ)
        ):
            current.reset(context._token)
            context._token = None
            context._state = ENDED
            request.environ["werkzeug.request"] = None
            if getrefcount(request) + getrefcount(context) > REFERENCES_TO_BOTH and (
                context._cookies is None
                or getrefcount(request) + getrefcount(context) > REFERENCES_TO_BOTH + 1
                or getrefcount(context._cookies) > REFERENCES
            ):
                request._keep_environ()
        else:
            leave(app, context, environ, error)
    if context._state is not ENDED and (
        type(whole) is list
        and (type(parts) is list or type(parts) is tuple)
        and bool(getattr(body, "_on_close", None) or whole != parts)
    ):
        return parts_at_end(body, whole, parts)
    return parts


def begin_awaited(
    app: Flask, plan: Plan, environ: WSGIEnvironment, make_environ: Callable[[], WSGIEnvironment] | None
) -> tuple[RequestContext, Rule | None, dict[str, object], object]:
    """Make the context of a request that may be answered on an event loop, and find its rule.

    Args:
        app: The app.
        plan: Its plan.
        environ: The environ, or those of its keys that `match_route` reads.
        make_environ: Makes the whole environ in the second case.

    Returns:
        The context, and what `match_route` returns.
    """
    # begin: Make the request and its context
    request = new(plan.request_class)
    request.environ = environ
    request.json_module = app.json
    environ["werkzeug.request"] = request
    context: RequestContext = new(RequestContext)
    context.app = app
    context.request = request
    context._state = PLAIN
    context._is_touched = False
    if make_environ is not None:
        attributes = context.request.__dict__
        del attributes["environ"]
        attributes["_make_environ"] = make_environ
    trusted = app.config["TRUSTED_HOSTS"]
    method = environ["REQUEST_METHOD"]
    # match_route: Find the rule of a request and the view's arguments
    request = context.request
    rule: Rule | None
    arguments: dict[str, object]
    known: object = None
    path: str = environ.get("PATH_INFO", "")
    is_allowed = trusted is None or is_trusted(context, trusted)
    route = plan.static_routes.get(path) if is_allowed else None
    if (
        route is not None
        and method in route[0].methods
        and (
            environ.get("HTTP_HOST") in plan.hosts
            and ((scheme := environ.get("wsgi.url_scheme")) == "http" or scheme == "https")
            and ("HTTP_UPGRADE" not in environ)
        )
    ):
        rule, known = route
        arguments = {}
        request.url_rule = rule
        request.view_args = arguments
    elif (
        is_allowed
        and plan.variable_routes
        and ((by_route := matched_by(plan.variable_routes, path, method)) is not None)
        and (
            environ.get("HTTP_HOST") in plan.hosts
            and ((scheme := environ.get("wsgi.url_scheme")) == "http" or scheme == "https")
            and ("HTTP_UPGRADE" not in environ)
        )
    ):
        rule, arguments, known = by_route
        request.url_rule = rule
        request.view_args = arguments
    else:
        found = app.url_map.find(environ, app.config["SERVER_NAME"]) if is_allowed and plan.finds else None
        if found is None:
            context._match_by_adapter()
            rule = request.url_rule if method.isupper() and "HTTP_UPGRADE" not in environ else None
            arguments = request.view_args or {}
        elif found[0] is None:
            rule, arguments = (None, {})
            request.routing_exception = found[1]
        else:
            rule, arguments = found
            request.url_rule = rule
            request.view_args = arguments
            if plan.hosts and id(rule) not in plan.rules_tried:
                remember(app, plan, path, rule, arguments)
    return (context, rule, arguments, known)


async def serve_awaited(
    app: Flask,
    plan: Plan,
    context: RequestContext,
    environ: WSGIEnvironment,
    view: AwaitedView,
    arguments: dict[str, object],
) -> AwaitedParts:
    """Await a view on an event loop, and end its request if no other function has a part in it.

    Returns:
        The start of the response, its body, more headers, and None. If other functions have a part in the rest of the
        request: None, what the view returned, None, and what it raised; the context is entered then.
    """
    context._token = current.set(context)
    try:
        answer = await view(**arguments)
    except BaseException as raised:
        return (None, None, None, raised)
    try:
        if (
            plan.quiet
            and plan.epoch is invalidation.epoch
            and (context._state is PLAIN)
            and (not app.after_request_funcs)
            and (not request_finished.receivers)
        ) and (
            plan.ends_quietly
            and context._state is PLAIN
            and context.request.closes_nothing
            and (plan.epoch is invalidation.epoch)
            and (not app.teardown_request_funcs)
            and (not app.teardown_appcontext_funcs)
            and (not request_tearing_down.receivers)
            and (not appcontext_tearing_down.receivers)
            and (not appcontext_popped.receivers)
        ):
            untouched = not context._is_touched and (
                environ.get("HTTP_COOKIE") is None or not app.session_interface.is_due(app, environ["HTTP_COOKIE"])
            )
            if untouched or has_session_alone(app, plan, context, answer):
                # encode_answer: Return the parts of a response to text or JSON
                kind = type(answer)
                if kind is str and plan.text_start is not None:
                    start = plan.text_start
                    body = answer.encode()
                elif (kind is dict or kind is list) and plan.json_start is not None and (plan.write_json is not None):
                    start = plan.json_start
                    body = f"{plan.write_json(answer)}\n".encode()
                else:
                    start = None
                    body = answer
                if start is not None:
                    more = None if untouched else session_headers(app, context)
                    current.reset(context._token)
                    context._token = None
                    context._state = ENDED
                    return (start, body, more, None)
    except Exception:
        pass
    return (None, answer, None, None)


def quick_response(plan: Plan, answer: t.Any) -> Response | None:
    """Return the response for text or JSON, as its constructor would create it; None if the steps must convert it."""
    # encode_answer: Return the parts of a response to text or JSON
    kind = type(answer)
    if kind is str and plan.text_start is not None:
        start = plan.text_start
        body = answer.encode()
    elif (kind is dict or kind is list) and plan.json_start is not None and (plan.write_json is not None):
        start = plan.json_start
        body = f"{plan.write_json(answer)}\n".encode()
    else:
        start = None
        body = answer
    if start is None:
        return None
    response: Response = new(plan.response_class)
    pair, response._status, response._status_code = start
    response.headers = headers = new(Headers)
    headers._list = [pair, LENGTHS[length] if (length := len(body)) < SHORT else ("Content-Length", str(length))]
    response.direct_passthrough = False
    response._on_close = []
    response.response = [body]
    return response
