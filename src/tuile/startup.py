"""Check the settings of an application before it answers its first request.

What checks a setting is imported only if a setting of its kind is not the default.
"""

from __future__ import annotations

import typing as t

from .config import DEFAULT_CONFIG

if t.TYPE_CHECKING:
    from .app import Flask

_OF_KEYS = ("SECRET_KEY_CHECKS", "SECRET_KEY_FALLBACKS", "SECRET_KEY_RETIRED")
_OF_SESSIONS = (
    "SESSION_ABSOLUTE",
    "SESSION_DIGEST",
    "SESSION_ENCRYPT",
    "SESSION_OVERFLOW",
    "SESSION_READS",
    "SESSION_STORE",
)


def check_settings(app: Flask, interface: object) -> None:
    """Check the settings for keys, CSRF and cookies, and those for sessions if the built-in interface reads them.

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
    if _is_any_changed(app, ("CSRF",)):
        from .csrf import check_csrf_settings, offer_token_to_templates  # noqa: PLC0415

        check_csrf_settings(app)
        offer_token_to_templates(app)
    if _is_any_changed(app, ("COOKIE_DEFAULTS",)):
        from .ctx.cookie_defaults import are_secure  # noqa: PLC0415

        are_secure(app)


def _is_any_changed(app: Flask, names: tuple[str, ...]) -> bool:
    return any(app.config.get(name) != DEFAULT_CONFIG[name] for name in names)
