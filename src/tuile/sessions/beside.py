"""Sessions in signed cookies beside a store (`SESSION_WRITES = "cookie"`, or `SESSION_OVERFLOW = "spill"`).

A session in the store, which another process has put there, stays there. The others are in cookies; one that is too
large for a cookie goes to the store, and comes back when it is small again.
"""

from __future__ import annotations

import time
import typing as t

from ..exceptions import SessionTooLargeError
from ..http.cookies import dump_cookie
from .changes import merge
from .devices import device_in, device_of
from .epochs import EPOCH_KEY, epoch_of, is_refused
from .former_names import tokens_of
from .identity import parse
from .interface import SecureCookieSession, cookie_attributes
from .opening import open_stored
from .operations import Retire
from .server import save_stored, store_new, user_of
from .settings import choice, store_and_policy, writes_cookies
from .stored import ServerSession
from .stores import StoreUnavailable
from .tracked import BesideSession, TrackedSession, content_of, looking_into_cookies
from .unavailable import replace_by_503, unavailable_session

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ..app import Flask
    from ..wrappers.request import Request
    from ..wrappers.response import Response
    from .interface import SessionMixin
    from .signed import SecureCookieSessionInterface

# A session comes back when it needs no more of the largest cookie than this.
_SMALL_AGAIN = 0.75


def open_with_store(
    app: Flask,
    interface: SecureCookieSessionInterface,
    request: Request,
    open_in_cookie: Callable[[SecureCookieSessionInterface, Flask, Request], SecureCookieSession | None],
) -> SecureCookieSession | None:
    """Return the session of a request of an application that has a store.

    Args:
        app: The application.
        interface: Its session interface.
        request: The request.
        open_in_cookie: The built-in `open_session`, which opens the session in a cookie here; None without a key.
    """
    if not writes_cookies(app):
        return open_stored(app, interface, request)
    if any(parse(token) is not None for token in tokens_of(app, interface, request)):
        session = open_stored(app, interface, request, is_alone=False)
        if session is not None:
            return session
    looking_into_cookies.add(id(request))
    try:
        in_cookie = open_in_cookie(interface, app, request)
    finally:
        looking_into_cookies.discard(id(request))
    if type(in_cookie) is not SecureCookieSession and type(in_cookie) is not TrackedSession:
        return in_cookie
    beside = BesideSession(content_of(in_cookie), interface.serializer.dumps)
    beside.user, beside.device = user_of(app, beside), device_of(app, request)
    try:
        if is_refused(app, beside.user, beside):
            return BesideSession({}, interface.serializer.dumps)
    except StoreUnavailable as error:
        return unavailable_session(app, error)
    return beside


def save_with_store(
    app: Flask,
    interface: SecureCookieSessionInterface,
    session: SessionMixin,
    response: Response,
) -> None:
    """Save the session of a request of an application that has a store."""
    try:
        if isinstance(session, BesideSession):
            _save_beside(app, interface, session, response)
        elif not isinstance(session, ServerSession):
            interface._save_by_methods(app, session, response)
        elif session.in_cookie is not None:
            _save_beside(app, interface, session.in_cookie, response)
        elif not (_spills(app) and session.modified and _bring_back(app, interface, session, response)):
            save_stored(app, interface, session, response)
    except StoreUnavailable as error:
        replace_by_503(app, response, error)


def _spills(app: Flask) -> bool:
    return app.config.get("SESSION_OVERFLOW") == "spill" and writes_cookies(app)


def _save_beside(
    app: Flask, interface: SecureCookieSessionInterface, session: BesideSession, response: Response
) -> None:
    if session.spilled is not None:
        save_stored(app, interface, session.spilled, response)
        return
    user = user_of(app, session)
    is_login = user != session.user
    if is_login:
        _begin_epoch(app, session, user)
        session.user = user
    if (
        _spills(app)
        and session
        and interface.should_set_cookie(app, session)
        and _is_too_large(app, interface, session)
    ):
        session.spilled = store_new(app, interface, session.content(), session, response, is_login=is_login)
        return
    interface._save_by_methods(app, session, response)


def _begin_epoch(app: Flask, session: BesideSession, user: str | None) -> None:
    """Note the epoch of the user who has logged in."""
    epoch = 0 if user is None else epoch_of(app, user, is_fresh=True)
    if epoch:
        session[EPOCH_KEY] = epoch
    else:
        session.pop(EPOCH_KEY, None)


def _is_too_large(
    app: Flask, interface: SecureCookieSessionInterface, session: SessionMixin, part: float = 1.0
) -> bool:
    name = interface.get_cookie_name(app)
    try:
        token = interface._serialized(app, name, session)
    except ValueError:  # more than could be read again
        return bool(app.config["MAX_COOKIE_SIZE"])
    return _has_no_room(app, interface, name, token, interface.get_expiration_time(app, session), part)


def _has_no_room(
    app: Flask,
    interface: SecureCookieSessionInterface,
    name: str,
    token: str,
    expires: datetime | None,
    part: float = 1.0,
) -> bool:
    """Return whether the line that sets a cookie is longer than this part of what browsers keep."""
    attributes, limit = cookie_attributes(interface, app)._asdict(), app.config["MAX_COOKIE_SIZE"]
    line = dump_cookie(name, token, expires=expires, max_size=0, now=time.time(), **attributes)
    return bool(limit) and len(line) > limit * part


def _bring_back(
    app: Flask, interface: SecureCookieSessionInterface, session: ServerSession, response: Response
) -> bool:
    """Put a session into a cookie that is small again, and return whether that was done."""
    opened = session._opened
    if opened is None or opened.record.is_husk or not session or session._is_ended or session._is_replaced:
        return False
    user = user_of(app, session)
    if user != opened.record.user or _is_too_large(
        app, interface, _in_cookie(interface, session.content()), _SMALL_AGAIN
    ):
        return False
    kept, changes = store_and_policy(app), session.changes()
    now: Mapping[str, str] | None = kept.store.ask(Retire(opened.identity.handle, kept.policy.grace))
    if now is None:
        return False
    texts = merge(now, changes).data
    beside = _in_cookie(interface, {key: session._decode(text) for key, text in texts.items()})
    beside.device, beside.accessed, beside.modified = device_in(app, session), session.accessed, True
    session.note_saved(None, changes)
    session.in_cookie = beside
    _save_beside(app, interface, beside, response)
    return True


def _in_cookie(interface: SecureCookieSessionInterface, content: dict[str, object]) -> BesideSession:
    return BesideSession(content, interface.serializer.dumps)


def check_overflow(
    app: Flask, interface: SecureCookieSessionInterface, name: str, token: str, expires: datetime | None
) -> None:
    """Refuse a session that is too large for a cookie, if the settings say so.

    Raises:
        SessionTooLargeError: If it is, and `SESSION_OVERFLOW` is ``"error"``.
    """
    overflow = choice("SESSION_OVERFLOW", app.config.get("SESSION_OVERFLOW"), ("warn", "error", "spill"))
    if overflow == "error" and _has_no_room(app, interface, name, token, expires):
        limit = app.config["MAX_COOKIE_SIZE"]
        message = (
            f"The session needs more than the {limit} octets that browsers keep of a cookie. Keep large values in a"
            " database, or sessions on the server (SESSION_STORE)."
        )
        raise SessionTooLargeError(message)
