"""The session that a stream of events depends on."""

from __future__ import annotations

import typing as t
import weakref

from ..ctx.app_context import current_value
from ..sessions.endings import count_endings
from ..sessions.watching import SessionWatch, watch_session

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..ctx.request_context import RequestContext


class StreamSession:
    """The session of the request that is current when this is made."""

    def __init__(self) -> None:
        value = current_value(None)
        context = None if value is None else value._request_ctx
        # Kept until the stream begins, because only then the session has been saved.
        self._context: RequestContext | None = context
        self._later: Callable[[], RequestContext | None] = _nothing
        self._watch: SessionWatch | None = None
        # A session that is ended from now on, and before it is watched, is found to be ended all the same.
        self._endings = 0 if context is None else count_endings(context.app)

    def begin(self) -> None:
        """Begin to watch the session: called when the response is being sent."""
        context, self._context = self._context, None
        if context is None:
            return
        self._watch = watch_session(context, self._endings)
        if self._watch is None:
            # A generator that keeps the context may still read the session.
            self._later = weakref.ref(context)

    @property
    def watch(self) -> SessionWatch | None:
        """The watch for the session; None if there is nothing to watch, or not yet."""
        if self._watch is None and (context := self._later()) is not None and context._opened_session is not None:
            self._watch = watch_session(context, self._endings)
        return self._watch

    @property
    def may_end(self) -> bool:
        """Whether there is a session to watch, or may be one later."""
        return self._watch is not None or self._later() is not None

    def has_ended(self) -> bool:
        """Return whether the session has been ended. It may ask a store."""
        watch = self.watch
        return watch is not None and watch.has_ended()


def _nothing() -> None:
    return None
