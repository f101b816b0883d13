"""Fields of a plan: how requests and app contexts are made, which functions there may be, how JSON is written."""

from __future__ import annotations

import typing as t

from ..ctx.app_context import AppContext
from ..ctx.namespace import _AppCtxGlobals
from ..invalidation import attribute, attributes, replaced, unwatched
from ..json.provider import DefaultJSONProvider
from ..sansio.registries import is_empty
from ..wrappers.plain_response import CONTENT_TYPE_HEADERS
from .settings import tells

if t.TYPE_CHECKING:
    from ..wrappers.request import Request
    from ..wrappers.response import TextStart
    from .planner import Planned

Fields: t.TypeAlias = dict[str, t.Any]
_NAMESPACE = attributes(_AppCtxGlobals, ("__init__", "__new__"))
_BEFORE = ("before_request_funcs", "url_value_preprocessors")
_REGISTRIES = (*_BEFORE, "after_request_funcs", "teardown_request_funcs")
_APP_CONTEXT = attributes(AppContext, ("__init__", "__new__", "__setattr__", "url_adapter"))


def for_requests(request_class: type[Request] | None) -> Fields:
    """Return the fields of a plan that say how requests are made, by a class that need not be called for it."""
    return {
        "request_class": request_class,
        "closes_nothing": request_class is not None and request_class.closes_nothing is True,
        "has_endpoint_of_rule": request_class is not None and request_class._has_endpoint_of_rule is True,
    }


def for_app_contexts(app: Planned, *, has_adapter: bool) -> dict[str, bool]:
    """Return the fields of a plan that say how app contexts are made.

    Args:
        app: The app.
        has_adapter: Whether its URL adapters are made as usual.
    """
    return {
        "makes_app_context": has_adapter and _makes_app_context(app),
        "makes_namespace_later": _makes_namespace_later(app),
        # Without `SERVER_NAME` they certainly have none.
        "skips_adapter_outside": tells(app) and dict.get(app.config, "SERVER_NAME", app) is None,
    }


def for_functions(app: Planned) -> dict[str, bool]:
    """Return the fields of a plan that say which functions may have to be called."""
    own = app.__dict__
    none = {name for name in _REGISTRIES if is_empty(own.get(name))}
    # The class may have a property of its own for it.
    for kind in type(app).__mro__:
        in_class = kind.__dict__
        for name in _REGISTRIES:
            if name in in_class:
                none.discard(name)
    return {
        "runs_before": not none.issuperset(_BEFORE),
        "runs_after": "after_request_funcs" not in none,
        "runs_at_end": "teardown_request_funcs" not in none,
    }


def json_of(
    app: Planned, start: TextStart | None, *, debug_is_a_setting: bool
) -> tuple[t.Callable[[object], str] | None, TextStart | None]:
    """Return a function that writes JSON like the app's provider, and the start of its responses; None if uncertain."""
    provider = app.__dict__.get("json")
    # A provider that was created without its constructor has no app.
    if not isinstance(provider, DefaultJSONProvider) or unwatched(type(provider)) or "_app" not in vars(provider):
        return None, None
    write = provider._compact_writer()
    content_type = CONTENT_TYPE_HEADERS.get(provider.mimetype)
    if write is None or start is None or content_type is None or not debug_is_a_setting or not tells(app):
        return write, None
    # Another app's provider makes that app's responses.
    if provider._find_app() is not app or not provider._answers_compactly(app.config["DEBUG"]):
        return write, None
    return write, (content_type, start[1], start[2], (b"content-type", content_type[1].encode()))


def _makes_app_context(app: Planned) -> bool:
    """Return whether app contexts are made as usual."""
    return (
        tells(app)
        and attribute(type(app.config), "__getitem__") is dict.__getitem__
        and not replaced(AppContext, _APP_CONTEXT)
    )


def _makes_namespace_later(app: Planned) -> bool:
    """Return whether the namespace of an app context is of the usual class, so that nothing sees when it is made."""
    stock = attribute(type(app), "app_ctx_globals_class") is _AppCtxGlobals
    return stock and "app_ctx_globals_class" not in vars(app) and not replaced(_AppCtxGlobals, _NAMESPACE)
