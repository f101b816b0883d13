"""Enter a request of which code of the application makes a part, or hears, for the fast path."""

from __future__ import annotations

import typing as t

from .. import invalidation
from ..ctx.app_context import AppContext, current_value, reset_current, set_current
from ..ctx.states import PLAIN
from ..signals import appcontext_pushed

if t.TYPE_CHECKING:
    from ..ctx.request_context import RequestContext
    from .plan import Plan

# The attributes of a request that a constructor may set and that decide what is done.
_DECIDING = frozenset({"routing_exception", "trusted_hosts", "url_rule", "view_args"})
# The methods by which an app context is entered and left.
_METHODS = frozenset({"pop", "push"})
_stock = AppContext.push, AppContext.pop


def enter_constructed(plan: Plan, context: RequestContext) -> bool:
    """Enter a context of which a part was made by code of the app, if the fast path can go on with it."""
    found, method = vars(context.request), context.request.environ.get("REQUEST_METHOD")
    if (
        context._state is not PLAIN
        # The constructor may have changed the app.
        or plan.epoch is not invalidation.epoch
        or (context._is_bound and plan.skips_adapter)
        or current_value(None) is not None
        # The constructor may set anything, and an adapter that refuses the host sets an error.
        or not found.keys().isdisjoint(_DECIDING)
        or found.get("method", method) != method
    ):
        return False
    app_context = None
    if not plan.skips_app_context:
        app_context = _own_app_context(context)
        if app_context is None:
            return False
    elif not plan.skips_adapter:
        try:
            # It has an adapter, too, which is made before it is entered.
            app_context = context._app_ctx
        except Exception:  # noqa: BLE001 - it is raised again where it is answered
            return False
    context._token = set_current(context)
    if app_context is not None:
        app_context._pushes = [(context._token, None)]
    return True


def _own_app_context(context: RequestContext) -> AppContext | None:
    """Return what the app's own `app_context` returns, as the app context of a request.

    Returns:
        None if it has to be pushed by its own method, or if there is none. The context keeps what was returned or
        raised, for its own `push`.
    """
    app = context.app
    try:
        made = app.app_context()
    except BaseException as error:  # noqa: BLE001 - it is raised again by `push`
        context._entering = error
        return None
    context._entering = (made, False)
    if (
        type(made) is not AppContext
        or made.app is not app
        or made._only is not None
        or made._pushes
        or (AppContext.push, AppContext.pop) != _stock
        or not _METHODS.isdisjoint(vars(made))
        # The method may do anything.
        or current_value(None) is not None
        or appcontext_pushed.receivers
    ):
        return None
    context._entering, context._own_app_ctx = None, made
    return made


def enter_heard(plan: Plan, context: RequestContext) -> bool:
    """Enter a context whose app context has receivers, which are called while that alone is current.

    Returns:
        Whether it is entered. If not, its own `push` enters it, or goes on with what is in `_entering`.
    """
    if (
        not (plan.begins_plainly and plan.makes_app_context)
        or context._state is not PLAIN
        or context._is_bound
        or current_value(None) is not None
        or (AppContext.push, AppContext.pop) != _stock
    ):
        return False
    app_context = context._app_ctx
    try:
        app_context.push()
    except BaseException as error:  # noqa: BLE001 - it is raised again by `push`
        context._own_app_ctx, context._entering = None, error
        return False
    only = app_context._only
    if only is None or current_value(None) is not only or plan.epoch is not invalidation.epoch:
        # A receiver has entered or left something, or has changed the app.
        context._own_app_ctx, context._entering = None, (app_context, True)
        return False
    app_context._only = None
    reset_current(only._token)
    context._token = set_current(context)
    app_context._pushes = [(context._token, None)]
    return True
