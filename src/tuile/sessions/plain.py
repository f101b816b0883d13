"""Save a session in the headers of a response that is sent without a response object."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from operator import itemgetter

from ..http.caching import invites_shared_caches, keep_private
from ..http.cookies import dump_cookie
from ..http.headers import vary_by_cookie
from .ages import REFUSES_NONE, note_beginning
from .interface import CREATED_KEY, HANDLE_KEY, SecureCookieSession
from .tracked import TrackedSession

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..http.cookies import SameSite
    from ..wrappers.response import Response
    from .interface import SessionMixin

_VARIES: t.Final = [("Vary", "Cookie")]
# A session with only these keys counts as empty, so that `session.pop("user")` logs out.
_ITS_OWN_KEYS = frozenset({CREATED_KEY, HANDLE_KEY})
# The path, the domain, `secure`, `httponly`, `samesite` and `partitioned`, in the order of `set_cookie`.
_read_attributes = itemgetter(
    "SESSION_COOKIE_PATH",
    "SESSION_COOKIE_DOMAIN",
    "SESSION_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
    "SESSION_COOKIE_SAMESITE",
    "SESSION_COOKIE_PARTITIONED",
)


def configured_attributes(app: Flask) -> tuple[str, str | None, bool, bool, SameSite | None, bool]:
    """Return the attributes of the session cookie as the settings have them, in the order of `set_cookie`."""
    path, *others = attributes = _read_attributes(app.config)
    return attributes if path else (app.config["APPLICATION_ROOT"], *others)


def is_emptied(session: SessionMixin) -> bool:
    """Return whether there is nothing in a session that is worth a cookie."""
    if not session:
        return True
    # Without a method of the application, which Flask does not call here.
    has_key = dict.__contains__(session, CREATED_KEY) if isinstance(session, dict) else CREATED_KEY in session
    # Reading `modified` may look into each value that was read.
    return has_key and session.modified and session.keys() <= _ITS_OWN_KEYS


def expires_of(app: Flask, session: SessionMixin, *, lasts: object) -> datetime | None:
    """Return when the cookie of a session expires, and store the beginning of the session where that is needed."""
    expires = datetime.now(timezone.utc) + app.permanent_session_lifetime if lasts else None
    if (
        app.config.get("SESSION_ABSOLUTE") is not None
        or type(app).session_refused is not REFUSES_NONE
        or "session_refused" in app.__dict__
    ):
        expires = note_beginning(app, session, expires)
    return expires


def headers_of(app: Flask, session: SessionMixin) -> list[tuple[str, str]]:
    """Return the headers that `save_session` adds to a response that has only a content type and a length.

    No method of the interface or the response is overridden that it would call.
    """
    name, token = app.config["SESSION_COOKIE_NAME"], ""
    expires: datetime | int | None = None
    max_age: int | None = None
    if not session or (CREATED_KEY in session and is_emptied(session)):
        if not session.modified:
            return _VARIES if session.accessed else []
        # As `delete_cookie` does.
        expires = max_age = 0
    else:
        lasts = session.get("_permanent", False)
        if not (session.modified or (lasts and app.config["SESSION_REFRESH_EACH_REQUEST"])):
            return _VARIES if session.accessed else []
        expires = expires_of(app, session, lasts=lasts)
        interface: t.Any = app.session_interface  # a `SecureCookieSessionInterface`
        token = interface._serialized(app, name, session)
        interface._check_size(app, name, token, expires)
    path, domain, secure, httponly, samesite, partitioned = configured_attributes(app)
    line = dump_cookie(
        name, token, max_age, expires, path, domain, secure, httponly, True, 0, samesite, partitioned,
        now=0.0, is_plain=True,
    )  # fmt: skip
    limit = app.config["MAX_COOKIE_SIZE"]
    if limit and len(line) > limit:
        from ..ctx.warning_places import warn_of_size  # noqa: PLC0415 - seldom needed

        warn_of_size(name, line, limit)
    # In the order in which `save_session` adds them.
    return [*_VARIES, ("Set-Cookie", line)] if session.accessed else [("Set-Cookie", line), *_VARIES]


#: For each class of sessions that can be saved without a response object: a function that saves one and returns the
#: headers for it, or None if there has to be a response object. A class is added by the module that saves it.
WRITERS: t.Final[dict[type[object], Callable[..., list[tuple[str, str]] | None]]] = {
    SecureCookieSession: headers_of,
    TrackedSession: headers_of,
}


def keep_for(session: SessionMixin, response: Response) -> bool:
    """Keep a session's cookie out of shared caches; return False if the cookie should not be set at all.

    A permanent session is not renewed on a page that is cached for all users. The next page renews it.
    """
    if invites_shared_caches(response.headers):
        if session and not session.modified:
            return False
        keep_private(response)
    return True


def delete_cookie(session: SessionMixin, response: Response, name: str, attributes: dict[str, t.Any]) -> None:
    """Delete the cookie of a session that is empty now."""
    response.delete_cookie(name, **attributes)
    vary_by_cookie(response)
    keep_for(session, response)
