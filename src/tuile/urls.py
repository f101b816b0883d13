"""Build the URL of an endpoint: `url_for`, as a function and as the application's method."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.routing import BuildError

from . import invalidation
from .ctx.app_context import current
from .globals import current_app
from .invalidation import Watched
from .routing.building import build, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from werkzeug.routing import MapAdapter

    from . import typing as ft
    from .app import Flask
    from .ctx.app_context import Current
    from .wrappers.request import Request

_OPTIONS = frozenset({"_anchor", "_method", "_scheme", "_external"})
# The characters that may stand in the fragment of a URL (WHATWG URL, fragment percent-encode set).
_FRAGMENT_SAFE = "%!#$&'()*+,/:;=?@"


class UrlBuilding(metaclass=Watched):
    """The methods of an application that build URLs."""

    # The attributes of the application that it uses.
    handle_url_build_error: Callable[[BuildError, str, dict[str, object]], str]
    inject_url_defaults: Callable[[str, dict[str, object]], None]
    create_url_adapter: Callable[[Request | None], MapAdapter | None]
    url_build_error_handlers: list[Callable[[Exception, str, dict[str, object]], str]]
    url_default_functions: dict[ft.AppOrBlueprintKey, list[ft.URLDefaultCallable]]

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: object,
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
        return _url(self, current.get(None), endpoint, values, _anchor, _method, _scheme, _external)


def url_for(endpoint: str, **values: Any) -> str:
    """Build the URL of an endpoint of the current application; `Flask.url_for` describes the arguments and errors."""
    context = current.get(None)
    # The unbound proxy raises an error that says what is missing.
    app: Flask = current_app if context is None else context.app
    plan = app._plan
    if plan.epoch is not invalidation.epoch:
        plan = app._planner.current(app)
    plain = plan.builds_urls
    if (
        plain
        and context is not None
        and context.request is not None
        and not app.url_default_functions
        and endpoint[:1] != "."
        and (not values or _OPTIONS.isdisjoint(values))
    ):
        adapter: Any = context.url_adapter
        try:
            path = path_of(adapter, endpoint, values, None)
        except BuildError as error:
            values.update(_anchor=None, _method=None, _scheme=None, _external=False)
            return app.handle_url_build_error(error, endpoint, values)
        if path is not None:
            root = adapter.script_name
            return path if root == "/" else root[:-1].rstrip("/") + path
    take = values.pop
    anchor, method = take("_anchor", None), take("_method", None)
    scheme, external = take("_scheme", None), take("_external", None)
    if plain:
        # The same as the method, without packing the values once more.
        return _url(app, context, endpoint, values, anchor, method, scheme, external)
    return app.url_for(endpoint, _anchor=anchor, _method=method, _scheme=scheme, _external=external, **values)


# Shows the options as keywords, as in Flask; as real parameters they would make each call slower.
vars(url_for)["__signature__"] = signature(UrlBuilding().url_for)


def _url(
    app: UrlBuilding,
    context: Current | None,
    endpoint: str,
    values: dict[str, object],
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
) -> str:
    adapter: Any = app.create_url_adapter(None) if context is None else context.url_adapter
    if context is not None and context.request is not None:
        if endpoint[:1] == ".":
            blueprint = context.request.blueprint
            endpoint = endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"
        if external is None:
            external = scheme is not None
    else:
        if adapter is None:
            message = (
                "Unable to build URLs outside an active request without 'SERVER_NAME' configured."
                " Also configure 'APPLICATION_ROOT' and 'PREFERRED_URL_SCHEME' as needed."
            )
            raise RuntimeError(message)
        if external is None:
            external = True
    if scheme is not None and not external:
        message = "When specifying '_scheme', '_external' must be True."
        raise ValueError(message)
    app.inject_url_defaults(endpoint, values)
    try:
        url: str | None = build(adapter, endpoint, values, method, scheme, external)
        if url is None:
            url = adapter.build(endpoint, values, method=method, url_scheme=scheme, force_external=external)
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    return url if anchor is None else f"{url}#{quote(anchor, safe=_FRAGMENT_SAFE)}"
