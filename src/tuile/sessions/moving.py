"""Move sessions to the store that were kept elsewhere before: in signed cookies, or by Flask-Session.

Such a session is read from where it is as long as it is not changed. The first save stores it under an identity of ours
that is derived from the former cookie: requests at the same time make one session, and set the same cookie. A marker
under a name of its own says that this was done, and stays as long as the former cookie could be good. So a former
cookie leads to the session that it has become, and to nothing once that has ended.

An id from a client is never taken over: the derived identity is a hash of a token that was found to be good.
"""

from __future__ import annotations

import typing as t
from hashlib import sha256

from ..http.caching import invites_shared_caches
from ..keys.tokens import encode_base64
from ..signals import session_replayed
from .epochs import EPOCH_KEY, as_user, is_refused
from .flask_session_stores import content_of, delete_entry, id_in, type_of
from .identity import HANDLE_BYTES, SECRET_BYTES, Identity
from .interface import CREATED_KEY, HANDLE_KEY
from .lifecycle import Opened, opening
from .operations import Create, End, Load
from .record import Clocks, Record
from .settings import store_and_policy
from .stored import Former, ServerSession, as_key
from .stores import StoreUnavailable, drive
from .tracked import content_of as content_of_session

if t.TYPE_CHECKING:
    from collections.abc import Mapping

    from ..app import Flask
    from ..json.tag import TaggedJSONSerializer
    from ..wrappers.response import Response
    from .interface import SecureCookieSession
    from .lifecycle import Policy, Procedure
    from .operations import Loaded
    from .settings import Kept

#: The name in `SESSION_READS` for the sessions of Flask-Session.
FLASK_SESSION: t.Final = "flask-session"

# Who stores a session marks it at once. If there is no marker after so many seconds, that process has stopped.
_MARKED_WITHIN = 60.0


class ReadsSignedCookies(t.Protocol):
    """The part of a session interface that reads one signed or encrypted cookie."""

    def _read_token(self, app: Flask, token: str) -> SecureCookieSession | None:
        """Return the session in a cookie; None if it is not valid."""


def _unmoved(
    session_class: type[ServerSession], serializer: TaggedJSONSerializer, content: Mapping[str, object], former: Former
) -> ServerSession:
    """Return a session that is not in the store yet."""
    texts = {as_key(key): serializer.dumps(value) for key, value in content.items()}
    session = session_class(serializer, Opened(former.identity, Record("", "", texts), 0.0))
    session._opened, session.former = None, former
    return session


def open_former(
    app: Flask,
    interface: object,
    kept: Kept,
    session_class: type[ServerSession],
    serializer: TaggedJSONSerializer,
    token: str,
) -> ServerSession | None:
    """Return the session of a cookie that is none of the store; None if it is not good.

    Raises:
        StoreUnavailable: If the store, or that of Flask-Session, cannot be asked.
    """
    content, entry = _content(app, interface, token)
    if not content or content.keys() <= {"_permanent"}:
        return None
    key = app.config.get("SESSION_USER_KEY", "_user_id")
    user = None if content.get(key) is None else as_user(content[key])
    if is_refused(app, user, content):
        return None
    content.pop(EPOCH_KEY, None)
    former = _former(token, app.permanent_session_lifetime.total_seconds(), user)._replace(entry=entry)
    opened = drive(_finding(former, kept.policy), kept.store)
    if opened is None:
        return None
    if isinstance(opened, Opened) and opened.is_replayed:
        tell_replayed(app, opened)
        if kept.policy.ends_replayed:
            return None
    try:
        if not isinstance(opened, Opened):
            return _unmoved(session_class, serializer, content, former)
        session = session_class(serializer, opened)
    except Exception:  # noqa: BLE001 - whatever the serializer and its tags may raise
        app.logger.warning("A session from before cannot be read, so it is treated as empty.")
        return None
    # The response that set the new cookie may have been lost.
    session._cookie_is_due = opened.is_current and not opened.record.is_husk
    return session


def was_moved(app: Flask, token: str) -> bool:
    """Return whether the session of a former cookie was moved to the store, or ended.

    Raises:
        StoreUnavailable: If the store cannot be asked.
    """
    former = _former(token, app.permanent_session_lifetime.total_seconds(), None)
    return store_and_policy(app).store.ask(Load(former.marker, _marker_clocks(former))) is not None


def tell_replayed(app: Flask, opened: Opened) -> None:
    """Tell that a former secret of a session was used again."""
    app.logger.warning("A former secret of the session %s was used again.", opened.identity.handle)
    session_replayed.send(app, handle=opened.identity.handle, user=opened.record.user)


def _content(app: Flask, interface: object, token: str) -> tuple[dict[str, object] | None, str | None]:
    """Return the content of a former session, and its id in Flask-Session if it was found there."""
    reads = app.config.get("SESSION_READS")
    if app.config.get("SESSION_TYPE") is not None and (reads is None or FLASK_SESSION in reads):
        sid = id_in(app, token) if type_of(app) else None
        if sid is not None:
            return content_of(app, sid), sid
    read_token = getattr(interface, "_read_token", None)
    session = None if read_token is None else t.cast("ReadsSignedCookies", interface)._read_token(app, token)
    if session is None:
        return None, None
    content = content_of_session(session)
    # The store knows when a session began, and what it is called.
    return {key: value for key, value in content.items() if key not in {CREATED_KEY, HANDLE_KEY}}, None


def _former(token: str, lifetime: float, user: str | None) -> Former:
    """Return what a session of a former cookie becomes. Neither name tells what the token was."""

    def derived(purpose: bytes, length: int) -> str:
        digest = sha256(b"tuile %s\0%s" % (purpose, token.encode(errors="replace"))).digest()
        return encode_base64(digest[:length])

    handle = derived(b"handle", HANDLE_BYTES)
    if handle[0] == "-":  # a command line would take it for an option
        handle = f"A{handle[1:]}"
    identity = Identity(handle, derived(b"secret", SECRET_BYTES))
    return Former(identity, f"moved.{derived(b'marker', HANDLE_BYTES)}", lifetime, user)


def delete_entries(app: Flask, *entries: str | None) -> None:
    """Delete entries of Flask-Session whose sessions have ended, so that no process that still reads them revives one.

    The sessions have ended already, so a place that does not answer is only logged.
    """
    for entry in entries:
        if entry is not None and type_of(app) is not None:
            try:
                delete_entry(app, entry)
            except StoreUnavailable as error:
                app.logger.error("%s The entry of a session that has ended is still there.", error)  # noqa: TRY400


# --- procedures -------------------------------------------------------------------------------------------------------


def _finding(former: Former, policy: Policy) -> Procedure[Opened | Former | None]:
    """Return what a former session has become: itself if it was not moved yet, None if that has ended."""
    marked: Loaded | None = yield Load(former.marker, _marker_clocks(former))
    if marked is None:
        return former
    opened = yield from opening(former.identity, policy)
    return opened


def marking(former: Former) -> Procedure[bool]:
    """Note that a former cookie is not good any more; the answer is whether it was so far."""
    marked: Loaded | None = yield Create(Record(former.marker, ""), _marker_clocks(former))
    return marked is not None


def forgetting(former: Former) -> Procedure[bool]:
    """End a former session, whether or not it was moved; the answer is whether it was there so far."""
    is_first = yield from marking(former)
    was_moved: bool = yield End(former.identity.handle)
    return is_first or was_moved


class Moved(t.NamedTuple):
    """A session that is in the store now, and whether it was there before this request."""

    opened: Opened
    was_there: bool


def moving(former: Former, record: Record, policy: Policy) -> Procedure[Moved | None]:
    """Store a former session; None if it has ended meanwhile.

    The session is stored before its marker: should the process stop in between, a later request marks it.
    """
    identity = former.identity
    new = record._replace(handle=identity.handle, verifier=identity.verifier)
    stored: Loaded | None = yield Create(new, policy.clocks, policy.limit)
    if stored is not None:
        if (yield from marking(former)):
            return Moved(Opened(identity, *stored), was_there=False)
        # It was moved before, or ended at once.
        yield End(identity.handle)
        return None
    opened = yield from opening(identity, policy)
    if opened is None or opened.is_replayed:
        return None
    if opened.now - opened.record.created > _MARKED_WITHIN:
        yield from marking(former)
    return Moved(opened, was_there=True)


def _marker_clocks(former: Former) -> Clocks:
    return Clocks(former.lifetime)


def is_due(app: Flask, session: ServerSession, response: Response) -> bool:
    """Return whether a session is to be moved with this response: it changed, or it is permanent and renewed."""
    if session.modified:
        return True
    return (
        session.permanent
        and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])
        and not invites_shared_caches(response.headers)
    )
