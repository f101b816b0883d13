"""Build the URL of an endpoint: `url_for`, as a function and as the application's method."""

from __future__ import annotations

from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

from werkzeug.routing import BuildError, MapAdapter

from . import invalidation
from .ctx.app_context import Entered, current
from .ctx.request_context import RequestContext
from .globals import current_app
from .invalidation import Watched
from .routing.building import address, build, werkzeugs_build, write_of
from .routing.quoting import fragment_text
from .routing.rule import Rule
from .routing.writing import HAS_OPTIONS, NO_OPTIONS, OPTIONS, REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable

    from . import typing as ft
    from .app import Flask
    from .ctx.app_context import Current
    from .dispatch.plan import Plan
    from .wrappers.request import Request

# Anchor, method, scheme and externality.
Options = tuple[str | None, str | None, str | None, bool | None]
_Method = TypeVar("_Method", bound="Callable[..., str]")


def _takes_values(method: _Method) -> _Method:
    """Decorate `url_for` to take the options among the values: as parameters they would make each call slower."""

    @wraps(method)
    def url_for(self: Flask, /, endpoint: str, **values: object) -> str:
        plan = self._plan
        if plan.epoch is not invalidation.epoch:
            plan = self._planner.current(self)
        return _built(self, plan, current.get(None), endpoint, values)

    return cast("_Method", url_for)


class UrlBuilding(metaclass=Watched):
    """The methods of an application that build URLs."""

    # The attributes of the application that it uses.
    handle_url_build_error: Callable[[BuildError, str, dict[str, object]], str]
    inject_url_defaults: Callable[[str, dict[str, object]], None]
    create_url_adapter: Callable[[Request | None], MapAdapter | None]
    url_build_error_handlers: list[Callable[[Exception, str, dict[str, object]], str]]
    url_default_functions: dict[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]]

    @_takes_values
    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Build the URL of an endpoint.

        Args:
            endpoint: Its name; a leading dot stands for the current blueprint.
            _anchor: The fragment, which follows the `#`.
            _method: The method whose rule is used, if the endpoint has several rules.
            _scheme: The scheme of an external URL, such as `https`.
            _external: Include the scheme and the host. The default is False in a request and True outside.
            values: The variable parts of the rule; all others become the query string.

        Raises:
            BuildError: If no rule takes these values, and no `url_build_error_handlers` returned a URL.
            RuntimeError: If it is called outside a request and without `SERVER_NAME`.
            ValueError: If a scheme is given for a URL that is not external.
        """
        values |= {"_anchor": _anchor, "_method": _method, "_scheme": _scheme, "_external": _external}
        return self.url_for(endpoint, **values)


def url_for(endpoint: str, **values: Any) -> str:
    """Build the URL of an endpoint of the current application; `Flask.url_for` describes the arguments and errors."""
    context = current.get(None)
    # The unbound proxy raises an error that says what is missing.
    app: Flask = current_app if context is None else context.app
    plan = app._plan
    if plan.epoch is not invalidation.epoch:
        plan = app._planner.current(app)
    if plan.builds_urls:
        # The same as the method, without packing the values once more.
        return _built(app, plan, context, endpoint, values)
    anchor, method, scheme, external = _options(values)
    return app.url_for(endpoint, _anchor=anchor, _method=method, _scheme=scheme, _external=external, **values)


# Shows the options as keywords, as in Flask; as real parameters they would make each call slower.
vars(url_for)["__signature__"] = signature(UrlBuilding().url_for)


def _built(app: UrlBuilding, plan: Plan, context: Current | None, endpoint: str, values: dict[str, object]) -> str:
    """Build a URL by the function of the endpoint's only rule, or in the general way; options are among the values."""
    refused = False
    adapter: MapAdapter | None = None
    is_inside = True
    if endpoint in plan.rules and not app.url_default_functions:
        if isinstance(context, RequestContext):
            adapter = context.url_adapter
        elif isinstance(context, Entered):
            is_inside = context._request_ctx is not None
            adapter = context.url_adapter if is_inside or context._app_ctx is None else context._app_ctx.url_adapter
    if (
        type(adapter) is MapAdapter
        and len(rules := plan.rules[endpoint]) == 1
        and adapter.map is plan.url_map
        and adapter.subdomain == ""
        and MapAdapter.build is werkzeugs_build
        and type(rule := rules[0]) is Rule
    ):
        path: object = rule._text
        if values or path is None:
            path = (rule._write or write_of(rule))(values, OPTIONS)
        if type(path) is str:
            if not is_inside:
                return address(adapter, "", path, None, external=True)
            root = adapter.script_name
            return path if root == "/" else f"{root.rstrip('/')}{path}"
        if path is HAS_OPTIONS:
            return _with_options(app, plan, context, adapter, rule, endpoint, values, is_inside=is_inside)
        refused = path is REFUSED
    options = None if not values or OPTIONS.isdisjoint(values) else _options(values)
    return _url(app, plan, context, endpoint, values, options, refused=refused)


def _options(values: dict[str, object]) -> Options:
    """Take anchor, method, scheme and externality out of the values."""
    take = values.pop
    return cast(
        "Options", (take("_anchor", None), take("_method", None), take("_scheme", None), take("_external", None))
    )


def _with_options(
    app: UrlBuilding,
    plan: Plan,
    context: Current | None,
    adapter: MapAdapter,
    rule: Rule,
    endpoint: str,
    values: dict[str, object],
    *,
    is_inside: bool,
) -> str:
    """Build the URL of an endpoint's only rule, with options."""
    options = anchor, method, scheme, external = _options(values)
    path = (rule._write or write_of(rule))(values, NO_OPTIONS) if method is None else None
    if external is None:
        external = not is_inside or scheme is not None
    if type(path) is not str or (scheme is not None and not external):
        return _url(app, plan, context, endpoint, values, options, refused=path is REFUSED)
    url = address(adapter, "", path, scheme, external)
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"


def _url(
    app: UrlBuilding,
    plan: Plan,
    context: Current | None,
    endpoint: str,
    values: dict[str, object],
    options: Options | None,
    *,
    refused: bool = False,
) -> str:
    """Build a URL in the general way.

    Args:
        app: The application.
        plan: Its plan.
        context: What is current.
        endpoint: The name of the endpoint, as it was given.
        values: The variable parts and the values for the query.
        options: Anchor, method, scheme and externality, if one was given.
        refused: Whether the endpoint's only rule was tried, and one of its converters rejected a value.
    """
    anchor, method, scheme, external = options or (None, None, None, None)
    adapter = app.create_url_adapter(None) if context is None else context.url_adapter
    request = None if context is None else context.request
    if request is not None and endpoint[:1] == ".":
        blueprint = request.blueprint
        endpoint = endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"
    if external is None:
        external = request is None or scheme is not None
    if request is None and adapter is None:
        message = (
            "Unable to build URLs outside an active request without 'SERVER_NAME' configured."
            " Also configure 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as needed."
        )
        raise RuntimeError(message)
    if scheme is not None and not external:
        message = "When specifying '_scheme', '_external' must be True."
        raise ValueError(message)
    if app.url_default_functions or not plan.builds_urls:
        app.inject_url_defaults(endpoint, values)
    try:
        url = build(cast("MapAdapter", adapter), endpoint, values, method, scheme, external, refused=refused)
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    return url if anchor is None else f"{url}#{fragment_text(anchor)}"
