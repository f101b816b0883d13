"""List and end the sessions of users that are kept on the server. `app.sessions` is a `Sessions` object."""

from __future__ import annotations

import typing as t
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ..ctx.app_context import current_value
from .endings import note_ending
from .epochs import EPOCH_KEY, as_user, raise_epoch
from .flask_session_stores import type_of
from .identity import is_handle
from .moving import delete_entries
from .operations import End, EndOfUser, Load, OfUser, Sweep
from .server import user_of
from .settings import store_and_policy
from .stored import ServerSession
from .stores import StoreUnavailable
from .tracked import BesideSession
from .unavailable import SessionsUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from ..app import Flask
    from .operations import Loaded, Operation
    from .stores import Answer, Store


@dataclass(frozen=True)
class SessionEntry:
    """One session in the list of a user's sessions.

    Attributes:
        handle: Its id, which does not give access: it may be shown in a page or sent in a form.
        user: The user.
        created: When it began, in UTC.
        seen: When it was last seen, in UTC, to the minute.
        expires: When it ends if it is not used, in UTC.
        device: The `User-Agent` header of the request that began it; "" if that is not kept.
        address: The address of the client that began it; "" if that is not kept.
        is_current: Whether it is the session of the current request.
    """

    handle: str
    user: str
    created: datetime
    seen: datetime
    expires: datetime
    device: str = field(default="")
    address: str = field(default="")
    is_current: bool = False


class Sessions:
    """The sessions of an application that are kept on the server (`SESSION_STORE`).

    Each method raises a RuntimeError if there is no store, and `tuile.sessions.stores.StoreUnavailable` if it cannot be
    asked. A request that does not catch that gets a 503.
    """

    def __init__(self, app: Flask) -> None:
        self._app = weakref.ref(app)

    @property
    def _store(self) -> Store:
        return store_and_policy(self._found_app()).store

    def _ask(self, operation: Operation) -> Answer:
        with self._asking():
            return self._store.ask(operation)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Let a request be answered with a 503 if the store cannot be asked."""
        try:
            yield
        except StoreUnavailable as error:
            value = current_value(None)
            if value is None or value._request_ctx is None:
                raise
            self._found_app().logger.error("%s", error)
            raise SessionsUnavailable from error

    def _found_app(self) -> Flask:
        return t.cast("Flask", self._app())

    def describe(self) -> str:
        """Return where the sessions are kept."""
        return self._store.describe()

    def check(self) -> None:
        """Ask the store for a session that does not exist, to see whether it answers."""
        self._ask(Load("", store_and_policy(self._found_app()).policy.clocks))

    def of(self, user: object) -> list[SessionEntry]:
        """Return the sessions of a user, the last seen first.

        Args:
            user: What the session has under `SESSION_USER_KEY`. None is nobody, who has none.
        """
        if user is None:
            return []
        here = self._current()
        handle = None if here is None else here.handle
        found: list[Loaded] = self._ask(OfUser(as_user(user)))
        return [
            SessionEntry(
                handle=one.record.handle,
                user=as_user(user),
                created=_moment(one.record.created),
                seen=_moment(one.record.seen),
                expires=_moment(one.record.expires),
                device=one.record.agent,
                address=one.record.address,
                is_current=one.record.handle == handle,
            )
            for one in found
        ]

    def end(self, handle: str) -> bool:
        """End a session, and return whether there was one.

        If the handle comes from a form, check that the session belongs to the user:
        `handle in {entry.handle for entry in sessions.of(user)}`.
        """
        if not is_handle(handle):  # such as one from a form
            return False
        here = self._current()
        if here is not None and here.handle == handle:
            here.end()
        return bool(self._end(End(handle)))

    def end_others(self) -> int:
        """End all sessions of the current user but the current one, and return how many.

        Raises:
            RuntimeError: If nobody is logged in.
        """
        here = self._current()
        user = None if here is None else user_of(self._found_app(), here)
        if here is None or user is None:
            message = "end_others() ends the other sessions of the user who is logged in, but nobody is."
            raise RuntimeError(message)
        with self._asking():
            epoch = raise_epoch(self._found_app(), user)
        if isinstance(here, BesideSession):
            here[EPOCH_KEY] = epoch
        return self._end(EndOfUser(user, keep=here.handle))

    def end_all(self, user: object) -> int:
        """End all sessions of a user, the current one included, and return how many of them were in the store.

        Those in signed cookies are refused from now on; another process may take `SESSION_EPOCH_AGE` to notice.
        """
        if user is None:  # nobody
            return 0
        here = self._current()
        if here is not None and user_of(self._found_app(), here) == as_user(user):
            here.end()
        with self._asking():
            raise_epoch(self._found_app(), as_user(user))
        return self._end(EndOfUser(as_user(user)))

    def _end(self, operation: End | EndOfUser) -> int:
        app = self._found_app()
        entries = self._entries_of(operation) if type_of(app) is not None else []
        try:
            ended = int(self._ask(operation))
        finally:
            note_ending(app)
        delete_entries(app, *entries)
        return ended

    def _entries_of(self, operation: End | EndOfUser) -> list[str | None]:
        """Return the ids that sessions which are to be ended had in Flask-Session."""
        if isinstance(operation, EndOfUser):
            found: list[Loaded] = self._ask(OfUser(operation.user))
            return [one.record.former for one in found if one.record.handle != operation.keep]
        one: Loaded | None = self._ask(Load(operation.handle, store_and_policy(self._found_app()).policy.clocks))
        return [] if one is None else [one.record.former]

    def sweep(self, limit: int = 500) -> int:
        """Remove at most `limit` sessions that have expired, and return how many. Each login removes two."""
        return int(self._ask(Sweep(limit)))

    def _current(self) -> ServerSession | BesideSession | None:
        """Return the session of the current request of this app."""
        value = current_value(None)
        context = None if value is None else value._request_ctx
        if context is None or context.app is not self._found_app():
            return None
        session = context._session
        return session if isinstance(session, (ServerSession, BesideSession)) else None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
