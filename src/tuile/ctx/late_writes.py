"""Report changes of the session or of cookies after the headers were sent, because these changes are lost.

Streams with the context of a request, and copies of the context in threads, are watched from their beginning. Ordinary
requests are not.
"""

from __future__ import annotations

import typing as t
from contextvars import ContextVar

from werkzeug.datastructures import CallbackDict

from ..real_flask import runs_flask_program
from .app_context import current_value
from .states import PRESERVED

if t.TYPE_CHECKING:
    from .request_context import RequestContext

#: Whether a chunk of a body is being generated.
making_chunk: ContextVar[bool] = ContextVar("tuile.making_chunk", default=False)
_absent = object()
_OF_RESPONSE = "Do it before the view returns: in a streamed response, before the generator is handed over."
_OF_HANDSHAKE = "Do it before accept() is called, and before the first message is sent or received."


class LateChange:
    """The `on_update` of a watched session, which also calls the previous one."""

    def __init__(self, before: t.Callable[[t.Any], None] | None, session: t.Mapping[str, object]) -> None:
        self.before = before
        self.kept = dict(session)

    def __call__(self, session: t.Mapping[str, object]) -> None:
        """Report the change if it is too late."""
        if self.before is not None:
            self.before(session)
        changed = changed_keys(self.kept, session)
        self.kept = dict(session)
        tell(f"The session was changed ({', '.join(map(repr, changed)) or 'it was marked as changed'})")


def changed_keys(before: t.Mapping[str, object], after: t.Mapping[str, object]) -> list[str]:
    """Return the keys whose values differ."""
    return [key for key in {**before, **after} if before.get(key, _absent) != after.get(key, _absent)]


def watch(context: RequestContext) -> None:
    """Watch the session and the cookies of a request, including those that are opened later."""
    context._is_watched = True
    session = context._opened_session
    if isinstance(session, CallbackDict):
        if not isinstance(session.on_update, LateChange):
            session.on_update = LateChange(session.on_update, session)
    elif session is not None and context._session_before is None:
        # A session that does not report changes is compared at the end.
        context._session_before = dict(session)
    if context._cookies is not None:
        context._cookies._watched.append(True)


def compare(context: RequestContext) -> None:
    """Report changes since `watch` of a session that cannot be watched."""
    if context._session_before is not None and context._opened_session is not None:
        changed = changed_keys(context._session_before, context._opened_session)
        context._session_before = None
        if changed:
            tell(f"The session was changed ({', '.join(map(repr, changed))})")


def is_late(context: RequestContext) -> bool:
    """Return whether the headers of the response were sent, and the context is not only preserved for a test."""
    answered = context if context._copy_of is None else context._copy_of
    return answered._is_answered and (making_chunk.get() or answered._state is not PRESERVED)


def tell(event: str) -> None:
    """Report an event after the headers were sent: raise an error in debug mode and in tests, and log it otherwise.

    Raises:
        RuntimeError: If the headers were sent.
    """
    value = current_value(None)
    context: RequestContext | None = None if value is None else value._request_ctx
    if context is None or not is_late(context):
        return
    app, request = context.app, context.request
    if getattr(request, "is_websocket", False):
        message = (
            f"{event} when the handshake of the WebSocket {request.path!r} was over, so it is lost. {_OF_HANDSHAKE}"
        )
    else:
        message = (
            f"{event} when the headers of the response to {request.method} {request.path!r} had already been sent, so"
            f" it is lost. {_OF_RESPONSE}"
        )
    # Unmodified test suites for Flask do not expect this error.
    if app.debug or (app.testing and not runs_flask_program()):
        raise RuntimeError(message)
    app.logger.warning(message)
