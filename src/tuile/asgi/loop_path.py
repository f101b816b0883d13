"""The source of the shortest way of a request: on the event loop, from the server's call to the response.

It does the same as the steps if the view is a coroutine function and nothing else has a part in the request. Other
requests go on to `Service` or `MoreSteps`. `tools/flatten.py` inlines its functions, and those of the fast path that
they call, into `serve_scope` and writes it to `_generated.py`.
"""

from __future__ import annotations

import typing as t
from asyncio import get_running_loop

from .. import invalidation
from ..ctx.app_context import current
from ..dispatch.fast_path import find_awaited, finish_unobserved
from ..dispatch.inlined_on_loop import begin_lazily, end_on_loop, may_end_on_loop, may_run_on_loop
from .on_loop import MoreSteps
from .scopes import (
    BODILESS_METHODS,
    HTTP_1,
    MOST_KNOWN,
    ONCE,
    PLAIN_HEADERS,
    SENT_LENGTHS,
    is_own_header,
    sent_headers,
    sent_length,
)

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView, Body
    from .protocol import Receive, Scope, Send
    from .service import Service


async def serve_scope(app: Flask, service: Service, scope: Scope, receive: Receive, send: Send) -> None:
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
        or service.loop is not get_running_loop()
        or scope["type"] != "http"
        or not may_run_on_loop(app)
    ):
        await service.serve(scope, receive, send)
        return
    method, path = scope["method"], scope["path"]
    if path in service.worker_paths:
        await service.serve_in_worker(scope, receive, send)
        return
    sent_host, sent_cookies = brief_headers(scope, method, path)
    if sent_host is None:
        await service.serve_http(scope, receive, send)
        return
    scheme, is_upgrade, environ = scope.get("scheme"), False, None
    context = begin_lazily(app, plan, scope, receive)
    view, arguments = find_awaited(app, plan, context, environ, method, sent_host, scheme, path, is_upgrade)
    if view is not None and has_steps_before(app, service):
        view, arguments = MoreSteps(service, plan, context, scope).around(sent_cookies, view, arguments)
    if view is None:
        service.note_worker_path(plan, path)
        await service.serve_in_worker(scope, receive, send)
        return
    await answer_awaited(app, service, plan, context, sent_cookies, view, arguments, scope, receive, send)


def has_steps_before(app: Flask, service: Service) -> object:
    """Return something true if there may be something to do before the view."""
    return app.before_request_funcs or app.url_value_preprocessors or service.session_endpoints


def brief_headers(scope: Scope, method: str, path: str) -> tuple[str | None, str | None]:
    """Return the headers Host and Cookie of a request; no host if only the whole environ tells its view.

    With a host, the request has no body, and is no bad request.
    """
    host: bytes | None = None
    cookies: bytes | None = None
    if method in BODILESS_METHODS and scope["http_version"] in HTTP_1 and not scope.get("root_path") and path.isascii():
        # A loop in Python takes fewer instructions than a dictionary of all headers.
        for name, value in scope["headers"]:
            if name in PLAIN_HEADERS:
                continue
            if name == b"host" and host is None:
                host = value
            elif name == b"cookie" and cookies is None:
                cookies = value
            elif name in ONCE or not is_own_header(name):
                # A header that comes twice may be joined or refused.
                host = None
                break
    sent_host = None if host is None else host.decode() if host.isascii() else host.decode("latin-1")
    sent_cookies = None if cookies is None else cookies.decode() if cookies.isascii() else cookies.decode("latin-1")
    return sent_host, sent_cookies


async def answer_awaited(
    app: Flask,
    service: Service,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    view: AwaitedView,
    arguments: dict[str, object],
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
        scope: The scope.
        receive: Of the server.
        send: Of the server.
    """
    answer: Body = None
    failure: BaseException | None = None
    body: Body = None
    start = more = None
    is_finished = False
    context._token = current.set(context)
    try:
        # A call without `**` is faster.
        answer = await (view(**arguments) if arguments else view())
    except BaseException as raised:  # noqa: BLE001 - it is raised again where it is handled
        failure = raised
    if failure is None and may_end_on_loop(app, plan, context):
        is_finished = True
        try:
            if plan.quiet:
                start, body, more = finish_unobserved(app, plan, context, sent_cookies, answer)
            else:
                body = app.finalize_request(answer)
        except BaseException as raised:  # noqa: BLE001 - the same
            failure, start, body = raised, None, None
    if start is not None:
        end_on_loop(context)
        headers = [
            start[3],
            SENT_LENGTHS[length] if (length := len(body)) < MOST_KNOWN else sent_length(length),
        ]
        if more is not None:
            headers += sent_headers(more, scope["http_version"])
        await send({"type": "http.response.start", "status": start[2], "headers": headers})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": False})
    elif body is not None:
        await MoreSteps(service, plan, context, scope).send_response(body, receive, send)
    else:
        try:
            await MoreSteps(service, plan, context, scope).finish(answer, failure, is_finished, receive, send)
        finally:
            # The error's traceback refers to this frame.
            del failure
