"""Whether functions are registered for a request: those of the app, and those of the blueprints of its endpoint.

Functions of other blueprints have no part in it.
"""

from __future__ import annotations

import typing as t

from ..routing.rule import scopes_of
from .teardown import APP_ALONE

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..app import Flask
    from ..ctx.request_context import RequestContext
    from .plan import Plan


def _scopes(plan: Plan, context: RequestContext) -> Sequence[str | None]:
    """Return the scopes of the functions for a request, as the steps ask its request for them."""
    if not plan.has_endpoint_of_rule:
        # Its class may name any blueprints.
        return (*context.request.blueprints, None)
    rule = context._rule if context._request is None else context._request.url_rule
    return APP_ALONE if rule is None or "." not in rule.endpoint else scopes_of(rule.endpoint)


def _are_registered(plan: Plan, context: RequestContext, *registries: Mapping[str | None, object]) -> bool:
    for scope in _scopes(plan, context):
        for registry in registries:
            if registry.get(scope):
                return True
    return False


def has_functions_before(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether a function or a preprocessor of URL values is registered for a request."""
    return _are_registered(plan, context, app.before_request_funcs, app.url_value_preprocessors)


def has_functions_at_end(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether a function is registered for the response to a request, or for its teardown."""
    return _are_registered(plan, context, app.after_request_funcs, app.teardown_request_funcs)
