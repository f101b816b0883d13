"""What a plan depends on beside the steps: whether the cookies of each response are checked, `SERVER_NAME`, functions.

Where changes of settings may not be detected, they are: the steps read the setting themselves.
"""

from __future__ import annotations

import typing as t

from ..ctx.app_context import AppContext
from ..ctx.namespace import _AppCtxGlobals
from ..invalidation import attribute, attributes, replaced, still_has, unwatched
from ..json.provider import DefaultJSONProvider
from ..real_flask import runs_flask_program
from ..sansio.registries import is_empty
from ..watched_settings import WatchedSettings
from ..wrappers.plain_response import CONTENT_TYPE_HEADERS

if t.TYPE_CHECKING:
    from ..wrappers.response import TextStart
    from .planner import Planned

_SETTINGS = attributes(
    WatchedSettings, ("__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update")
)
_NAMESPACE = attributes(_AppCtxGlobals, ("__init__", "__new__"))
_APP_CONTEXT = attributes(AppContext, ("__init__", "__new__", "__setattr__", "url_adapter"))


def cookie_checks_of(app: Planned) -> str | None:
    """Return the effective value of `COOKIE_CHECKS`: ``warn``, ``error``, or None for no checks.

    Raises:
        ValueError: If the setting has another value.
    """
    # No local variable for the settings: tracebacks show them.
    mode = app.config.get("COOKIE_CHECKS")
    if mode is None:
        if app.config.get("TESTING"):
            # Unmodified test suites for Flask do not expect these checks.
            return None if runs_flask_program() else "error"
        return "warn" if app.config.get("DEBUG") else None
    if mode not in {"warn", "error", "off"}:
        message = f"COOKIE_CHECKS is 'warn', 'error', 'off' or None (by TESTING and DEBUG), not {mode!r}."
        raise ValueError(message)
    return None if mode == "off" else mode


def undeclared_cookies_of(app: Planned) -> str | None:
    """Return the effective value of `COOKIE_UNDECLARED`: ``warn``, ``error``, or None outside of tests and debug mode.

    Raises:
        ValueError: If the setting has another value.
    """
    mode = app.config.get("COOKIE_UNDECLARED", "ignore")
    if mode not in {"ignore", "warn", "error", None}:
        message = f"COOKIE_UNDECLARED is 'ignore', 'warn' or 'error', not {mode!r}."
        raise ValueError(message)
    is_on = mode in {"warn", "error"} and (app.config.get("TESTING") or app.config.get("DEBUG"))
    return mode if is_on else None


def tells(app: Planned) -> bool:
    """Return whether all changes of settings are detected."""
    config = app.__dict__.get("config")
    return isinstance(config, WatchedSettings) and still_has(type(config), _SETTINGS) and "DEBUG" in config


def checks_cookies(app: Planned) -> bool:
    """Return whether each response is looked at: for `COOKIE_CHECKS`, undeclared cookies, or the visitor's consent."""
    if not tells(app):
        return True
    try:
        modes = (cookie_checks_of(app), undeclared_cookies_of(app))
        return modes != (None, None) or bool(getattr(app, "_optional_cookies", None))
    except ValueError:
        # For the step to raise, where it can be answered.
        return True


def checks_set_cookies(app: Planned) -> bool:
    """Return whether the settings are the usual ones, by which a response is looked at only if it sets cookies."""
    config = app.config
    is_usual = config.get("COOKIE_CHECKS") is None and config.get("COOKIE_UNDECLARED") == "ignore"
    return tells(app) and is_usual and not getattr(app, "_optional_cookies", None)


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
    return {
        "runs_before": not all(_has_none(app, name) for name in ("before_request_funcs", "url_value_preprocessors")),
        "runs_after": not _has_none(app, "after_request_funcs"),
        "runs_at_end": not _has_none(app, "teardown_request_funcs"),
    }


def _has_none(app: Planned, name: str) -> bool:
    """Return whether a registry is known to have no functions. The class may have a property of its own for it."""
    return is_empty(app.__dict__.get(name)) and attribute(type(app), name) is None


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
