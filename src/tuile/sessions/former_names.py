"""The session cookie under the name that it had before `COOKIE_DEFAULTS` gave it a prefix.

A session under the former name is read if there is none under the new one. The response that sets or deletes the cookie
deletes the former one as well, which would be read again otherwise.
"""

from __future__ import annotations

import typing as t

from ..ctx.app_context import current_value
from ..ctx.cookie_defaults import former_session_name
from .interface import cookie_attributes

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .interface import SessionInterface, SessionMixin


def _former_name(interface: SessionInterface, app: Flask) -> str | None:
    if app.config.get("COOKIE_DEFAULTS") is None:
        return None
    return former_session_name(app, interface.get_cookie_name(app))


def name_to_read(interface: SessionInterface, app: Flask, request: Request) -> str:
    """Return the name of the cookie that the session of a request is in."""
    name = interface.get_cookie_name(app)
    former = _former_name(interface, app)
    return name if former is None or name in request.cookies or former not in request.cookies else former


def came_under_former_name(interface: SessionInterface, app: Flask, request: Request) -> bool:
    """Return whether the session of a request is in a cookie with its former name."""
    return name_to_read(interface, app, request) == _former_name(interface, app)


def tokens_of(app: Flask, interface: SessionInterface, request: Request) -> list[str]:
    """Return the values of the session cookies of a request."""
    asks = app.config.get("COOKIE_DEFAULTS") is not None
    name = name_to_read(interface, app, request) if asks else interface.get_cookie_name(app)
    cookies = request.cookies
    # A request class may have a plain dictionary of cookies.
    return cookies.getlist(name) if hasattr(cookies, "getlist") else [cookies[name]] if name in cookies else []


def is_to_be_moved(interface: SessionInterface, app: Flask, session: SessionMixin) -> bool:
    """Return whether a session that was read has another name by now, so that its cookie is set again."""
    context = current_value(None) if session.accessed else None
    request = None if context is None else context.request
    return request is not None and came_under_former_name(interface, app, request)


def delete_former(interface: SessionInterface, app: Flask, response: Response) -> None:
    """Delete the session cookie with its former name, if the current request brought one."""
    former, context = _former_name(interface, app), current_value(None)
    request = None if context is None else context.request
    if former is not None and request is not None and former in request.cookies:
        response.delete_cookie(former, **cookie_attributes(interface, app)._asdict())
