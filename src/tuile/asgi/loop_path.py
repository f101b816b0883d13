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
from ..dispatch.fast_path import find_awaited, finish
from ..dispatch.inlined import begin_briefly, end_on_loop, may_end_on_loop, may_run_on_loop
from .on_loop import MoreSteps
from .scopes import BODILESS_METHODS, HTTP_1, PLAIN_HEADERS, sent_headers, sent_start

if t.TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView
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
    if not (is_ready(app, plan, service) and scope["type"] == "http" and may_run_on_loop(app)):
        await service.serve(scope, receive, send)
        return
    environ = brief_environ(scope)
    if environ is None:
        await service.serve_http(scope, receive, send)
        return
    context = begin_briefly(app, plan, environ)
    view, arguments = find_awaited(app, plan, context, environ)
    if view is not None and has_steps_before(app):
        view, arguments = MoreSteps(service, plan, context, scope).around(environ, view, arguments)
    if view is None:
        await service.serve_in_worker(scope, receive, send)
        return
    await answer_awaited(app, service, plan, context, environ, view, arguments, scope, receive, send)


def is_ready(app: Flask, plan: Plan, service: Service) -> bool:
    """Return whether a request may be begun on the running loop, as far as the app and the server are concerned."""
    return (
        not plan.to_workers
        and type(app) is plan.app_type
        and service.loop is get_running_loop()
        and service.is_started
        and not service.workers.is_closed
    )


def has_steps_before(app: Flask) -> bool:
    """Return whether there may be something to do before the view."""
    return app.before_request_funcs or app.url_value_preprocessors or app.config.get("SESSION_STORE") is not None  # type: ignore[return-value] # only its truth counts


def brief_environ(scope: Scope) -> WSGIEnvironment | None:
    """Return the keys of an environ that tell the view of a request; None if it takes the whole environ.

    They are the same as in `environ_of`. The request has no body, and is no bad request.
    """
    brief: WSGIEnvironment | None = None
    verb, target = scope["method"], scope["path"]
    if verb in BODILESS_METHODS and not scope.get("root_path") and target.isascii() and scope["http_version"] in HTTP_1:
        host = cookie = None
        for name, value in scope["headers"]:
            if name in PLAIN_HEADERS:
                continue
            if name == b"host" and host is None:
                host = value
            elif name == b"cookie" and cookie is None:
                cookie = value
            elif name in {b"host", b"cookie"} or not (name.islower() and name.startswith(b"x-")):
                host = None
                break
        if host is not None:
            brief = {
                "REQUEST_METHOD": verb,
                "SCRIPT_NAME": "",
                "PATH_INFO": target,
                "QUERY_STRING": scope["query_string"].decode("latin-1"),
                "HTTP_HOST": host.decode("latin-1"),
                "wsgi.url_scheme": scope.get("scheme") or "http",
                "asgi.scope": scope,
            }
            if cookie is not None:
                brief["HTTP_COOKIE"] = cookie.decode("latin-1")
    return brief


async def answer_awaited(
    app: Flask,
    service: Service,
    plan: Plan,
    context: RequestContext,
    environ: WSGIEnvironment,
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
        environ: Its environ, or those keys that `brief_environ` returns.
        view: Its view.
        arguments: The arguments of the view.
        scope: The scope.
        receive: Of the server.
        send: Of the server.
    """
    answer: t.Any = None
    failure: BaseException | None = None
    body: t.Any = None
    start = more = None
    is_finished = False
    context._token = current.set(context)
    try:
        answer = await view(**arguments)
    except BaseException as raised:  # noqa: BLE001 - it is raised again where it is handled
        failure = raised
    if failure is None and may_end_on_loop(app, plan, context):
        is_finished = True
        try:
            start, body, more = finish(app, plan, context, environ, answer)
        except BaseException as raised:  # noqa: BLE001 - the same
            failure, start, body = raised, None, None
    if start is not None:
        end_on_loop(context)
        headers = sent_start(start[0], len(body))
        if more is not None:
            headers += sent_headers(more, scope["http_version"])
        await send({"type": "http.response.start", "status": start[2], "headers": headers})
        if scope["method"] == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": False})
    elif body is not None:
        await MoreSteps(service, plan, context, scope).send_response(body, environ, receive, send)
    else:
        try:
            await MoreSteps(service, plan, context, scope).finish(answer, failure, is_finished, receive, send)
        finally:
            # The error's traceback refers to this frame.
            del failure
