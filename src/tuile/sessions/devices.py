"""The device that a session is used on, for the list of a user's sessions (`SESSION_DEVICE`)."""

from __future__ import annotations

import typing as t

from ..ctx.app_context import current_value
from .settings import choice

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.request import Request
    from .stored import ServerSession

#: How many characters of a User-Agent header are kept.
_MOST_OF_AGENT = 256


def device_of(app: Flask, request: Request | None) -> tuple[str, str]:
    """Return the User-Agent header and the address of a client, unless they are not to be kept."""
    is_kept = choice("SESSION_DEVICE", app.config.get("SESSION_DEVICE"), ("agent", "none")) == "agent"
    if request is None or not is_kept:
        return "", ""
    agent = request.environ.get("HTTP_USER_AGENT", "")[:_MOST_OF_AGENT]
    return agent, str(request.remote_addr or "")


def device_in(app: Flask, session: ServerSession) -> tuple[str, str]:
    """Return the device that a session is used on: what `device_of` returns for its request."""
    if session._device is not None:
        return session._device
    context = current_value(None)
    return device_of(app, None if context is None else context.request)
