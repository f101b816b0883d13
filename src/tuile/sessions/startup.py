"""Check the settings for sessions before an application answers its first request."""

from __future__ import annotations

import typing as t

from .ages import absolute_seconds
from .kinds import kinds_of
from .signed import SecureCookieSessionInterface

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..sansio.app import App

# Not a set: a value that was set by mistake need not be hashable.
_DEFAULT_OVERFLOW = (None, "warn")


def check_session_settings(app: App, interface: object) -> None:
    """Check the settings for sessions, if the built-in interface reads them.

    Args:
        app: The application.
        interface: Its session interface.

    Raises:
        TypeError: If a setting has the wrong type.
        ValueError: If a setting has an invalid value, or two of them contradict each other.
        RuntimeError: If the package for the store is not installed.
    """
    if isinstance(interface, SecureCookieSessionInterface):
        kinds_of(app)
        absolute_seconds(app)
        if app.config.get("SESSION_STORE") is not None or app.config.get("SESSION_OVERFLOW") not in _DEFAULT_OVERFLOW:
            # Imported here, because most sessions are kept in the cookie.
            from .flask_session_stores import type_of  # noqa: PLC0415
            from .settings import writes_cookies  # noqa: PLC0415

            writes_cookies(app)
            type_of(app)
        if app.config.get("SESSION_STORE") is not None:
            from .settings import check_store  # noqa: PLC0415

            check_store(t.cast("Flask", app))
