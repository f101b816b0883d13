"""Tell responses that last long, such as WebSockets and event streams, that their session has been ended meanwhile."""

from __future__ import annotations

import time
import typing as t

from ..ctx.app_context import current
from .ages import can_be_refused
from .endings import count_endings
from .epochs import epoch_of, is_refused
from .operations import Load
from .server import user_of
from .settings import seconds, store_and_policy
from .stored import ServerSession
from .stores import StoreUnavailable
from .tracked import BesideSession

if t.TYPE_CHECKING:
    from ..app import Flask
    from .interface import SessionMixin

_CHECK_EVERY_S = 10.0


class SessionWatch:
    """The session of a response that lasts long.

    Args:
        app: The application.
        session: The session, as it was opened for the request.
    """

    def __init__(self, app: Flask, session: SessionMixin) -> None:
        self._app = app
        self._session = session
        setting = seconds("SESSION_CHECK_EVERY", app.config.get("SESSION_CHECK_EVERY"), least=0.0)
        self._every_s = _CHECK_EVERY_S if setting is None else setting
        self._has_ended = False
        self._looked()

    def _looked(self) -> None:
        self._next = time.monotonic() + self._every_s
        self._endings = count_endings(self._app)

    @property
    def is_due(self) -> bool:
        """Whether it is time to look: `SESSION_CHECK_EVERY` has passed, or this process has ended a session."""
        return time.monotonic() >= self._next or self._endings != count_endings(self._app)

    def has_ended(self) -> bool:
        """Return whether the session has been ended. It asks the store if that is due, and blocks meanwhile."""
        if not self._has_ended and self.is_due:
            is_here = self._endings != count_endings(self._app)
            self._looked()
            try:
                self._has_ended = self._is_gone(is_here=is_here)
            except StoreUnavailable:
                # It is not known to have ended.
                return False
        return self._has_ended

    def _is_gone(self, *, is_here: bool) -> bool:
        app, session = self._app, self._session
        if can_be_refused(app) and app.session_refused(session):
            return True
        if isinstance(session, ServerSession):
            handle = session.handle
            if handle is None:
                return False
            kept = store_and_policy(app)
            found = kept.store.ask(Load(handle, kept.policy.clocks))
            return found is None or found.record.is_husk
        if not isinstance(session, BesideSession):
            return False
        user = user_of(app, session)
        if is_here and user is not None:
            epoch_of(app, user, is_fresh=True)
        return is_refused(app, user, session)


def watch_session() -> SessionWatch | None:
    """Return a watch for the session of the current request; None if it has none that can be ended by others.

    Call `has_ended` now and then, in a thread that may block, and end the response if it is true. A session that the
    request has not read is not watched: the response does not depend on it.
    """
    value = current.get(None)
    context = None if value is None else value._request_ctx
    session = None if context is None else context._opened_session
    if context is None or session is None or not session:
        return None
    is_watchable = isinstance(session, (ServerSession, BesideSession)) or can_be_refused(context.app)
    return SessionWatch(context.app, session) if is_watchable else None
