"""Check the settings of an application before it answers its first request."""

from __future__ import annotations

import typing as t

from .csrf import check_csrf_settings, offer_token_to_templates
from .ctx.cookie_defaults import are_secure
from .keys.app_keys import check_keys
from .sessions.startup import check_session_settings

if t.TYPE_CHECKING:
    from .app import Flask


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
    check_keys(app)
    check_session_settings(app, interface)
    check_csrf_settings(app)
    are_secure(app)
    offer_token_to_templates(app)
