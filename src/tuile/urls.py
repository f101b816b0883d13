"""Build the URL of an endpoint: `url_for`, as a function and as the application's method."""

from __future__ import annotations

from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, TypeVar, cast

from . import invalidation
from .ctx.app_context import current
from .ctx.values import EnteredApp
from .globals import current_app
from .invalidation import Watched
from .lazy import late_modules
from .patched import APP_OF_HELPERS, names

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import ContextVar

    from werkzeug.routing import BuildError, MapAdapter

    from . import typing as ft
    from . import url_building, url_links
    from .app import Flask
    from .ctx.request_context import RequestContext
    from .dispatch.plan import Plan
    from .routing.rule import Written
    from .wrappers.request import Request

    _Method = TypeVar("_Method", bound="Callable[..., str]")
else:
    url_building, url_links = late_modules(__name__, ".url_building", ".url_links")

# Without a request its value is another one, with the same attributes.
_current = cast("ContextVar[RequestContext | None]", current)
# What the function asks. The shim puts `patched.NOTHING_ACTIVE` here while a test has replaced the `current_app` of
# `flask.helpers`, whose method the function calls on Flask.
current_for_function = _current


def _takes_values(method: _Method) -> _Method:  # noqa: C901 - as the function below
    """Decorate `url_for` to take the options among the values: as parameters they would make each call slower."""

    @wraps(method)
    def url_for(self: Flask, /, endpoint: str, **values: object) -> str:  # noqa: C901 - as the function below
        # As in the function below.
        context = _current.get(None)
        url: Written = None
        if context is not None:
            plan = context._links_by
            if plan is None:
                known = context._address
                if known is not None:
                    url = url_links.url_by_address(context, known, endpoint, values) if context.app is self else None
                    if type(url) is str:
                        return url
                elif context._root is None:
                    plan = url_links.links_at_root(context)
                    known = context._address
                    if known is not None and context.app is self:
                        url = url_links.url_by_address(context, known, endpoint, values)
                        if type(url) is str:
                            return url
            if plan is not None and plan.epoch is invalidation.epoch and not plan.url_defaults and context.app is self:
                link = plan.links.get(endpoint)
                if link is None:
                    url = url_links.url_by_new_link(plan, context, endpoint, values)
                else:
                    try:
                        url = link.write(values) if values else link.text
                    except Exception:
                        if len(values) < 2:
                            raise
                        # Another value or an option may be another error, which comes first.
                        url = None
                    if type(url) is tuple:
                        url = url_links.with_options(context, url)
                if type(url) is str:
                    return url
        try:
            return url_building.url_elsewhere(self, context, endpoint, values, url)
        finally:
            del context  # as in the function below

    return cast("_Method", url_for)


def link_writer(app: Flask) -> Callable[[str, dict[str, object]], str]:
    """Return the application's `url_for` as a function of a dict, for the code of templates: it need not be packed."""
    url_for: Callable[..., str] = UrlBuilding.url_for.__get__(app)

    def write_link(endpoint: str, values: dict[str, object]) -> str:
        # As in the functions below.
        context = _current.get(None)
        if context is not None and context.app is app:
            plan = context._links_by
            if plan is not None and plan.epoch is invalidation.epoch and not plan.url_defaults:
                link = plan.links.get(endpoint)
                if link is not None:
                    try:
                        url = link.write(values) if values else link.text
                    except Exception:
                        if len(values) < 2:
                            raise
                        url = None
                    if type(url) is str:
                        return url
                    if type(url) is tuple:
                        url = url_links.with_options(context, url)
                    return url if type(url) is str else url_building.url_elsewhere(app, context, endpoint, values, url)
        return url_for(endpoint, **values)

    return write_link


class UrlBuilding(metaclass=Watched):
    """The methods of an application that build URLs."""

    # The attributes of the application that it uses.
    handle_url_build_error: Callable[[BuildError, str, dict[str, object]], str]
    inject_url_defaults: Callable[[str, dict[str, object]], None]
    _current_plan: Callable[[], Plan]
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


def url_for(endpoint: str, **values: Any) -> str:  # noqa: C901 - most URLs are built here
    """Build the URL of an endpoint of the current application; `Flask.url_for` describes the arguments and errors."""
    context = current_for_function.get(None)
    url: Written = None
    if context is not None:
        plan = context._links_by
        if plan is None:
            known = context._address
            if known is not None:
                url = url_links.url_by_address(context, known, endpoint, values)
                if type(url) is str:
                    return url
            elif context._root is None:
                plan = url_links.links_at_root(context)
                known = context._address
                if known is not None:
                    url = url_links.url_by_address(context, known, endpoint, values)
                    if type(url) is str:
                        return url
            elif isinstance(context, EnteredApp):
                url = url_links.url_by_new_address(context, endpoint, values)
                if type(url) is str:
                    return url
        if plan is not None and plan.epoch is invalidation.epoch and not plan.url_defaults:
            # This is how most URLs are built: each call that is saved here counts.
            link = plan.links.get(endpoint)
            if link is None:
                url = url_links.url_by_new_link(plan, context, endpoint, values)
            else:
                try:
                    url = link.write(values) if values else link.text
                except Exception:
                    if len(values) < 2:
                        raise
                    # Another value or an option may be another error, which comes first.
                    url = None
                if type(url) is tuple:
                    url = url_links.with_options(context, url)
            if type(url) is str:
                return url
    # The unbound proxy raises an error that says what is missing.
    app: Flask = current_app if context is None else context.app
    if context is None and (replacement := names.get(APP_OF_HELPERS)) is not None:
        return _url_by_method(replacement, endpoint, values)
    current_plan = app._plan
    if current_plan.epoch is not invalidation.epoch:
        current_plan = app._current_plan()
    if current_plan.builds_urls:
        # The same as the method, without packing the values once more.
        try:
            return url_building.url_elsewhere(app, context, endpoint, values, url, current_plan)
        finally:
            # The traceback of an error refers to this frame, and must not keep the context and its `g`.
            del context
    return _url_by_method(app, endpoint, values)


def _url_by_method(app: Flask, endpoint: str, values: dict[str, object]) -> str:
    anchor, method, scheme, external = url_building.take_options(values)
    return app.url_for(endpoint, _anchor=anchor, _method=method, _scheme=scheme, _external=external, **values)


# Shows the options as keywords, as in Flask; as real parameters they would make each call slower.
vars(url_for)["__signature__"] = signature(UrlBuilding().url_for)
