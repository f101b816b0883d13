"""The settings that a plan depends on: whether the cookies of each response are checked.

Where changes of settings may not be detected, they are: the steps read the setting themselves.
"""

from __future__ import annotations

import typing as t

from ..invalidation import Stock
from ..real_flask import runs_flask_program
from ..watched_settings import WatchedSettings

if t.TYPE_CHECKING:
    from .planner import Planned

# Not sets: a value that was set by mistake need not be hashable.
_CHECKS = ("warn", "error", "off")
_UNDECLARED = ("ignore", "warn", "error", None)
_SETTINGS = Stock(
    WatchedSettings, "__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update"
)


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
    if mode not in _CHECKS:
        message = f"COOKIE_CHECKS is 'warn', 'error', 'off' or None (by TESTING and DEBUG), not {mode!r}."
        raise ValueError(message)
    return None if mode == "off" else mode


def undeclared_cookies_of(app: Planned) -> str | None:
    """Return the effective value of `COOKIE_UNDECLARED`: ``warn``, ``error``, or None outside of tests and debug mode.

    Raises:
        ValueError: If the setting has another value.
    """
    mode = app.config.get("COOKIE_UNDECLARED", "ignore")
    if mode not in _UNDECLARED:
        message = f"COOKIE_UNDECLARED is 'ignore', 'warn' or 'error', not {mode!r}."
        raise ValueError(message)
    is_on = mode in {"warn", "error"} and (app.config.get("TESTING") or app.config.get("DEBUG"))
    return mode if is_on else None


def tells(app: Planned) -> bool:
    """Return whether all changes of settings are detected."""
    config = app.__dict__.get("config")
    return isinstance(config, WatchedSettings) and _SETTINGS.is_in(type(config)) and "DEBUG" in config


def checks_cookies(app: Planned, *, told: bool) -> bool:
    """Return whether each response is looked at: for `COOKIE_CHECKS`, undeclared cookies, or the visitor's consent.

    Args:
        app: The app.
        told: Whether changes of its settings are detected; the steps read them otherwise.
    """
    if not told:
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
    return is_usual and not getattr(app, "_optional_cookies", None)
