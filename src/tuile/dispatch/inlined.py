"""Functions that the steps and the fast path share: matching a rule, calling the view, leaving.

`fast_path.serve` consists of these functions and those of `inlined_response`, and `tools/flatten.py` inlines them. They
are limited to what that tool supports: a `return` only at the end of a branch, never in a loop or a `try`, and the same
local names everywhere.
"""

from __future__ import annotations

import typing as t
from sys import getrefcount

from werkzeug.exceptions import SecurityError

from .. import invalidation
from ..ctx.app_context import current
from ..ctx.references import REFERENCES, REFERENCES_OF_ATTRIBUTE
from ..ctx.request_context import RequestContext
from ..ctx.states import ENDED, PLAIN
from ..lazy import late_modules
from ..routing.route import matched_by
from ..routing.rule import scopes_of
from ..sessions.interface import NullSession
from ..signals import heard, is_end_heard, request_finished
from ..wrappers.environ import brief_environ_of
from .inlined_response import new
from .planner import remember
from .teardown import APP_ALONE, NONE_KNOWN, body_sent, leave

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule

    from ..app import Flask
    from ..http import hosts
    from ..sessions import plain
    from ..wrappers.response import Response
    from . import shared_responses
    from .plan import Plan
    from .return_values import Body
    from .steps import Dispatcher
else:
    hosts, plain, shared_responses = late_modules(__name__, "..http.hosts", "..sessions.plain", ".shared_responses")

reset = t.cast("Callable[[object], None]", current.reset)
# The reference counts of a context with one local name and its request, which the context refers to as well.
REFERENCES_TO_BOTH = 2 * REFERENCES + 1


def begin(app: Flask, plan: Plan, environ: WSGIEnvironment) -> RequestContext:
    """Make the context of a request, which makes the request when it is first read.

    This does the same as their constructors, and needs the `request_class` of the plan.
    """
    context: RequestContext = new(RequestContext)
    context.app = app
    context._environ = environ
    context._plan = plan
    context._request = None  # attributes of its own are read faster than those of the class
    context._state = PLAIN
    context._is_touched = False
    context._own_app_ctx = None
    return context


def open_session(app: Flask, context: RequestContext) -> None:
    """Open the session at the start of the request, as `push` does, unless the interface says that it may wait."""
    if not getattr(app.session_interface, "opens_lazily", False):
        context._session  # noqa: B018 - reading it opens it


def match_route(
    app: Flask,
    plan: Plan,
    context: RequestContext,
    environ: WSGIEnvironment | None,
    method: str,
    host: str | None,
    scheme: str | None,
    path: str,
    is_upgrade: bool,
    trusted: list[str] | None,
) -> tuple[Rule | None, dict[str, object], object]:
    """Find the rule of a request and the view's arguments.

    The method and what follows are those of the request. The environ is None if it has not been made; the path is as in
    an environ.

    Returns:
        The rule, or None to let the steps handle the request; the arguments; and the view, if it is known not to need
        `ensure_sync`.
    """
    rule: Rule | None
    arguments: dict[str, object]
    known: t.Any
    is_allowed = trusted is None or is_trusted(context, trusted)
    route = plan.static_routes.get(path) if is_allowed else None
    if (
        route is not None
        and method in route[0].methods
        and not route[0].defaults
        and is_plain(plan, host, scheme, is_upgrade)
    ):
        its_rule, known = route
        arguments = {}
        note_match(context, its_rule, arguments)
        rule = its_rule
    elif (
        is_allowed
        and plan.variable_routes
        and is_plain(plan, host, scheme, is_upgrade)
        # Last: converters of the application's are called by it.
        and (by_route := matched_by(plan.variable_routes, path, method)) is not None
    ):
        rule, arguments, known = by_route
        if rule is None:
            # A converter of the application's refuses a value.
            context._refuse(known)
        else:
            note_match(context, rule, arguments)
    else:
        known = None
        if environ is None:
            environ = brief_environ_of(context.request)
        name = app.config["SERVER_NAME"]
        found = app.url_map.find(environ, name, plan.matches_hosts) if is_allowed and plan.skips_adapter else None
        if found is None:
            # Only Werkzeug can tell. Only the steps convert a method in lower case, and check a WebSocket's origin.
            if not (context._is_bound and context._finds_by_adapter()):
                context._match_by_adapter()
            rule = context.request.url_rule if method.isupper() and not is_upgrade else None
            arguments = context.request.view_args or {}
        elif found[0] is None:
            rule, arguments = None, {}
            context._refuse(found[1])
        else:
            rule, arguments = found
            note_match(context, rule, arguments)
            if plan.hosts and id(rule) not in plan.rules_tried:
                remember(app, plan, path, rule, arguments)
    return rule, arguments, known


def note_match(context: RequestContext, rule: Rule, arguments: dict[str, object]) -> None:
    """Store the rule and the view's arguments, and on the request if it was made."""
    context._rule, context._arguments = rule, arguments
    if context._request is not None:
        context._request.url_rule, context._request.view_args = rule, arguments


def is_plain(plan: Plan, host: str | None, scheme: str | None, is_upgrade: bool) -> bool:
    """Return whether only the path and the method of a request determine the rule, as in `Map.find`."""
    return host in plan.hosts and (scheme == "http" or scheme == "https") and not is_upgrade  # noqa: PLR1714 - faster


def is_trusted(context: RequestContext, trusted: list[str]) -> bool:
    """Return whether the host of a request is trusted, and store the trusted hosts on the request."""
    request = context._make_request() if context._request is None else context._request
    request.trusted_hosts = trusted
    try:
        # As `request.host = ...`, in one call less.
        vars(request)["host"] = hosts.read_host(request.environ, trusted)
    except Exception as error:  # noqa: BLE001 - the adapter raises any other again, where it is answered
        if type(error) is SecurityError:
            # As the adapter refuses the host.
            context.url_adapter, request.routing_exception = None, error.with_traceback(None)
        return False
    return True


def run_view(
    app: Flask,
    plan: Plan,
    context: RequestContext,
    method: str,
    rule: Rule,
    arguments: dict[str, object],
    known: object,
) -> t.Any:
    """Run the hooks, if there are any, and call the view."""
    if plan.runs_before or not plan.calls_view:
        if not plan.calls_view or context._request is not None:
            # `dispatch_request` reads it; setting it here is faster than computing it.
            context.request.method = method
        result: Body
        if app.url_value_preprocessors or not plan.calls_view or not plan.has_endpoint_of_rule:
            result = app.preprocess_request()
        else:
            before = APP_ALONE if "." not in rule.endpoint else reversed(scopes_of(rule.endpoint))
            result = run_before(app, plan, before)
        if result is not None:
            answer = result
            # With one more reference, the response would seem to be kept for other requests.
            result = None
        elif is_as_matched(plan, context, rule, arguments):
            view = app.view_functions[rule.endpoint]
            answer = call_view(app, view, arguments, known)
        else:
            answer = app.dispatch_request()
    else:
        view = app.view_functions[rule.endpoint]
        answer = call_view(app, view, arguments, known)
    return answer


def is_as_matched(plan: Plan, context: RequestContext, rule: Rule, arguments: dict[str, object]) -> bool:
    """Return whether the functions before the view left everything that `dispatch_request` reads as it was."""
    return (
        plan.calls_view
        and plan.epoch is invalidation.epoch
        and context._state is PLAIN
        and (
            context._request is None
            or (
                context._request.url_rule is rule
                and context._request.view_args is arguments
                and context._request.routing_exception is None
                and context._request.method != "OPTIONS"
            )
        )
    )


def run_before(app: Dispatcher, plan: Plan, before: Iterable[str | None]) -> Body:
    """Call functions of the app and of blueprints until one returns a response."""
    result = None
    epoch, synchronous = plan.epoch, app._synchronous if plan.calls_directly else NONE_KNOWN
    for scope in before:
        for function in app.before_request_funcs.get(scope, ()):
            # An earlier function may have replaced `ensure_sync`.
            result = function() if epoch is invalidation.epoch and id(function) in synchronous else app._run(function)
            if result is not None:
                break
        if result is not None:
            break
    return result


def run_after(app: Dispatcher, plan: Plan, scopes: Iterable[str | None], response: Response) -> Response:
    """Call the functions of the app and of blueprints for a response, the last one registered first."""
    epoch, synchronous = plan.epoch, app._synchronous if plan.calls_directly else NONE_KNOWN
    for scope in scopes:
        for function in reversed(app.after_request_funcs.get(scope, ())):
            # An earlier function may have replaced `ensure_sync`.
            known = epoch is invalidation.epoch and id(function) in synchronous
            given: Body = function(response) if known else app._run(function, response)
            if given is not response:
                response = claimed(app, given)
    # With one more reference, the response would seem to be kept.
    given = None
    return response


def claimed(app: Dispatcher, response: Response) -> Response:
    """Return a response that is not of this request alone, for this request."""
    return shared_responses.claim(app, response)


def call_view(app: Flask, view: Callable[..., object], arguments: dict[str, object], known: object) -> t.Any:
    """Call the view."""
    if view is known or id(view) in app._synchronous:
        # A call without `**` is faster.
        return view(**arguments) if arguments else view()
    return app._run(view, **arguments)


def is_unobserved(plan: Plan, context: RequestContext) -> bool:
    """Return whether no user code would see the response: no step, function, signal or cookie check."""
    return (
        plan.quiet
        and plan.epoch is invalidation.epoch
        and context._state is PLAIN
        and not plan.runs_after
        and not (heard and request_finished.receivers)
    )


def sets_nothing(app: Flask, plan: Plan, context: RequestContext, environ: WSGIEnvironment) -> bool:
    """Return whether no function sees the response and nothing is added to it, if only the checks of cookies are on."""
    return (
        plan.epoch is invalidation.epoch
        and context._state is PLAIN
        and not context._is_touched
        and not plan.runs_after
        and not (heard and request_finished.receivers)
        and ("HTTP_COOKIE" not in environ or not app.session_interface.is_due(app, environ["HTTP_COOKIE"]))
    )


def may_finish(plan: Plan, context: RequestContext) -> bool:
    """Return whether `finalize_request` would only call functions and receivers for the response and keep the state."""
    return plan.quiet and plan.epoch is invalidation.epoch and context._state is PLAIN and not context._after_functions


def is_untouched(app: Flask, plan: Plan, context: RequestContext, sent_cookies: str | None) -> bool:
    """Return whether there is nothing to add to the response: no session, no cookies, no functions."""
    return not context._is_touched and (
        sent_cookies is None
        # Most cookies are not the session's. Then `is_due` of the stock interface is false, and need not be called.
        or (
            plan.saves_plainly
            and (
                ((its_name := app.config["SESSION_COOKIE_NAME"]) not in sent_cookies and its_name.isascii())
                # In a store, a session that was not touched is left alone.
                or app.config.get("SESSION_STORE") is not None
            )
        )
        or not app.session_interface.is_due(app, sent_cookies)
    )


def has_session_alone(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether a session of Tuile is all that there is to add to the response.

    A session that was not accessed is opened: it has to be renewed if it is permanent.
    """
    if (
        not plan.saves_plainly
        or context._after_functions
        or context._cookies is not None
        or (context._is_touched and context._opened_session is None)
        or app.config.get("COOKIE_DEFAULTS") is not None
    ):
        return False
    if context._opened_session is None:
        context._session  # noqa: B018 - reading it opens it
    kind = type(context._opened_session)
    null_class = app.session_interface.null_session_class
    # Comparing all of the base classes takes longer than the rest.
    return kind in plain.WRITERS and (null_class is NullSession or null_class not in kind.__mro__)


def session_headers(app: Flask, context: RequestContext) -> list[tuple[str, str]] | None:
    """Save the session, and return the headers that this adds to a response; None if a response object is needed."""
    try:
        return plain.WRITERS[type(context._opened_session)](app, context._opened_session)
    except Exception as error:  # noqa: BLE001 - it is raised again
        # Error trackers show the variables of frames.
        from ..keys.secret import without_values  # noqa: PLC0415 - only for errors

        del context  # the traceback refers to this frame, and the context to `g`
        raise without_values(error)  # noqa: B904 - it is the same error


def may_end_quietly(app: Flask, plan: Plan, context: RequestContext) -> bool:
    """Return whether nothing is registered for the end of a request, which would hear of an error."""
    return (
        plan.ends_quietly
        and context._state is PLAIN
        and (plan.closes_nothing if context._request is None else context._request.closes_nothing)
        and plan.epoch is invalidation.epoch
        and not plan.runs_at_end
        and not app.teardown_appcontext_funcs
        and not (heard and is_end_heard())
    )


def end(
    app: Flask,
    plan: Plan,
    context: RequestContext,
    environ: WSGIEnvironment,
    error: BaseException | None,
    response: object,
) -> object:
    """Leave the context, without a call if nothing is registered for its end.

    Returns:
        The body of the response, if functions that were called may have changed it; see `body_sent`.
    """
    request = context._request
    if may_end_quietly(app, plan, context) and "werkzeug.debug.preserve_context" not in environ:
        reset(context._token)
        if request is None and getrefcount(context) <= REFERENCES:
            environ["werkzeug.request"] = None
        else:
            context._token = None
            context._state = ENDED
            if request is None:
                # It may be asked for its request later.
                request = context.request
            (environ if plan.begins_plainly else request.environ)["werkzeug.request"] = None
            # The context and a local variable refer to the request, a local variable to the context, and the cookies of
            # this request to it too. If there are other references, the request keeps a copy of the environ, because
            # the server may reuse its environ for another request now.
            if getrefcount(request) + getrefcount(context) > REFERENCES_TO_BOTH and (
                context._cookies is None
                or getrefcount(request) + getrefcount(context) > REFERENCES_TO_BOTH + 1
                or getrefcount(context._cookies) > REFERENCES_OF_ATTRIBUTE
            ):
                request._keep_environ()
        whole = None
    else:
        whole = body_sent(response)
        leave(app, context, environ, error, 0 if request is None else 1)
    return whole
