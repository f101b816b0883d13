"""Tell responses that last long, such as WebSockets and event streams, that their session has been ended meanwhile."""

from __future__ import annotations

import time
import typing as t

from ..ctx.app_context import current_value
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
    from ..ctx.request_context import RequestContext
    from .interface import SessionMixin

_CHECK_EVERY_S = 10.0


class SessionWatch:
    """The session of a response that lasts long.

    Args:
        app: The application.
        session: The session, as it was opened for the request.
        endings: What `count_endings` returned when it had not been ended; by default what it returns now.
    """

    def __init__(self, app: Flask, session: SessionMixin, endings: int | None = None) -> None:
        self._app = app
        self._session = session
        setting = seconds("SESSION_CHECK_EVERY", app.config.get("SESSION_CHECK_EVERY"), least=0.0)
        self._every_s = _CHECK_EVERY_S if setting is None else setting
        self._has_ended = False
        self._looked()
        if endings is not None:
            self._endings = endings

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
            except Exception:
                self._app.logger.exception("It could not be found out whether a session has been ended")
        return self._has_ended

    def _is_gone(self, *, is_here: bool) -> bool:
        app, session = self._app, self._session
        if can_be_refused(app) and self._is_refused():
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

    def _is_refused(self) -> bool:
        if current_value(None) is not None:
            return self._app.session_refused(self._session)
        with self._app.app_context():
            return self._app.session_refused(self._session)


def watch_session(context: RequestContext | None = None, endings: int | None = None) -> SessionWatch | None:
    """Return a watch for the session of a request; None if it has none that can be ended by others.

    Call `has_ended` now and then, in a thread that may block, and end the response if it is true. A session that the
    request has not read is not watched: the response does not depend on it.

    Args:
        context: The context of the request, which may have ended; by default the current one.
        endings: As for `SessionWatch`.
    """
    if context is None:
        value = current_value(None)
        context = None if value is None else value._request_ctx
    session = None if context is None else context._opened_session
    if context is None or session is None or not session:
        return None
    is_watchable = isinstance(session, (ServerSession, BesideSession)) or can_be_refused(context.app)
    return SessionWatch(context.app, session, endings) if is_watchable else None
