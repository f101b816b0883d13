"""A pytest plugin: after `upstream_asgi`, every view is treated as a coroutine function.

So all requests of a suite are answered on the event loop as far as that is possible, and not only the few whose view is
one.
"""

from __future__ import annotations

from inspect import iscoroutinefunction, unwrap
from typing import TYPE_CHECKING, Any

from tuile.asgi import service
from tuile.dispatch import division

if TYPE_CHECKING:
    from collections.abc import Callable

_begin_on_loop, _begin_awaited = division.begin_on_loop, vars(division)["begin_awaited"]
#: How many requests were answered on the loop.
requests = 0


async def _serve(app: Any, serving: Any, scope: Any, receive: Any, send: Any) -> None:
    if "entered" in scope.get("state", {}):
        scope["state"]["entered"] = True
    await serving.serve(scope, receive, send)


def _begin(app: Any, plan: Any, environ: Any) -> Any:
    if not app._got_first_request:
        # The first request is always a worker's.
        app._check_settings()
        app._got_first_request = True
    begun = _begin_on_loop(app, plan, environ)
    if begun is not None:
        global requests  # noqa: PLW0603 - a count
        requests += 1
    return begun


def _with_any_view(app: Any, plan: Any, environ: Any) -> Any:
    context, view, arguments = _begin_awaited(app, plan, environ)
    rule = context.request.url_rule
    if view is None and rule is not None and context.request.routing_exception is None:
        function = app.view_functions.get(rule.endpoint)
        if function is not None and not _waits(function):
            view = _awaited(function)
    return context, view, arguments


def _waits(view: Any) -> bool:
    """Return whether a view waits for coroutine functions in its thread: it is class-based, or a decorator does."""
    return hasattr(view, "view_class") or any(
        iscoroutinefunction(part)
        for part in (unwrap(view), *(cell.cell_contents for cell in getattr(view, "__closure__", None) or ()))
    )


def _awaited(view: Callable[..., Any]) -> Any:
    async def call(**arguments: Any) -> Any:
        return view(**arguments)

    return call


vars(service)["serve_scope"] = _serve
vars(service)["begin_on_loop"] = _begin
vars(division)["begin_awaited"] = _with_any_view
