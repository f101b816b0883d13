"""The source of the shortest ways of a request: from the server's call on the event loop to the response.

It does the same as the steps. If the view is a coroutine function and nothing else has a part in the request, all of it
runs on the loop. If the view is not, and its rule is certain, a worker answers the request from its view on. Other
requests go on to `Service` or `MoreSteps`. `tools/flatten.py` inlines its functions, and those of the fast path that
they call, into `serve_scope` and `answer_awaited`, and writes these to `_generated.py`.
"""

from __future__ import annotations

import typing as t
from asyncio import get_running_loop

from .. import invalidation
from ..ctx.app_context import set_current
from ..dispatch.division import answers_itself
from ..dispatch.fast_path import awaited_view, finish_unobserved, match_safely
from ..dispatch.inlined import note_match
from ..dispatch.inlined_on_loop import awaited_at, begin_lazily, end_on_loop, may_end_on_loop, may_run_on_loop
from ..dispatch.inlined_response import UNSEEN
from ..dispatch.registered import has_functions_before
from .ahead import CHUNKED, give_body, receive_ahead, receive_for_view
from .awaited_steps import handle
from .on_loop import MoreSteps, page_without_view
from .prepared_responses import prepared_of
from .scopes import (
    MOST_KNOWN,
    PLAIN_HEADERS,
    SENT_LENGTHS,
    is_own_header,
    path_in_environ,
    sent_headers,
    sent_length,
    status_code,
)
from .unhandled import answer_unhandled
from .worker_path import answer_in_worker, finish_in_worker

if t.TYPE_CHECKING:
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..dispatch.pages import Page
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView, Body
    from ..wrappers.response import TextStart
    from .ahead import ReceivedAhead
    from .prepared_responses import Prepared
    from .protocol import Receive, Scope, Send
    from .service import Service


async def serve_scope(  # noqa: C901 - each way that a request may take
    app: Flask, service: Service, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one scope: on the event loop if no function demands a thread, or as the service of the app does.

    Args:
        app: The app.
        service: The service that it used last, which may be that of another event loop.
        scope: The scope.
        receive: Of the server.
        send: Of the server.
    """
    plan = app._plan
    if plan.epoch is not invalidation.epoch:
        plan = app._planner.for_request(app)
    if (
        (plan is not service.ready_plan and not service.is_ready(plan))
        or (service.is_for_one_loop and service.loop is not get_running_loop())
        or scope["type"] != "http"
        or not may_run_on_loop(app)
    ):
        await service.serve(scope, receive, send)
        return
    method, path = scope["method"], scope["path"]
    try:
        # Nearly always there, and found faster than by calls of `get`.
        root, scheme = scope["root_path"], scope["scheme"]
    except KeyError:
        root, scheme = scope.get("root_path"), scope.get("scheme")
    if root or not path.isascii():
        path = path_in_environ(scope)
    sent_host, sent_cookies, announced = brief_headers(service, plan, scope)
    if sent_host is None or path is None:
        await service.here().serve_http(scope, receive, send)
        return
    ahead = None
    if may_have_body(announced, method, scope):
        ahead = await receive_ahead(service, plan, scope, announced, receive, send)
        if ahead is None:
            return
    context = begin_lazily(app, plan, scope, receive, sent_cookies)
    rule, arguments, known, view = find_view(app, plan, context, method, sent_host, scheme, path)
    if ahead is not None:
        if method == "OPTIONS":
            # It need not be asked, and what does is not known to be a coroutine function.
            view = None
        elif view is not None:
            if not ahead.is_complete and not await receive_for_view(
                ahead, service, plan, context, sent_cookies, view, arguments, scope, send
            ):
                return
            give_body(context.request, ahead.body)
    if view is not None and has_steps_before(app, service, plan, context):
        view, arguments = MoreSteps(service, plan, context, scope).around(sent_cookies, view, arguments)
    if view is None:
        await answer_otherwise(
            app, service, plan, context, sent_cookies, rule, arguments, known, method, scope, receive, send, ahead
        )
        return
    await answer_awaited(app, service, plan, context, sent_cookies, view, arguments, method, scope, receive, send)


async def answer_otherwise(
    app: Flask,
    service: Service,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    rule: Rule | None,
    arguments: dict[str, object],
    known: object,
    method: str,
    scope: Scope,
    receive: Receive,
    send: Send,
    ahead: ReceivedAhead | None,
) -> None:
    """Answer a request that was matched, and whose view is not awaited.

    The arguments are those of `answer_in_worker`, and what was received of the body, if it may have one.
    """
    page = None
    if ahead is not None:
        give_body(context.request, ahead.body)
    if rule is None or (ahead is not None and method == "OPTIONS"):
        page = page_without_view(app, plan, context, rule, method)
    if page is not None:
        await send_page(page, method, scope, send)
    elif (rule is None and context.request.routing_exception is None) or service.loop is not get_running_loop():
        # Matching has failed, or there is another loop.
        await service.here().serve_in_worker(scope, receive if ahead is None else ahead.again, send)
    else:
        await answer_in_worker(
            app, service, plan, context, sent_cookies, rule, arguments, known, method, scope, receive, send, ahead
        )


def find_view(
    app: Flask, plan: Plan, context: RequestContext, method: str, sent_host: str, scheme: str | None, path: str
) -> tuple[Rule | None, dict[str, object], object, AwaitedView | None]:
    """Match a request, and find its view if that is a coroutine function.

    Returns:
        What `match_safely` returns, and the view.
    """
    known_route = awaited_at(app, plan, method, sent_host, scheme, path)
    if known_route is None:
        is_upgrade, environ = False, None
        rule, arguments, known = match_safely(app, plan, context, environ, method, sent_host, scheme, path, is_upgrade)
        view = awaited_view(app, plan, rule, known)
    else:
        rule, view = known_route
        arguments, known = {}, None
        note_match(context, rule, arguments)
    return rule, arguments, known, view


def has_steps_before(app: Flask, service: Service, plan: Plan, context: RequestContext) -> object:
    """Return something true if there may be something to do before the view."""
    return (
        (app.before_request_funcs or app.url_value_preprocessors) and has_functions_before(app, plan, context)
    ) or service.session_endpoints


def brief_headers(service: Service, plan: Plan, scope: Scope) -> tuple[str | None, str | None, bytes | None]:
    """Return Host, Cookie and Content-Length; no host if only the whole environ tells the view.

    With a host, the request is no bad request, unless its path is not text. Instead of the length it is `CHUNKED` if
    the body is sent in chunks.
    """
    host: bytes | None = None
    cookies: bytes | None = None
    announced: bytes | None = None
    its_type: bytes | None = None
    # A loop in Python takes fewer instructions than a dictionary of all headers.
    for name, value in scope["headers"]:
        if name in PLAIN_HEADERS:
            continue
        if name == b"host" and host is None:
            host = value
        elif name == b"cookie":
            # HTTP/2 may send the parts of one header apart.
            cookies = value if cookies is None else cookies + b"; " + value
        elif name == b"content-type" and its_type is None:
            its_type = value
        elif name == b"content-length" and announced is None:
            announced = value
        elif name == b"transfer-encoding" and value == b"chunked" and announced is None:
            announced = CHUNKED
        elif not is_own_header(name):
            # A header that comes twice may be joined or refused.
            host = None
            break
    sent_host = None if host is None else service.hosts.get(host) or service.text_of_host(plan, host)
    sent_cookies = None if cookies is None else cookies.decode() if cookies.isascii() else cookies.decode("latin-1")
    return sent_host, sent_cookies, announced


def may_have_body(announced: bytes | None, method: str, scope: Scope) -> bool:
    """Return whether a request may have a body. HTTP/2 and later need not announce one, with any method."""
    # Comparisons with constants are faster than a look into a set.
    return (
        announced is not None
        or (method != "GET" and method != "HEAD")  # noqa: PLR1714
        or (scope["http_version"] != "1.1" and scope["http_version"] != "1.0")
    )


async def answer_awaited(  # noqa: C901 - each way that a response may take
    app: Flask,
    service: Service,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    view: AwaitedView,
    arguments: dict[str, object],
    method: str,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Await a view, and answer its request.

    Args:
        app: The app.
        service: The service of the app.
        plan: The plan of the app.
        context: The context of the request, which is not entered yet.
        sent_cookies: Its Cookie header.
        view: Its view.
        arguments: The arguments of the view.
        method: The method of the request.
        scope: The scope.
        receive: Of the server.
        send: Of the server.
    """
    answer: Body
    body: Body
    failure: BaseException | None = None
    is_finished = False
    context._token = set_current(context)
    try:
        # A call without `**` is faster.
        answer = await (view(**arguments) if arguments else view())
    except BaseException as raised:  # noqa: BLE001 - it is raised again where it is handled
        answer, failure = None, raised
    if failure is not None:
        if answers_itself(app, plan, context, failure):
            # What `handle_user_exception` returns. Its traceback refers to this frame.
            answer, failure = failure.with_traceback(None), None
        elif app.error_handler_spec:
            answer, failure, is_finished = await handle(app, plan, context, failure)
    if failure is None and may_end_on_loop(app, plan, context):
        is_finished = True
        try:
            if plan.quiet:
                start, body, more = finish_unobserved(app, plan, context, sent_cookies, answer)
            else:
                start, body, more = None, app.finalize_request(answer), None
        except BaseException as raised:  # noqa: BLE001 - the same
            failure, start, body, more = raised, None, None, None
    else:
        start, more = None, None
        body, failure = answer_unhandled(app, plan, context, failure, is_finished=is_finished)
    if start is not None:
        end_on_loop(context)
        await send_short(start, body, more, method, scope, send)
    elif body is not None:
        prepared = prepared_unless_asked(plan, context, body, method, scope)
        if prepared is not None and (more is UNSEEN or may_end_on_loop(app, plan, context)):
            end_on_loop(context)
            await send_prepared(prepared, send)
        else:
            await MoreSteps(service, plan, context, scope).send_response(body, receive, send)
    else:
        steps = MoreSteps(service, plan, context, scope)
        awaited = None if is_finished else steps.for_worker(answer, failure)
        try:
            if awaited is None:
                await steps.finish(answer, failure, is_finished, receive, send)
            else:
                service = steps.service
                await finish_in_worker(app, service, plan, context, sent_cookies, awaited, method, scope, receive, send)
        finally:
            del failure, awaited  # the error's traceback refers to this frame


def prepared_unless_asked(
    plan: Plan, context: RequestContext, body: Body, method: str, scope: Scope
) -> Prepared | None:
    """Return what `prepared_of` does; None if the request was asked about its client."""
    ready: Prepared | None = None
    if context._request is None or context._request._client is None:
        ready = prepared_of(plan, body, method, scope)
    return ready


async def send_short(
    start: TextStart, body: bytes, more: list[tuple[str, str]] | None, method: str, scope: Scope, send: Send
) -> None:
    """Send a response to text or JSON."""
    headers = [start[3], SENT_LENGTHS[length] if (length := len(body)) < MOST_KNOWN else sent_length(length)]
    if more is not None:
        headers += sent_headers(more, scope["http_version"])
    if method == "HEAD":
        body = b""
    try:
        await send({"type": "http.response.start", "status": start[2], "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})
    except OSError:
        # Some servers tell by it that the client left.
        pass


async def send_prepared(prepared: Prepared, send: Send) -> None:
    """Send a response that is sent as it is."""
    code, wire, content = prepared
    try:
        await send({"type": "http.response.start", "status": code, "headers": wire})
        await send({"type": "http.response.body", "body": content, "more_body": False})
    except OSError:
        # Some servers tell by it that the client left.
        pass


async def send_page(page: Page, method: str, scope: Scope, send: Send) -> None:
    """Send a finished response."""
    its_headers = sent_headers(page.pairs, scope["http_version"])
    finished = status_code(page.status), its_headers, b"" if method == "HEAD" else b"".join(page.body)
    await send_prepared(finished, send)
