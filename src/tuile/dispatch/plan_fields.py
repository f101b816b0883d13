"""Fields of a plan: how requests and app contexts are made, which functions there may be, how JSON is written."""

from __future__ import annotations

import typing as t

from ..ctx.namespace import _AppCtxGlobals
from ..invalidation import attribute, attributes, replaced, unwatched
from ..json.provider import DefaultJSONProvider
from ..patched import replaced_steps
from ..sansio.registries import is_empty
from ..wrappers.plain_response import CONTENT_TYPE_HEADERS
from .classes import REGISTRIES

if t.TYPE_CHECKING:
    from ..wrappers.request import Request
    from ..wrappers.response import TextStart
    from .classes import OfClasses
    from .planner import Planned

Fields: t.TypeAlias = dict[str, t.Any]
_NAMESPACE = attributes(_AppCtxGlobals, ("__init__", "__new__"))


def for_requests(request_class: type[Request] | None) -> Fields:
    """Return the fields of a plan that say how requests are made, by a class that need not be called for it."""
    return {
        "request_class": request_class,
        "closes_nothing": request_class is not None and request_class.closes_nothing is True,
        "has_endpoint_of_rule": request_class is not None and request_class._has_endpoint_of_rule is True,
    }


def for_app_contexts(app: Planned, known: OfClasses, *, has_adapter: bool, told: bool) -> Fields:
    """Return the fields of a plan that say how app contexts are made.

    Args:
        app: The app.
        known: What is known of its classes.
        has_adapter: Whether its URL adapters are made as usual.
        told: Whether changes of its settings are detected.
    """
    reads_plainly = told and attribute(type(app.config), "__getitem__") is dict.__getitem__
    usual_namespace = known.has_plain_namespaces and "app_ctx_globals_class" not in app.__dict__
    return {
        "makes_app_context": has_adapter and reads_plainly and known.has_plain_contexts and not replaced_steps(),
        # Then nothing sees when it is made.
        "makes_namespace_later": usual_namespace and not replaced(_AppCtxGlobals, _NAMESPACE),
        # Without `SERVER_NAME` they certainly have none.
        "skips_adapter_outside": told and dict.get(app.config, "SERVER_NAME", app) is None,
    }


def for_functions(app: Planned, known: OfClasses) -> dict[str, bool]:
    """Return the fields of a plan that say which functions may have to be called."""
    own = app.__dict__
    # The class may have a property of its own for it.
    none = {name for name in REGISTRIES if name not in known.own_registries and is_empty(own.get(name))}
    return {
        "runs_before": not ("before_request_funcs" in none and "url_value_preprocessors" in none),
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
    if write is None or start is None or content_type is None or not debug_is_a_setting:
        return write, None
    # Another app's provider makes that app's responses.
    if provider._find_app() is not app or not provider._answers_compactly(app.config["DEBUG"]):
        return write, None
    return write, (content_type, start[1], start[2], (b"content-type", content_type[1].encode()))
