"""Enter a request that was answered once more, for a stream, and leave it, where nothing could see that."""

from __future__ import annotations

import typing as t

from .. import invalidation
from ..routing.binding import is_for_websocket
from ..routing.route import matched_by
from ..signals import appcontext_pushed, heard, is_end_heard
from .app_context import current_value, environ_of, keep_environ, reset_current, set_current
from .states import ANSWERED, LEFT_BY_STEPS, PRESERVED

if t.TYPE_CHECKING:
    from ..dispatch.plan import Plan
    from .request_context import RequestContext

_SCHEMES = ("http", "https")


def enter_quietly(context: RequestContext) -> bool:
    """Enter a request that was answered once more, if that takes nothing but its URL; return whether it does.

    Then nothing was entered, and nothing is registered that could see it be entered or left.
    """
    app = context.app
    plan = app._plan
    if plan.epoch is not invalidation.epoch:
        plan = app._planner.current(app)
    own = context._own_app_ctx
    if (
        context._state not in ANSWERED
        or context._state is PRESERVED
        or context._token is not None
        or context._nested
        or (own is not None and own._cv_tokens)
        or context._is_bound
        or app.subdomain_matching
        or not (plan.skips_app_context and context._finds_again(plan))
        or current_value(None) is not None
        or (heard and appcontext_pushed.receivers)
        or not _ends_quietly(context, plan)
    ):
        return False
    context._token = set_current(context)
    if not plan.opens_lazily:
        context._session  # noqa: B018 - reading it opens it
    _match_again(context, plan)
    return True


def _match_again(context: RequestContext, plan: Plan) -> None:
    """Find the rule of a request once more, as the fast path does."""
    request = context.request
    environ = environ_of(request)
    if (
        environ.get("HTTP_HOST") in plan.hosts
        and environ["wsgi.url_scheme"] in _SCHEMES
        and not ("HTTP_UPGRADE" in environ and is_for_websocket(environ))
    ):
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        route = plan.static_routes.get(path)
        if route is not None and method in route[0].methods and not route[0].defaults:
            request.url_rule, request.view_args = route[0], {}
            return
        found = matched_by(plan.variable_routes, path, method) if plan.variable_routes else None
        if found is not None and found[0] is not None:
            request.url_rule, request.view_args = found[:2]
            return
    context._match_by_map()


def leave_quietly(context: RequestContext) -> bool:
    """Do what `pop` does for a request that was entered quietly, if it is still so; return whether it is done."""
    plan = context.app._plan
    token, request = context._token, context.request
    if (
        plan.epoch is not invalidation.epoch
        or plan.request_class is None
        or type(request) is not plan.request_class
        or token is None
        or context._nested
        or current_value(None) is not context
        or not _ends_quietly(context, plan)
    ):
        return False
    context._token = None
    reset_current(token)
    environ = request.environ
    if environ.get("werkzeug.request") is request:
        environ["werkzeug.request"] = None
    if context._state not in LEFT_BY_STEPS:
        keep_environ(request)
    return True


def _ends_quietly(context: RequestContext, plan: Plan) -> bool:
    """Return whether nothing is registered that would see a request and its app context be left."""
    app = context.app
    return (
        plan.ends_quietly
        and context.request.closes_nothing
        and not app.teardown_request_funcs
        and not app.teardown_appcontext_funcs
        and not (heard and is_end_heard())
    )
