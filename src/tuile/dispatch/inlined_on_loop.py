"""Functions of the fast path for requests on event loops; as those of `inlined`, they are inlined."""

from __future__ import annotations

import typing as t

from .. import invalidation
from ..ctx.app_context import current_value
from ..ctx.request_context import RequestContext
from ..ctx.states import ENDED, PLAIN
from ..signals import appcontext_pushed, heard, is_end_heard, request_finished, request_started
from .inlined import reset
from .inlined_response import new
from .registered import has_functions_at_end

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..asgi.protocol import Receive, Scope
    from ..routing.route import StaticRoute
    from .plan import Plan
    from .return_values import AwaitedView


def begin_lazily(app: Flask, plan: Plan, scope: Scope, receive: Receive, sent_cookies: str | None) -> RequestContext:
    """Make a request and its context, as `begin` does, for a request whose environ is made when it is read."""
    request = new(plan.request_class)
    request._scope = scope
    request._receive = receive
    request._sent_cookies = sent_cookies
    request.json_module = app.json
    context: RequestContext = new(RequestContext)
    context.app = app
    context._request = request
    context._state = PLAIN
    context._is_touched = False
    context._own_app_ctx = None  # an attribute of its own, which is read faster than one of the class
    return context


def may_run_on_loop(app: Flask) -> bool:
    """Return whether a request may be begun on an event loop: no user code runs before its functions and its view."""
    return (
        app._got_first_request
        and current_value(None) is None
        and not (heard and (appcontext_pushed.receivers or request_started.receivers))
    )


def awaited_at(
    app: Flask, plan: Plan, method: str, host: str | None, scheme: str | None, path: str
) -> StaticRoute[AwaitedView] | None:
    """Return the rule and the view of a path without variables, if that is known to be a coroutine function.

    It does the same as `match_safely` and `awaited_view`, which find all others.
    """
    its_route = plan.awaited_routes.get(path)
    if its_route is not None:
        its_rule, known_view = its_route
        if not (
            method in its_rule.methods
            and not its_rule.defaults
            and host in plan.hosts
            and (scheme == "http" or scheme == "https")  # noqa: PLR1714 - faster
            and app.config["TRUSTED_HOSTS"] is None
            and app.view_functions.get(its_rule.endpoint) is known_view
        ):
            its_route = None
    return its_route


def may_end_on_loop(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether a view that was awaited is the last function of its request, and nothing else may block."""
    return (
        plan.ends_quietly
        and context._state is PLAIN
        and (plan.closes_nothing if context._request is None else context._request.closes_nothing)
        and plan.epoch is invalidation.epoch
        and not app.teardown_appcontext_funcs
        and not (heard and (request_finished.receivers or is_end_heard()))
        # Functions of other blueprints do not count.
        and ((not plan.runs_at_end and not app.after_request_funcs) or not has_functions_at_end(app, plan, context))
        and (
            not context._is_touched
            or (
                not context._after_functions
                # A session in a store is saved; one in a cookie is computed.
                and (context._opened_session is None or app.config.get("SESSION_STORE") is None)
            )
        )
    )


def end_on_loop(context: RequestContext) -> None:
    """Leave the context of a request on an event loop, if it `may_end_on_loop`."""
    reset(context._token)
    context._token = None
    context._state = ENDED
    request = context._make_request() if context._request is None else context._request
    if request._scope is None:
        # The environ refers to the request, and without this cycle both are freed now.
        request.environ["werkzeug.request"] = None
