"""Build URLs by what is cached about the rules of an endpoint, or else by Werkzeug's adapter.

Where URLs begin at the root of the host, which is where most requests are, no adapter is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from werkzeug.routing import BuildError, MapAdapter

from . import invalidation
from .ctx.app_context import environ_of
from .ctx.request_context import RequestContext
from .ctx.states import PLAIN
from .routing.building import (
    address,
    build,
    first_of,
    first_path,
    list_several,
    scheme_before,
    unsuitable,
    write_of,
)
from .routing.map import SCHEMES, werkzeugs_build
from .routing.quoting import fragment_text, query_by
from .routing.rule import NO_RULES, EndpointRules, Rule
from .routing.shapes import Shape, add_shape
from .routing.writing import HAS_OPTIONS, OPTIONS, REFUSED, UNSUITABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed.wsgi import WSGIEnvironment
    from werkzeug.routing import Rule as WerkzeugRule

    from .dispatch.plan import Plan
    from .routing.map import Map
    from .routing.rule import Written
    from .urls import UrlBuilding

# Anchor, method, scheme and externality.
Options = tuple["str | None", "str | None", "str | None", "bool | None"]
_NO_OPTIONS: Options = (None, None, None, None)


def url_of_rules(plan: Plan, context: RequestContext, rules: list[WerkzeugRule], values: dict[str, object]) -> Written:
    """Return the URL of an endpoint in a request at the root of its host; options are among the values.

    Returns:
        None if the names of the values were not given before, or options cannot be followed. What the functions of the
        rules have returned if that is no path.
    """
    if type(rules) is EndpointRules:
        if len(values) == rules.expected:
            return rules.write(values) if values else rules.text
        if rules.several is not None:
            return url_of_several(context, rules, values)
        shape = rules.shapes.get((*values,))
        if shape is not None:
            return url_by_shape(plan, context, rules, shape, values)
    return None


def url_of_several(context: RequestContext, rules: EndpointRules, values: dict[str, object]) -> Written:
    """Return what `url_of_rules` does, of an endpoint with several rules."""
    request = context.request
    environ = request.environ if context._state is PLAIN else environ_of(request)
    pairs = rules.several or ()
    path = first_of(pairs, values, environ["REQUEST_METHOD"], True)
    # Rules without the method were not tried before.
    return first_of(pairs, values, None, True) if path is UNSUITABLE else path


def url_by_shape(  # noqa: C901 - most URLs with options pass it
    plan: Plan, context: RequestContext, rules: EndpointRules, shape: Shape, values: dict[str, object]
) -> Written:
    """Return what `url_of_rules` does, for names of values that were given before."""
    url: Written = rules.text
    if url is None:
        url = rules.write(values)
        if type(url) is not str:
            return url
    if shape.query:
        url += query_by(shape.query, values)
    if not shape.has_options:
        return url
    if shape.method and (method := values["_method"]) is not None:
        allowed = rules[0].methods
        if allowed is not None and method not in allowed:
            return None
    scheme = values["_scheme"] if shape.scheme else None
    external = values["_external"] if shape.external else scheme is not None
    if external or (external is None and scheme is not None):
        url = _with_origin(plan, context, url, scheme)
    elif scheme is not None:
        return None
    if shape.anchor and (anchor := values["_anchor"]) is not None:
        return f"{url}#{fragment_text(anchor)}"
    return url


def _with_origin(plan: Plan, context: RequestContext, url: str, scheme: object) -> str:
    """Return a path with its host, in a request at the root of that host."""
    origin: tuple[str, str] | None = context._origin
    if origin is None:
        adapter = cast("Map", plan.url_map).adapter_for(environ_of(context.request), context.app.config["SERVER_NAME"])
        if adapter is None:
            # The environ was changed meanwhile.
            adapter = cast("MapAdapter", context.url_adapter)
        context._origin = origin = (address(adapter, "", "", None, external=True), f"//{adapter.server_name}")
    return f"{origin[0]}{url}" if scheme is None else f"{scheme_before(scheme)}{origin[1]}{url}"


def begins_at_root(context: RequestContext, plan: Plan) -> bool:
    """Return whether URLs of the current request begin at the root of its host and need no adapter."""
    if type(context) is not RequestContext or plan.root is not plan.url_map:
        return False
    config, request, url_map = context.app.config, context.request, plan.url_map
    if (
        url_map is None
        or config["TRUSTED_HOSTS"] is not None
        or type(request) is not plan.request_class
        or request.trusted_hosts is not None
        or not _binds_at_root(url_map, environ_of(request), config["SERVER_NAME"])
    ):
        # Not to be asked again: the adapter builds all URLs.
        context._root = False
        return False
    context._root = url_map
    return True


def _binds_at_root(url_map: Map, environ: WSGIEnvironment, server_name: str | None) -> bool:
    """Return whether a request is certainly accepted (`Map.adapter_for`), and its URLs have nothing before the path."""
    hosts = url_map._plain_hosts
    host = environ.get("HTTP_HOST")
    return (
        environ.get("SCRIPT_NAME") == ""
        and host is not None
        and (host in hosts or url_map._accepts(host))
        and (server_name is None or server_name in hosts or url_map._accepts(server_name))
        and environ.get("wsgi.url_scheme") in SCHEMES
        and "HTTP_UPGRADE" not in environ
        and environ.get("PATH_INFO") is not None
        and environ.get("QUERY_STRING") is not None
    )


def built_elsewhere(  # noqa: C901 - each case in turn
    app: UrlBuilding,
    plan: Plan,
    context: RequestContext | None,
    endpoint: str,
    values: dict[str, object],
    path: Written,
) -> str:
    """Build a URL with options, outside a request, of one of several rules, or in any other case.

    Args:
        app: The application.
        plan: Its plan.
        context: What is current.
        endpoint: The name of the endpoint, as it was given.
        values: The values and the options.
        path: What the function of the endpoint's only rule has returned; None if it was not called.
    """
    if context is None:
        return _url(app, plan, context, endpoint, values, take_options(values), path)
    is_inside = type(context) is RequestContext or context._request_ctx is not None
    if not is_inside and path is None and not app.url_default_functions:
        path = _url_outside(plan, context, endpoint, values)
        if type(path) is str:
            return path
    elif is_inside and endpoint[:1] == ".":
        blueprint = context.request.blueprint
        endpoint = endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"
    place = None if path is UNSUITABLE or path is REFUSED else _place(plan, context)
    has_options = bool(values) and not OPTIONS.isdisjoint(values)
    if place is not None and path is None and not app.url_default_functions:
        # An adapter's rules are asked once, without the options.
        is_asked = place is context or not has_options
        path = _first_path(plan, context, place, endpoint, values) if is_asked else HAS_OPTIONS
        if place is context and type(path) is str:
            return path
    options = _NO_OPTIONS
    if path is HAS_OPTIONS or (type(path) is not str and has_options):
        options = take_options(values)
    anchor, method, scheme, external = options
    if external is None:
        external = not is_inside or scheme is not None
    options = (anchor, method, scheme, external)
    if place is None or (scheme is not None and not external):
        return _url(app, plan, context, endpoint, values, options, path)
    return _built_with(app, plan, context, place, endpoint, values, options, path)


def _url_outside(plan: Plan, context: RequestContext, endpoint: str, values: dict[str, object]) -> Written:
    """Return the URL of an endpoint outside a request; None if it has options or is uncertain.

    What the function of the endpoint's only rule has returned if that is no path.
    """
    rules = plan.rules.get(endpoint, NO_RULES)
    adapter = context.url_adapter
    if (
        type(rules) is not EndpointRules
        or len(values) != rules.expected
        or type(adapter) is not MapAdapter
        or plan.url_map is None
        or adapter.map is not plan.url_map
        or plan.url_map.host_matching
        # Neither its class nor itself has another method.
        or getattr(adapter.build, "__func__", None) is not werkzeugs_build
    ):
        return None
    path = rules.write(values) if values else rules.text
    if type(path) is not str:
        return path
    return f"{scheme_before(adapter.url_scheme)}//{adapter.server_name}{adapter.script_name[:-1]}{path}"


def _first_path(
    plan: Plan, context: RequestContext, place: RequestContext | MapAdapter, endpoint: str, values: dict[str, object]
) -> Written:
    """Return what the functions of the rules return for values that may have options among them.

    If `place` is the context, it is the URL that `url_of_rules` returns, or a path.
    """
    rules = plan.rules.get(endpoint)
    if rules is None:
        return UNSUITABLE
    if place is context:
        url = url_of_rules(plan, context, rules, values)
        if url is not None:
            return url
        add_shape(rules, (*values,))
    elif type(rules) is EndpointRules and len(values) == rules.expected:
        return rules.write(values) if values else rules.text
    return _path_of(plan, place, rules, values, None, with_options=True)


def _built_with(
    app: UrlBuilding,
    plan: Plan,
    context: RequestContext,
    place: RequestContext | MapAdapter,
    endpoint: str,
    values: dict[str, object],
    options: Options,
    path: Written,
) -> str:
    """Build a URL with options, or of values that `inject_url_defaults` completes.

    Args:
        app: The application.
        plan: Its plan.
        context: What is current.
        place: As `_place` returns it.
        endpoint: As for `_url`.
        values: As for `_url`.
        options: As for `_url`.
        path: The path, or `HAS_OPTIONS` where the rules have to be asked once more.
    """
    anchor, method, scheme, external = options
    completes = bool(app.url_default_functions)
    if completes:
        app.inject_url_defaults(endpoint, values)
        if plan.epoch is not invalidation.epoch:
            return _url(app, plan, context, endpoint, values, options, completed=True)
    if completes or path is HAS_OPTIONS:
        rules = plan.rules.get(endpoint, NO_RULES)
        path = _path_of(plan, place, rules, values, method, with_options=False)
    domain = ""
    if type(path) is tuple:
        domain, path = path
    if path is UNSUITABLE and plan.raises_build_errors and not app.url_build_error_handlers:
        # Here, because each frame that an exception passes makes it slower.
        raise unsuitable(context.url_adapter, endpoint, values, method)
    if type(path) is not str:
        return _url(app, plan, context, endpoint, values, options, path, completed=completes)
    if place is not context or domain:
        adapter = context.url_adapter if place is context else place
        url = address(cast("MapAdapter", adapter), domain, path, scheme, bool(external))
    elif external:
        url = _with_origin(plan, context, path, scheme)
    else:
        url = path
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"


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
    is_certain = type(adapter) is MapAdapter and adapter.map is plan.url_map and "build" not in vars(adapter)
    return adapter if is_certain else None


def _path_of(
    plan: Plan,
    place: RequestContext | MapAdapter,
    rules: Sequence[WerkzeugRule],
    values: dict[str, object],
    method: str | None,
    *,
    with_options: bool,
) -> Written:
    """Return what the function of the first rule that accepts the values returns.

    Args:
        plan: The plan of the app.
        place: As `_place` returns it.
        rules: The rules of the endpoint.
        values: The values, with the options if `with_options` is true.
        method: The method whose rule is used; None for that of the request, then any.
        with_options: Whether there may be options among the values.
    """
    if len(rules) == 1:
        rule = rules[0]
        if method is not None and rule.methods is not None and method not in rule.methods:
            return UNSUITABLE
        write = (rule._write if type(rule) is Rule else None) or write_of(rule)
        return write(values, with_options)
    url_map = cast("Map", plan.url_map)
    host = None
    if isinstance(place, MapAdapter):
        default_method: str = place.default_method
        host = place.server_name if url_map.host_matching else None
    else:
        default_method = environ_of(place.request)["REQUEST_METHOD"]
    list_several(rules)
    return first_path(rules, values, method, default_method, host, with_options=with_options)


def take_options(values: dict[str, object]) -> Options:
    """Take anchor, method, scheme and externality out of the values."""
    take = values.pop
    return cast(
        "Options", (take("_anchor", None), take("_method", None), take("_scheme", None), take("_external", None))
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
        message = (
            "Unable to build URLs outside an active request without 'SERVER_NAME' configured."
            " Also configure 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as needed."
        )
        raise RuntimeError(message)
    if scheme is not None and not external:
        message = "When specifying '_scheme', '_external' must be True."
        raise ValueError(message)
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
