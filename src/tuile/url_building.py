"""Build URLs where no link writes them: by the functions of the rules, or else by Werkzeug's adapter."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from werkzeug.routing import BuildError, MapAdapter

from . import invalidation
from .ctx.app_context import environ_of
from .ctx.request_context import RequestContext
from .routing.adapter import Adapter, werkzeugs_build
from .routing.build_errors import build_error
from .routing.building import address, first_path, unsuitable, write_of
from .routing.by_adapter import build
from .routing.links import link_of
from .routing.options import OPTIONS
from .routing.quoting import fragment_text
from .routing.rule import Rule
from .routing.writing import REFUSED, UNSUITABLE
from .url_links import (
    LinksByMethod,
    absolute,
    begins_at_root,
    is_plain,
    url_by_adapter,
    url_by_address,
    url_by_new_link,
    with_options,
    written_by,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from werkzeug.routing import Rule as WerkzeugRule

    from .dispatch.plan import Plan
    from .routing.map import Map
    from .routing.rule import Written
    from .urls import UrlBuilding

# Anchor, method, scheme and externality.
Options = tuple["str | None", "str | None", "str | None", "bool | None"]
_NO_OPTIONS: Options = (None, None, None, None)
# What the options are given as is not checked.
_take: Callable[[dict[str, object], str, None], Written] = dict.pop
_NO_SERVER_NAME = (
    "Unable to build URLs outside an active request without 'SERVER_NAME' configured."
    " Also configure 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as needed."
)
_LOCAL_SCHEME = "When specifying '_scheme', '_external' must be True."


def url_elsewhere(
    app: UrlBuilding,
    context: RequestContext | None,
    endpoint: str,
    values: dict[str, object],
    written: Written,
    plan: Plan | None = None,
) -> str:
    """Build a URL with options, outside a request, of one of several rules, or in any other case.

    Args:
        app: The application.
        context: What is current.
        endpoint: The name of the endpoint, as it was given.
        values: The values and the options.
        written: What the link of the endpoint has written, if there was one.
        plan: The current plan, if it is known.
    """
    plan = plan or app._current_plan()
    if context is None:
        return _url(app, plan, context, endpoint, values, take_options(values))
    is_inside = type(context) is RequestContext or context._request_ctx is not None
    if not is_inside and context.url_adapter is None:
        # Here, because each frame that an exception passes makes it slower. The traceback refers to this frame.
        del context
        raise RuntimeError(_NO_SERVER_NAME)
    name = absolute(context, endpoint) if is_inside and endpoint[:1] == "." else endpoint
    is_known = written is not UNSUITABLE and name in plan.rules
    if not (is_known or plan.url_map is None or app.url_default_functions):
        error = _error_for(plan, context, name, values, is_inside=is_inside)
        if error is not None:
            if not app.url_build_error_handlers:
                # As above.
                del context
                raise error[0]
            return _handled(app, error[0], name, values, error[1])
    if written is None and plan.url_map is not None and not app.url_default_functions:
        written = _url_of_link(plan, context, endpoint, values, is_inside=is_inside)
        if type(written) is str:
            return written
    endpoint = name
    options = take_options(values)
    place = None if written is REFUSED else _place(plan, context)
    anchor, method, scheme, external = options
    external = (not is_inside or scheme is not None) if external is None else external
    options = (anchor, method, scheme, external)
    path = REFUSED if written is REFUSED else None
    if place is None or (scheme is not None and not external):
        return _url(app, plan, context, endpoint, values, options, path)
    return _built_with(app, plan, context, place, endpoint, values, options)


def _error_for(
    plan: Plan, context: RequestContext, endpoint: str, values: dict[str, object], *, is_inside: bool
) -> tuple[BuildError, Options] | None:
    """Return the error for an endpoint or values that no rule takes, and the options.

    Returns:
        None if an overridden method has to raise it.

    Raises:
        ValueError: If a scheme is given for a URL that is not external.
    """
    adapter = context._adapter if type(context) is RequestContext else False
    if adapter is False:
        adapter = context.url_adapter
    # As `is_plain`, in one call less.
    if (
        type(adapter) is not Adapter
        or adapter.map is not plan.url_map
        or not plan.raises_build_errors
        or MapAdapter.build is not werkzeugs_build
        or "build" in adapter.__dict__
    ):
        return None
    anchor, method, scheme, external = options = take_options(values) if values else _NO_OPTIONS
    if external is None:
        external = not is_inside or scheme is not None
        options = anchor, method, scheme, external
    if scheme is not None and not external:
        raise ValueError(_LOCAL_SCHEME)
    # As `unsuitable`, in one call less.
    given = {name: value for name, value in values.items() if value is not None} if values else {}
    return build_error(endpoint, given, method, adapter), options


def _handled(app: UrlBuilding, error: BuildError, endpoint: str, values: dict[str, object], options: Options) -> str:
    """Return what a function for errors returns."""
    anchor, method, scheme, external = options
    try:
        # They may raise it again.
        raise error
    except BuildError:
        values["_anchor"], values["_method"] = anchor, method
        values["_scheme"], values["_external"] = scheme, external
        return app.handle_url_build_error(error, endpoint, values)


def _url_of_link(
    plan: Plan, context: RequestContext, endpoint: str, values: dict[str, object], *, is_inside: bool
) -> Written:
    """Return the URL of an endpoint by its link; None or `REFUSED` as `url_by_link` does."""
    if context._address is not None:
        # It was asked before.
        return None
    root = context._root
    if is_inside and type(context) is RequestContext and (root is None or root is plan.root):
        if context._links_by is plan:
            # It was asked before, unless the link depends on the method.
            depends = type(plan.links.get(endpoint)) is LinksByMethod
            return url_by_new_link(plan, context, endpoint, values) if depends else None
        if begins_at_root(context, plan):
            return url_by_new_link(plan, context, endpoint, values)
        if context._address is not None:
            return url_by_address(context, context._address, endpoint, values)
    return url_by_adapter(plan, context, endpoint, values, is_inside=is_inside)


def _built_with(
    app: UrlBuilding,
    plan: Plan,
    context: RequestContext,
    place: RequestContext | MapAdapter,
    endpoint: str,
    values: dict[str, object],
    options: Options,
) -> str:
    """Build a URL by the functions of the rules, of values that `inject_url_defaults` completes if it has something.

    Args:
        app: The application.
        plan: Its plan.
        context: What is current.
        place: As `_place` returns it.
        endpoint: As for `_url`.
        values: As for `_url`.
        options: As for `_url`.
    """
    anchor, method, scheme, external = options
    completes = bool(app.url_default_functions)
    if completes:
        app.inject_url_defaults(endpoint, values)
        if plan.epoch is not invalidation.epoch:
            return _url(app, plan, context, endpoint, values, options, completed=True)
    # Without completed values it was asked before.
    path = _path_by_link(plan, endpoint, values) if completes and method is None else None
    if path is None:
        path = _path_of(plan, place, plan.rules.get(endpoint, ()), values, method)
    domain = ""
    if type(path) is tuple:
        domain, path = path
    if path is UNSUITABLE and plan.raises_build_errors and (own := context.url_adapter) is not None:
        error = unsuitable(own, endpoint, values, method)
        if not app.url_build_error_handlers:
            # Here, because each frame that an exception passes makes it slower.
            raise error
        return _handled(app, error, endpoint, values, options)
    if type(path) is not str:
        return _url(app, plan, context, endpoint, values, options, path, completed=completes)
    if place is context and not (domain or external) and anchor is None and scheme is None:
        return path
    return _with_options(context, place, domain, path, options)


def _with_options(
    context: RequestContext, place: RequestContext | MapAdapter, domain: str, path: str, options: Options
) -> str:
    """Return a URL with its options, for a path of a rule with this domain."""
    anchor, _, scheme, external = options
    if place is context and not domain:
        found = with_options(context, (path, anchor, scheme, external, ""))
        if type(found) is str:
            return found
    adapter = context.url_adapter if place is context else place
    url = address(cast("MapAdapter", adapter), domain, path, scheme, bool(external))
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"


def _path_by_link(plan: Plan, endpoint: str, values: dict[str, object]) -> Written:
    """Return what the link of an endpoint writes; None if it has none, or values have the names of options."""
    link = plan.links.get(endpoint)
    if link is None:
        link = link_of(cast("Map", plan.url_map), endpoint)
        if link is None:
            return None
        plan.links[endpoint] = link
    written = written_by(link, values) if OPTIONS.isdisjoint(values) else None
    if type(written) is not tuple:
        return written
    # The options are elsewhere, and a scheme is that of a WebSocket.
    return (written[4], written[0]) if written[2] is None else None


def _place(plan: Plan, context: RequestContext) -> RequestContext | MapAdapter | None:
    """Return the context if its URLs begin at the root of its host, else its adapter, or None if that is uncertain."""
    if plan.url_map is None or MapAdapter.build is not werkzeugs_build:
        return None
    if plan.url_map._remap:
        # The rules of an endpoint are not in order yet.
        plan.url_map.update()
    root = context._root
    if root is plan.root or (root is None and begins_at_root(context, plan)):
        return context
    adapter = context.url_adapter
    return adapter if is_plain(plan, adapter) else None


def _path_of(
    plan: Plan,
    place: RequestContext | MapAdapter,
    rules: Sequence[WerkzeugRule],
    values: dict[str, object],
    method: str | None,
) -> Written:
    """Return what the function of the first rule that accepts the values returns.

    Args:
        plan: The plan of the app.
        place: As `_place` returns it.
        rules: The rules of the endpoint.
        values: The values.
        method: The method whose rule is used; None for that of the request, then any.
    """
    if len(rules) == 1:
        rule = rules[0]
        if method is not None and rule.methods is not None and method not in rule.methods:
            return UNSUITABLE
        write = (rule._write if type(rule) is Rule else None) or write_of(rule)
        return write(values, False)
    url_map = cast("Map", plan.url_map)
    host = None
    if isinstance(place, MapAdapter):
        default_method: str = place.default_method
        host = place.server_name if url_map.host_matching else None
    else:
        default_method = environ_of(place.request)["REQUEST_METHOD"]
    return first_path(rules, values, method, default_method, host)


def take_options(values: dict[str, object]) -> Options:
    """Take anchor, method, scheme and externality out of the values."""
    if not values or OPTIONS.isdisjoint(values):
        return _NO_OPTIONS
    return (
        _take(values, "_anchor", None),
        _take(values, "_method", None),
        _take(values, "_scheme", None),
        _take(values, "_external", None),
    )


def _url(
    app: UrlBuilding,
    plan: Plan,
    context: RequestContext | None,
    endpoint: str,
    values: dict[str, object],
    options: Options,
    path: Written = None,
    *,
    completed: bool = False,
) -> str:
    """Build a URL by the adapter.

    Args:
        app: The application.
        plan: Its plan.
        context: What is current.
        endpoint: The name of the endpoint, without a dot that stands for the current blueprint.
        values: The variable parts and the values for the query.
        options: Anchor, method, scheme and externality.
        path: What the functions of the endpoint's rules have returned, if they were called.
        completed: Whether `inject_url_defaults` was called.
    """
    anchor, method, scheme, external = options
    is_inside = context is not None and context._request_ctx is not None
    if external is None:
        external = not is_inside or scheme is not None
    adapter = app.create_url_adapter(None) if context is None else context.url_adapter
    if adapter is None and not is_inside:
        raise RuntimeError(_NO_SERVER_NAME)
    if scheme is not None and not external:
        raise ValueError(_LOCAL_SCHEME)
    if not completed and (app.url_default_functions or not plan.builds_urls):
        app.inject_url_defaults(endpoint, values)
        path = None
    try:
        if path is UNSUITABLE:
            raise unsuitable(adapter, endpoint, values, method)
        refused = path is REFUSED
        url = build(cast("MapAdapter", adapter), endpoint, values, method, scheme, bool(external), refused=refused)
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"
