"""Bodies of more than a few pieces that a coroutine function reads: they are received on the event loop, into memory.

A worker takes several times as long for them, and a thread. What all of them may take is limited for each loop; beyond
that, or if the body is longer, a worker receives the rest and puts it aside.
"""

from __future__ import annotations

import typing as t

from ..dispatch.division import functions_around
from ._generated import answer_awaited
from .ahead import give_body, is_same_plan
from .exchange import MOST_IN_MEMORY
from .loop_path import has_steps_before
from .on_loop import MoreSteps

if t.TYPE_CHECKING:
    from ..ctx.request_context import RequestContext
    from ..dispatch.plan import Plan
    from ..dispatch.return_values import AwaitedView
    from .ahead import ReceivedAhead
    from .protocol import Scope, Send
    from .service import Service

#: How many bytes of bodies may be in memory at the same time, beside the start of each, for one event loop.
MOST_TOGETHER = 32 * 1024 * 1024


async def answer_long(
    service: Service,
    plan: Plan,
    context: RequestContext,
    sent_cookies: str | None,
    view: AwaitedView,
    arguments: dict[str, object],
    scope: Scope,
    ahead: ReceivedAhead,
    send: Send,
) -> None:
    """Answer a request of which more than the start of a body is to come, and whose view is a coroutine function.

    Args:
        service: The service of the app.
        plan: The plan of the app.
        context: The context of the request, which is not entered yet.
        sent_cookies: Its Cookie header.
        view: Its view.
        arguments: The arguments of the view.
        scope: The scope.
        ahead: What was received of the body.
        send: Of the server.
    """
    service = service.here()
    app, memory = service.app, service.memory
    try:
        if await _is_received(service, plan, context, ahead):
            give_body(context.request, ahead.body)
            its_view: AwaitedView | None = view
            if has_steps_before(app, service, plan, context):
                its_view, arguments = MoreSteps(service, plan, context, scope).around(sent_cookies, view, arguments)
            if its_view is not None:
                method = scope["method"]
                await answer_awaited(
                    app, service, plan, context, sent_cookies, its_view, arguments, method, scope, ahead.receive, send
                )
                return
        await service.serve_http(scope, ahead.again, send)
    finally:
        memory.left += ahead.taken


async def _is_received(service: Service, plan: Plan, context: RequestContext, ahead: ReceivedAhead) -> bool:
    """Receive all of a body, and return whether it is there and nothing was changed meanwhile."""
    limit: int | None = service.app.config["MAX_CONTENT_LENGTH"]
    most = min(MOST_IN_MEMORY, (service.setting("ASGI_SPOOL") or 0) if limit is None else limit)
    if (
        ahead.is_too_long
        or ahead.announced > most
        # They may refuse the request before there is all of it.
        or functions_around(service.app, plan, context.request).before_blocks
    ):
        return False
    await ahead.fill_up(most, service.memory)
    return ahead.is_complete and ahead.length <= most and is_same_plan(service, plan)
