"""Save sessions that are kept on the server (`SESSION_STORE`).

The cookie has the name of the session and a secret. It is set by the response that creates a session, logs in or
renews the secret, and deleted by the one that ends it. A request that does not touch the session does not ask the
store at all; reading it asks once, saving once, a login twice.
"""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ..exceptions import SessionConflictError
from ..http.caching import invites_shared_caches, keep_private
from ..http.headers import vary_by_cookie
from ..signals import session_conflict, session_gone
from .changes import Changes, Put
from .devices import device_in
from .endings import note_ending
from .epochs import LONGEST_USER, as_user
from .former_names import delete_former
from .interface import cookie_attributes
from .lifecycle import creating, ending, renewing, replacing, saving
from .moving import delete_entries, forgetting, is_due, moving
from .opening import class_of, serializer
from .plain import WRITERS
from .record import Record
from .settings import store_and_policy
from .stored import ServerSession
from .stores import StoreUnavailable, drive
from .unavailable import replace_by_503

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ..app import Flask
    from ..wrappers.response import Response
    from .identity import Identity
    from .interface import SecureCookieSession, SessionInterface, SessionMixin
    from .lifecycle import Opened
    from .operations import Applied
    from .settings import Kept
    from .stored import Former
    from .tracked import BesideSession


# --- saving -----------------------------------------------------------------------------------------------------------


def save_stored(app: Flask, interface: SessionInterface, session: SessionMixin, response: Response) -> None:
    """Save what a request changed, and set the cookie if it is a new one.

    If the store cannot be asked, the response becomes a 503.

    Raises:
        SessionConflictError: If there is a conflict, and `SESSION_CONFLICT` is ``"error"``.
    """
    if t.TYPE_CHECKING:
        session = t.cast("ServerSession", session)
    if session.accessed:
        vary_by_cookie(response)
    if session._failure is not None:  # it was saved without a response object
        failure, session._failure = session._failure, None
        replace_by_503(app, response, failure)
        return
    kept = session._kept or store_and_policy(app)
    try:
        if session.former is not None:
            _move(app, interface, kept, session, session.former, response)
        elif session._modified or session.modified:
            _save_changes(app, interface, kept, session, response)
        else:
            _save_unchanged(app, interface, kept, session, response)
    except StoreUnavailable as error:
        replace_by_503(app, response, error)


def saved_headers(app: Flask, session: ServerSession) -> list[tuple[str, str]] | None:
    """Save what a request changed, as `save_stored` does, and return the headers for its response.

    Returns:
        None if the response needs more than a Vary header, and is to be made and given to `save_stored`.
    """
    opened, kept = session._opened, session._kept
    setting = app.config.get
    if (
        opened is None
        or kept is None
        or opened.record.is_husk
        or session._cookie_is_due
        or session._is_replaced
        or session._is_ended
        or kept.policy.renew is not None
        or (dict.get(session, "_permanent") and setting("SESSION_REFRESH_EACH_REQUEST"))
        or setting("SESSION_WRITES") is not None
        or setting("SESSION_OVERFLOW") == "spill"
    ):
        return None
    if session._modified or session.modified:
        changes = session.changes()
        if changes.cleared or "_permanent" in changes.by_key or not _is_same_user(app, session, opened):
            return None
        try:
            if changes.by_key:
                _apply(app, kept, session, opened, changes)
        except StoreUnavailable as error:
            session._failure = error
            return None
    return [("Vary", "Cookie")] if session.accessed else []


WRITERS[ServerSession] = saved_headers


def _save_changes(
    app: Flask, interface: SessionInterface, kept: Kept, session: ServerSession, response: Response
) -> None:
    changes = session.changes()
    if session._is_ended or (changes.cleared and not session):
        _end(app, interface, kept, session, response, changes)
    opened = session._opened
    if opened is None:
        if session:
            _begin(app, interface, kept, session, response, None)
        return
    is_same = not opened.record.is_husk and _is_same_user(app, session, opened)
    if session._is_replaced or (not is_same and _has_new_user(app, session, opened, changes)):
        kept_changes = None if session._is_replaced or changes.cleared else changes
        _begin(app, interface, kept, session, response, kept_changes)
        return
    if not (changes.cleared or changes.by_key) or _apply(app, kept, session, opened, changes):
        _save_unchanged(app, interface, kept, session, response, "_permanent" in changes.by_key)


def _is_same_user(app: Flask, session: ServerSession, opened: Opened) -> bool:
    """Return whether it is certain, without much work, that the user is the same as before, or still nobody."""
    key = app.config.get("SESSION_USER_KEY", "_user_id")
    value = None if key is None else dict.get(session, key)
    is_plain = value is None or (type(value) is str and "\\" not in value)
    return is_plain and value == opened.record.user


def _has_new_user(app: Flask, session: ServerSession, opened: Opened, changes: Changes) -> bool:
    if opened.record.is_husk:  # it is nobody's, whatever is in it
        return changes.cleared or app.config.get("SESSION_USER_KEY", "_user_id") in changes.by_key
    return user_of(app, session) != opened.record.user


def _move(
    app: Flask, interface: SessionInterface, kept: Kept, session: ServerSession, former: Former, response: Response
) -> None:
    """Store a session that was kept elsewhere, if it is time."""
    if not is_due(app, session, response):
        return
    changes, user = session.changes(), user_of(app, session)
    session.former = None
    if session._is_ended or session._is_replaced or (changes.cleared and not session) or user != former.user:
        # Nothing of it goes on under a name that is made of its cookie.
        was_there = drive(forgetting(former), kept.store)
        delete_entries(app, former.entry)
        if not was_there and user is not None and user == former.user:
            # The same user does not come back who was logged out meanwhile.
            session.note_saved(None, changes)
            session_gone.send(app, handle=former.identity.handle, user=user)
        elif session and not session._is_ended:
            _begin(app, interface, kept, session, response, None)
        else:
            _save_changes(app, interface, kept, session, response)
        return
    agent, address = device_in(app, session)
    record = Record("", "", session.texts(), user, agent=agent, address=address, former=former.entry)
    moved = drive(moving(former, record, kept.policy), kept.store)
    if moved is None:
        session.note_saved(None, changes)
        session_gone.send(app, handle=former.identity.handle, user=user)
        return
    if not moved.was_there:
        session.note_saved(moved.opened, changes)
    elif changes and not _apply(app, kept, session, moved.opened, changes):
        return
    session._opened = moved.opened
    _set_cookie(app, interface, session, response, moved.opened.identity)


def _end(
    app: Flask,
    interface: SessionInterface,
    kept: Kept,
    session: ServerSession,
    response: Response,
    changes: Changes,
) -> None:
    """End a session; what was put into it afterwards begins another one."""
    opened = session._opened
    if opened is not None:
        drive(ending(opened), kept.store)
        note_ending(app)
        delete_entries(app, opened.record.former)
    session.note_saved(None, changes)
    # The browser of a husk has the cookie of another session by now.
    if session._came and not session and (opened is None or not opened.record.is_husk):
        _delete_cookie(app, interface, session, response)


def store_new(
    app: Flask,
    interface: SessionInterface,
    content: Mapping[str, object],
    like: BesideSession,
    response: Response,
    *,
    is_login: bool,
) -> ServerSession:
    """Store a session that was in a cookie, and set the cookie that names it.

    Args:
        app: The application.
        interface: Its session interface.
        content: What is in the session.
        like: The session in the cookie.
        response: The response of the request.
        is_login: Whether its user has just logged in.
    """
    session = class_of(interface, app)(serializer)
    session.update(content)
    session._device, session.accessed = like.device, like.accessed
    _begin(app, interface, store_and_policy(app), session, response, None, is_login=is_login)
    return session


def _begin(
    app: Flask,
    interface: SessionInterface,
    kept: Kept,
    session: ServerSession,
    response: Response,
    changes: Changes | None,
    *,
    is_login: bool = True,
) -> None:
    """Store a session under a new name, and end the one that was opened, if any."""
    agent, address = device_in(app, session)
    record = Record("", "", session.texts(), user_of(app, session), agent=agent, address=address)
    opened = session._opened
    if opened is None:
        begun = drive(creating(record, kept.policy, is_login=is_login), kept.store)
    else:
        replaced = drive(replacing(opened, record, changes, kept.policy), kept.store)
        note_ending(app)
        delete_entries(app, opened.record.former)
        if replaced is None:
            _tell_gone(app, opened)
            session.note_saved(opened, session.changes())
            return
        begun = replaced
    session.note_saved(begun, Changes(cleared=True, by_key={key: Put(text) for key, text in record.data.items()}))
    _set_cookie(app, interface, session, response, begun.identity)


def _apply(app: Flask, kept: Kept, session: ServerSession, opened: Opened, changes: Changes) -> bool:
    """Save changes of a session, and return whether it is still there."""
    applied: Applied | None = kept.store.ask(saving(opened, changes, kept.policy))
    if applied is None:
        _tell_gone(app, opened)
        session.note_saved(opened, changes)
        return False
    if applied.conflicts:
        _tell_conflict(app, opened, applied.conflicts)
    if changes.cleared:
        record = opened.record._replace(generation=opened.record.generation + 1)
        opened = opened._replace(record=record)
    session.note_saved(opened, changes)
    if not applied.is_saved:
        message = (
            f"Another request changed {_listed(applied.conflicts)} in the session meanwhile, so nothing was saved. The"
            " client can send its request again; with SESSION_CONFLICT = 'last' the later change is kept."
        )
        raise SessionConflictError(message)
    return True


def _save_unchanged(
    app: Flask,
    interface: SessionInterface,
    kept: Kept,
    session: ServerSession,
    response: Response,
    cookie_is_due: bool = False,
) -> None:
    """Renew the secret and the cookie's end, if it is time."""
    opened = session._opened
    if opened is None or opened.record.is_husk:
        if session._cookie_is_due:
            _delete_cookie(app, interface, session, response)
        return
    identity = None if kept.policy.renew is None else drive(renewing(opened, kept.policy), kept.store)
    if identity is not None:
        # The session goes on with the secret that the request has, and knows that another one is under way.
        session._opened = opened._replace(identity=identity, is_current=False)
        _set_cookie(app, interface, session, response, identity)
        return
    # Another response may be about to set a newer cookie, which an older one must not replace.
    is_newest = opened.is_current and opened.record.pending is None
    lasts = (
        dict.get(session, "_permanent", False)
        and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])
        and kept.policy.renew is None
    )
    if session._cookie_is_due or (
        is_newest and (cookie_is_due or (lasts and not invites_shared_caches(response.headers)))
    ):
        _set_cookie(app, interface, session, response, opened.identity)


def user_of(app: Flask, session: SecureCookieSession) -> str | None:
    """Return whose session it is (`SESSION_USER_KEY`); None if nobody is logged in."""
    key = app.config.get("SESSION_USER_KEY", "_user_id")
    value = None if key is None else dict.get(session, key)
    if type(value) is str and value.isascii() and len(value) <= LONGEST_USER and not {"\0", "\\"}.intersection(value):
        return value  # as it is after `as_user`
    return None if value is None else as_user(value)


# --- answers ----------------------------------------------------------------------------------------------------------


def _set_cookie(
    app: Flask, interface: SessionInterface, session: ServerSession, response: Response, identity: Identity
) -> None:
    session._cookie_is_due = True
    expires, opened = interface.get_expiration_time(app, session), session._opened
    absolute_s = store_and_policy(app).policy.clocks.absolute
    if expires is not None and absolute_s is not None and opened is not None:
        expires = min(expires, datetime.fromtimestamp(opened.record.created + absolute_s, timezone.utc))
    attributes = cookie_attributes(interface, app)._asdict()
    response.set_cookie(interface.get_cookie_name(app), identity.token, expires=expires, **attributes)
    delete_former(interface, app, response)
    _keep_private(response)


def _delete_cookie(app: Flask, interface: SessionInterface, session: ServerSession, response: Response) -> None:
    session._cookie_is_due = True
    response.delete_cookie(interface.get_cookie_name(app), **cookie_attributes(interface, app)._asdict())
    delete_former(interface, app, response)
    _keep_private(response)


def _keep_private(response: Response) -> None:
    vary_by_cookie(response)
    if invites_shared_caches(response.headers):
        keep_private(response)


def _tell_gone(app: Flask, opened: Opened) -> None:
    session_gone.send(app, handle=opened.identity.handle, user=opened.record.user)


def _tell_conflict(app: Flask, opened: Opened, keys: tuple[str, ...]) -> None:
    session_conflict.send(app, handle=opened.identity.handle, user=opened.record.user, keys=keys)
    if app.debug:
        app.logger.warning(
            "Two requests changed %s in the session at the same time, and one change is lost. session.add(),"
            " session.append() and session.change() keep both.",
            _listed(keys),
        )


def _listed(keys: tuple[str, ...]) -> str:
    return ", ".join(map(repr, keys))
