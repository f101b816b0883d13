"""Check the settings of an application before it answers its first request.

What checks a setting is imported only if a setting of its kind is not the default.
"""

from __future__ import annotations

import typing as t
from datetime import timedelta

from .config import DEFAULT_CONFIG

if t.TYPE_CHECKING:
    from .app import Flask
    from .sansio.app import App

_OF_KEYS = ("SECRET_KEY_CHECKS", "SECRET_KEY_FALLBACKS", "SECRET_KEY_RETIRED")
_OF_SESSIONS = (
    "SESSION_ABSOLUTE",
    "SESSION_DIGEST",
    "SESSION_ENCRYPT",
    "SESSION_OVERFLOW",
    "SESSION_READS",
    "SESSION_STORE",
)
# What is read late, and often where nobody sees an error: when a connection ends, or the server stops.
_DURATIONS = (
    "ASGI_SHUTDOWN_TIMEOUT",
    "BACKGROUND_TASK_SHUTDOWN_TIMEOUT",
    "SESSION_CHECK_EVERY",
    "SESSION_EPOCH_AGE",
    "WEBSOCKET_GRACE",
)
# Longer than anyone needs, and shorter than the longest time that a thread can wait.
_LONGEST_S = 1e9
# The least value of each.
_NUMBERS = {
    "ASGI_SPOOL": 0,
    "ASGI_STREAM_WORKERS": 0,
    "ASGI_WORKERS": 1,
    "BACKGROUND_TASK_THREADS": 1,
    "WEBSOCKET_MAX_SIZE": 1,
}


def check_settings(app: Flask, interface: object) -> None:
    """Check Tuile's own settings; those for sessions if the built-in interface reads them.

    Args:
        app: The application.
        interface: Its session interface.

    Raises:
        TypeError: If a setting has the wrong type.
        ValueError: If a setting has an invalid value, or two of them contradict each other.
        RuntimeError: If the `SECRET_KEY` is retired.
    """
    if "SECRET_KEY" in app.config and (app.secret_key is not None or _is_any_changed(app, _OF_KEYS)):
        from .keys.app_keys import check_keys  # noqa: PLC0415

        check_keys(app)
    if _is_any_changed(app, _OF_SESSIONS):
        from .sessions.startup import check_session_settings  # noqa: PLC0415

        check_session_settings(app, interface)
    if _is_any_changed(app, ("CSRF", "CSRF_TRUSTED_ORIGINS")):
        from .csrf import check_csrf_settings, offer_token_to_templates  # noqa: PLC0415

        check_csrf_settings(app)
        offer_token_to_templates(app)
    if _is_any_changed(app, ("COOKIE_DEFAULTS",)):
        from .ctx.cookie_defaults import are_secure  # noqa: PLC0415

        are_secure(app)
    if _is_any_changed(app, ("CONSENT_COOKIE_NAME", "CONSENT_LIFETIME")):
        check_consent(app)
    check_numbers(app)


def check_consent(app: Flask) -> None:
    """Check the settings for `app.consent`, if it is used. Otherwise, an app may have such settings for itself.

    Raises:
        TypeError, ValueError: If a setting is wrong.
    """
    if app._optional_cookies or "consent" in vars(app):
        app.consent.check_settings()


def check_numbers(app: Flask) -> None:
    """Check the durations and numbers that are not read until a connection ends, a server stops or a task starts.

    Raises:
        TypeError, ValueError: If a setting is wrong.
    """
    if not _is_any_changed(app, (*_DURATIONS, *_NUMBERS)):
        return
    from .sessions.settings import seconds  # noqa: PLC0415 - seldom needed

    for name in _DURATIONS:
        seconds(name, app.config.get(name), least=0.0, most=_LONGEST_S)
    for name, least in _NUMBERS.items():
        value: object = app.config.get(name, DEFAULT_CONFIG[name])
        # None is no limit, or a number that depends on the machine.
        if value is None and name in {"ASGI_WORKERS", "WEBSOCKET_MAX_SIZE"}:
            continue
        if type(value) is not int or value < least:
            raise ValueError(f"{name} must be a whole number, at least {least}, not {value!r}.")


def duration(app: App, name: str) -> float:
    """Return a setting that is a duration, in seconds; its default if it is None or missing."""
    value: object = app.config.get(name)
    if value is None:
        value = DEFAULT_CONFIG[name]
    return value.total_seconds() if isinstance(value, timedelta) else t.cast("float", value)


def _is_any_changed(app: Flask, names: tuple[str, ...]) -> bool:
    return any(app.config.get(name) != DEFAULT_CONFIG[name] for name in names)
