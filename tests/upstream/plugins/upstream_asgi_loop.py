"""A pytest plugin: after `upstream_asgi`, every view is treated as a coroutine function.

So all requests of a suite are answered on the event loop as far as that is possible, and not only the few whose view is
one.
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from tuile.asgi import service
from tuile.dispatch import division

if TYPE_CHECKING:
    from collections.abc import Callable

_begin_on_loop, _begin_awaited = division.begin_on_loop, vars(division)["begin_awaited"]
_is_coroutine_function = division.is_coroutine_function
#: How many requests were answered on the loop.
requests = 0
_views: set[int] = set()


def _begin(app: Any, plan: Any, environ: Any, make_environ: Any = None) -> Any:
    if not app._got_first_request:
        # The first request is always a worker's.
        app._check_settings()
        app._got_first_request = True
    # A class-based view waits for its coroutine functions in its thread.
    _views.update(id(view) for view in app.view_functions.values() if not hasattr(view, "view_class"))
    begun = _begin_on_loop(app, plan, environ, make_environ)
    if begun is None:
        return None
    global requests  # noqa: PLW0603 - a count
    requests += 1
    context, view, arguments, functions = begun
    return context, view if iscoroutinefunction(view) else _awaited(view), arguments, functions


def _awaited(view: Callable[..., Any]) -> Any:
    async def call(**arguments: Any) -> Any:
        # As far as the calls in it are concerned.
        result = view(**arguments)
        return await result if hasattr(result, "__await__") else result

    return call


def _without_known_view(*args: Any) -> Any:
    return (*_begin_awaited(*args)[:3], None)


def _is_awaited(plan: Any, function: Any) -> bool:
    return id(function) in _views or _is_coroutine_function(plan, function)


vars(service)["begin_on_loop"] = _begin
vars(division).update(begin_awaited=_without_known_view, is_coroutine_function=_is_awaited)
