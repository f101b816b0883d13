"""The source of a request's way in a worker, after it was matched on the event loop.

A worker begins with the functions before the view, or it goes on after a view that was awaited. It does the same as the
steps, and as the fast path, from there on. `tools/flatten.py` inlines the functions of `inlined` and `fast_path` here
as well.
"""

from __future__ import annotations

import sys
import typing as t
from contextvars import copy_context

from .. import invalidation
from ..ctx.app_context import current, set_current
from ..dispatch.fast_path import finish_by_functions, finish_unobserved
from ..dispatch.inlined import is_unobserved, may_end_quietly, run_view
from ..dispatch.inlined_on_loop import end_on_loop
from ..dispatch.inlined_response import is_changed
from ..dispatch.pages import PAGES
from ..dispatch.teardown import body_sent, leave, parts_at_end
from ..dispatch.without_view import answer_without_view
from ..wrappers.environ import brief_environ_of
from ..wrappers.response import CALL, SEND
from .ahead import give_body
from .calls import carry
from .conversation import Conversation, converse
from .listening import Listener
from .matched import Awaited, MatchedExchange
from .on_loop import leave_on_loop
from .prepared_responses import prepared_of, start_again
from .waiter import Waiter

if t.TYPE_CHECKING:
    from contextvars import Context

    from _typeshed.wsgi import StartResponse
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import Body
    from ..wrappers.response import TextStart
    from .ahead import ReceivedAhead
    from .matched import Answer
    from .prepared_responses import Prepared
    from .protocol import Receive, Scope, Send
    from .service import Service
    from .workers import Workers


async def answer_in_worker(
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
    """Let a worker answer a request that was matched.

    Args:
        app: The app.
        service: The service of the app.
        plan: The plan of the app.
        context: The context of the request, which is not entered yet.
        sent_cookies: Its Cookie header.
        rule: Its rule; None if it has a `routing_exception`.
        arguments: The arguments of the view.
        known: The view, if it is known not to need `ensure_sync`.
        method: The method of the request.
        scope: The scope.
        receive: Of the server.
        send: Of the server.
        ahead: What was received of the body, if it may have one.
    """
    workers, variables = service.workers, copy_context()
    exchange = MatchedExchange(
        answer_matched,
        (app, plan, context, sent_cookies, rule, arguments, known, None, method, scope),
        variables,
        workers,
        scope,
    )
    (context._make_request() if context._request is None else context._request)._client = exchange
    if ahead is not None and not ahead.is_complete:
        exchange.expect(ahead, app.config["MAX_CONTENT_LENGTH"], service.setting("ASGI_SPOOL"))
        give_body(context.request, exchange.add_body)
    await pass_on(exchange, variables, workers, receive, send)


async def finish_in_worker(
    app: Flask,
    service: Service,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    awaited: Awaited,
    method: str,
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Let a worker answer a request whose view was awaited.

    Args:
        app: The app.
        service: The service of the app.
        plan: The plan of the app.
        context: The context of the request, which is entered, and nothing else is.
        sent_cookies: Its Cookie header.
        awaited: What the view has returned or raised.
        method: The method of the request.
        scope: The scope.
        receive: Of the server.
        send: Of the server.
    """
    leave_on_loop(context)
    client = context.request._client
    workers, variables = service.workers, copy_context()
    exchange = MatchedExchange(
        answer_matched,
        (app, plan, context, sent_cookies, None, {}, None, awaited, method, scope),
        variables,
        workers,
        scope,
    )
    context.request._client = exchange
    # The error's traceback refers to frames that refer to this argument.
    del awaited
    if isinstance(client, Listener):
        try:
            await client.stop()
        except BaseException:
            # The functions after the view run all the same.
            exchange.leave()
            workers.submit(exchange)
            raise
    await pass_on(exchange, variables, workers, receive, send)


async def pass_on(
    exchange: MatchedExchange, variables: Context, workers: Workers, receive: Receive, send: Send
) -> None:
    """Let a worker answer a request, and send its response."""
    waiter = exchange.waiter = Waiter(workers.loop)
    workers.submit(exchange)
    try:
        await waiter
    except BaseException:
        # The worker goes on without a reader.
        exchange.leave()
        raise
    whole = exchange.whole
    if whole is None:
        await converse(exchange, Conversation(exchange, workers, receive, send), is_begun=True)
    else:
        if len(variables):
            carry(variables, current)
        status, its_headers, its_body = whole
        if not exchange.inbox_complete:
            # A thread that still reads the body gets no more of it.
            exchange.leave()
        try:
            await send({"type": "http.response.start", "status": status, "headers": its_headers})
            await send({"type": "http.response.body", "body": its_body, "more_body": False})
        except OSError:
            # Some servers tell by it that the client left.
            exchange.leave()


def answer_matched(  # noqa: C901 - what the steps handle, case by case
    app: Flask,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    rule: Rule | None,
    arguments: dict[str, object],
    known: object,
    awaited: Awaited | None,
    method: str,
    asgi_scope: Scope,
    start_response: StartResponse,
) -> Answer:
    """Answer a request in a worker from its view on, as `fast_path.serve` does.

    Returns:
        The start of the response, its body and more headers, if there are any; or None and the parts of a response that
        has called `start_response`, or that is sent as it is. That is last.
    """
    error: BaseException | None = None
    start: TextStart | None
    body: Body = None
    answer: Body = None
    prepared: Prepared | None = None
    context._token = set_current(context)
    try:
        try:
            if awaited is None and (rule is None or method == "OPTIONS" or plan.epoch is not invalidation.epoch):
                start, body, more = answer_without_view(app, plan, context, rule, method)
            else:
                try:
                    if awaited is not None:
                        answer = awaited.result()
                    elif rule is not None:
                        answer = run_view(app, plan, context, method, rule, arguments, known)
                except Exception as raised:  # noqa: BLE001 - handlers may be registered for any exception
                    answer = app.handle_user_exception(raised)
                if is_unobserved(plan, context):
                    start, body, more = finish_unobserved(app, plan, context, sent_cookies, answer)
                else:
                    brief = brief_environ_of(context.request)
                    start, body, more = finish_by_functions(app, plan, context, brief, answer)
        except Exception as failure:  # noqa: BLE001 - everything a view may raise becomes an answer
            error = failure
            start, body, more = None, app.handle_exception(failure), None
        except BaseException:
            error = sys.exc_info()[1]
            raise
        parts: Body = body
        if start is None:
            prepared, parts = send_to(start_response, plan, context, body, method, asgi_scope)
    finally:
        whole: object = None
        if error is None and may_end_quietly(app, plan, context):
            end_on_loop(context)
        else:
            whole = body_sent(body)
            leave(app, context, brief_environ_of(context.request), error, 1)
        # A traceback that someone keeps refers to this frame, and the context to `g`: on Flask, `g` ends here.
        del context
    if whole is not None and is_changed(body, whole, parts):
        parts = parts_at_end(body, whole, parts)
        if prepared is not None:
            start_again(prepared, start_response)
            prepared = None
    return start, parts, more, prepared


def send_to(
    start_response: StartResponse, plan: Plan, context: RequestContext, body: Body, method: str, asgi_scope: Scope
) -> tuple[Prepared | None, Body]:
    """Prepare a response to be sent as it is, or send it to `start_response`; return its parts too."""
    sent: Body
    prepared = prepared_of(plan, body, method, asgi_scope)
    if prepared is not None:
        sent = () if method == "HEAD" else [prepared[2]]
    else:
        if type(body) in PAGES:
            environ = {"REQUEST_METHOD": method}
        elif plan.quiet and type(body) is plan.response_class:
            environ = brief_environ_of(context.request)
        else:
            # Its methods may read anything.
            environ = context.request.environ
        sent = SEND(body, environ, start_response) if type(body).__call__ is CALL else body(environ, start_response)
    return prepared, sent
