"""Open sessions that are kept on the server: from the store, or from where they were before there was one."""

from __future__ import annotations

import typing as t

from ..json.tag import TaggedJSONSerializer
from .ages import REFUSES_NONE, can_be_refused
from .devices import device_of
from .former_names import came_under_former_name, tokens_of
from .identity import parse
from .lifecycle import opening_otherwise, recognized
from .moving import open_former, tell_replayed
from .operations import Load
from .settings import read_encrypted, store_and_policy
from .stored import ServerSession
from .stores import StoreUnavailable, drive
from .unavailable import unavailable_session
from .unreadable import report_unreadable

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.request import Request
    from .interface import SecureCookieSession, SessionInterface
    from .lifecycle import Opened
    from .operations import Loaded
    from .settings import Kept

#: The maximum number of cookies with the session's name that are tried. A sibling host can set any number.
_MOST_TRIED = 4

#: Writes and reads the values of sessions.
serializer = TaggedJSONSerializer()


@t.overload
def open_stored(app: Flask, interface: SessionInterface, request: Request) -> SecureCookieSession: ...


@t.overload
def open_stored(
    app: Flask, interface: SessionInterface, request: Request, *, is_alone: bool
) -> SecureCookieSession | None: ...


def open_stored(
    app: Flask, interface: SessionInterface, request: Request, *, is_alone: bool = True
) -> SecureCookieSession | None:
    """Return the session of a request, an empty one if its cookie names none.

    If the store cannot be asked, it is one that says so when it is read (`SESSION_FAILURE`).

    Args:
        app: The application.
        interface: Its session interface.
        request: The request.
        is_alone: Whether all sessions are to be in the store. Otherwise nothing is moved to it, and there is no
            session if no cookie names one.
    """
    kept, config = store_and_policy(app), app.config
    asks = config.get("COOKIE_DEFAULTS") is not None or getattr(interface, "_asks_itself", True) or vars(interface)
    first = None if asks else getattr(request, "_first_cookie", None)
    token = None
    try:
        if first is not None:
            # The most common case: one cookie, and it is good.
            token = first(config["SESSION_COOKIE_NAME"])
            session = None if token is None else _opened(app, interface, kept, token)
            if session is not None:
                session._came = True
                return session
        tokens = [] if first is not None and token is None else tokens_of(app, interface, request)
        session = _opened_otherwise(app, interface, kept, tokens, is_alone, token is not None)
    except StoreUnavailable as error:
        return unavailable_session(app, error)
    if session is None:
        if not is_alone:
            return None
        session = class_of(interface, app)(serializer)
    session._came = bool(tokens)
    if (opened := session._opened) is None:
        session._device = device_of(app, request)
    elif config.get("COOKIE_DEFAULTS") is not None and came_under_former_name(interface, app, request):
        session._cookie_is_due = opened.is_current and not opened.record.is_husk
    return session


def _opened_otherwise(
    app: Flask, interface: SessionInterface, kept: Kept, tokens: list[str], is_alone: bool, skips_first: bool
) -> ServerSession | None:
    """Return the session of the first cookie that is good, in the store or before there was one."""
    for token in tokens[skips_first:_MOST_TRIED]:
        session = _opened(app, interface, kept, token)
        if session is not None:
            return session
    return _former(app, interface, kept, tokens) if is_alone and tokens else None


def _opened(app: Flask, interface: SessionInterface, kept: Kept, token: str) -> ServerSession | None:
    identity = parse(token)
    if identity is None:
        return None
    found: Loaded | None = kept.store.ask(tuple.__new__(Load, (identity.handle, kept.policy.clocks)))
    if found is None:
        return None
    opened = recognized(identity, found) or drive(opening_otherwise(identity, found, kept.policy), kept.store)
    if opened is None:
        return None
    if opened.is_replayed:
        tell_replayed(app, opened)
        if kept.policy.ends_replayed:
            return None
    find = interface._server_session_class
    try:
        session = (ServerSession if find is None else find(app))(serializer, opened)
        session._kept = kept
    except Exception:  # noqa: BLE001 - whatever the serializer and its tags may raise
        if (reading := _reading_encrypted(app, kept, opened)) is not None:
            return _opened(app, interface, reading, token)
        report_unreadable(opened.identity.handle, why=_why_unreadable(opened))
        return None
    # Most apps refuse none, and need not be asked.
    asks = type(app).session_refused is not REFUSES_NONE or "session_refused" in app.__dict__
    return None if asks and app.session_refused(session) else session


def _reading_encrypted(app: Flask, kept: Kept, opened: Opened) -> Kept | None:
    """Return a store that reads encrypted sessions, if this one is: another process has `SESSION_ENCRYPT` on."""
    from .stores.encrypted import EncryptedStore, is_encrypted_content  # noqa: PLC0415 - seldom needed

    if isinstance(kept.store, EncryptedStore) or not is_encrypted_content(opened.record.data):
        return None
    try:
        return read_encrypted(app, kept)
    except RuntimeError as error:
        report_unreadable(opened.identity.handle, why=str(error))
        return None


def _why_unreadable(opened: Opened) -> str:
    """Return why the values of a session cannot be read, and what to do about it."""
    from .stores.encrypted import is_encrypted_content  # noqa: PLC0415 - seldom needed

    if is_encrypted_content(opened.record.data):
        return (
            "None of the app's keys decrypts it: add the SECRET_KEY that it was encrypted with to SECRET_KEY_FALLBACKS."
        )
    return (
        "A value in it is none that this app's JSON provider and the tags of its sessions can read: register what"
        " wrote it in this process, too."
    )


def class_of(interface: SessionInterface, app: Flask) -> type[ServerSession]:
    """Return the class of the sessions on the server."""
    find = interface._server_session_class
    return ServerSession if find is None else find(app)


def _former(app: Flask, interface: SessionInterface, kept: Kept, tokens: list[str]) -> ServerSession | None:
    """Return the session of the first cookie that was good before there was a store."""
    for token in tokens[:_MOST_TRIED]:
        if token and parse(token) is None:
            session = open_former(app, interface, kept, class_of(interface, app), serializer, token)
            if session is None or (can_be_refused(app) and app.session_refused(session)):
                continue
            return session
    return None
