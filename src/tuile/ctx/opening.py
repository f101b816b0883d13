"""The session of a request context, which is opened when it is first read."""

from __future__ import annotations

import typing as t

from .. import invalidation
from ..lazy import late_modules
from .app_context import NOT_OPENED_MESSAGE
from .matching import Matching
from .states import CREATED, NESTED, PLAIN

if t.TYPE_CHECKING:
    from contextvars import Token

    from ..sessions import SessionMixin
    from . import late_writes
    from .app_context import Current
    from .request_context import RequestContext
    from .states import State
else:
    (late_writes,) = late_modules(__name__, ".late_writes")


class Opening(Matching):
    """The part of a request context that opens the session, and shares it with copies of the context."""

    _opened_session: SessionMixin | None = None
    # Whether opening it has begun but failed. It is not tried again until the next push.
    _is_opening = False
    # The token of the first push, if it was not inside another context.
    _token: Token[Current | None] | None = None
    _state: State = NESTED
    # Whether there is anything to do for the response: a session, functions, cookies.
    _is_touched = False
    # Whether changes of the session and the cookies that come too late are told.
    _is_watched = False
    _copy_of: RequestContext | None = None

    @property
    def _session(self) -> SessionMixin | None:
        session = self._opened_session
        if session is None and self._copy_of is not None:
            session = self._share_session()
        if (
            session is None
            and self._state is not CREATED
            and not self._is_opening
            and (self._token is not None or self._state is not PLAIN)
        ):
            interface = self.app.session_interface
            self._is_opening = True
            try:
                by_header = self._request is None and self.app.config.get("SESSION_STORE") is None
                session = self._session_by_header() if by_header else None
                if session is None:
                    request = self._make_request() if self._request is None else self._request
                    session = interface.open_session(self.app, request)
                if session is None:
                    session = interface.make_null_session(self.app)
            except Exception as error:  # noqa: BLE001 - it is raised again
                instead = getattr(interface, "_session_without_store", None)
                session = None if instead is None else instead(self.app, error)
                if session is None:
                    # Error trackers show the variables of frames, which may contain a decrypted session.
                    from ..keys.secret import without_values  # noqa: PLC0415 - only for errors

                    raise without_values(error)  # noqa: B904 - it is the same error
            self._opened_session = session
            self._is_touched, self._is_opening = True, False
            if self._is_watched:
                late_writes.watch(t.cast("RequestContext", self))
        return session

    @_session.setter
    def _session(self, session: SessionMixin | None) -> None:
        self._opened_session = session
        self._is_touched = True

    def _session_by_header(self) -> SessionMixin | None:
        """Open the session of a request that was not made; return None if that has to be made for it."""
        plan, app = self._plan, self.app
        if plan is None or not plan.saves_plainly or plan.epoch is not invalidation.epoch:
            return None
        kind = plan.request_class
        if kind is None or not kind._has_plain_cookies:
            return None
        return app.session_interface._session_by_header(app, self._environ.get("HTTP_COOKIE"))

    def _share_session(self) -> SessionMixin | None:
        """Return the session of the context that this one is a copy of; None if that was never entered."""
        original = self._copy_of
        session = None if original is None else original._session
        if session is not None:
            self._session = session
            if self._is_watched:
                late_writes.watch(t.cast("RequestContext", self))
        return session

    @property
    def session(self) -> SessionMixin:
        """The session. Reading it records that the response depends on the cookie.

        Raises:
            AssertionError: If the context was never entered.
        """
        session = self._opened_session
        if session is None:
            session = self._session
            if session is None:
                raise AssertionError(NOT_OPENED_MESSAGE)
        session.accessed = True
        return session
