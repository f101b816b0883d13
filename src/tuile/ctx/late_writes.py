"""Tell when the session or a cookie is changed while the response is already being sent.

The headers are gone by then, so the change is lost. A stream with the request's context, and a copy of the context that
runs on in a thread, are watched from the moment they begin; an ordinary request is not.
"""

from __future__ import annotations

import typing as t
from contextvars import ContextVar

from werkzeug.datastructures import CallbackDict

from ..real_flask import runs_flask_program
from .app_context import current

if t.TYPE_CHECKING:
    from .request_context import RequestContext

#: Whether a chunk of a body is being made.
making_chunk: ContextVar[bool] = ContextVar("tuile.making_chunk", default=False)
_absent = object()


class LateChange:
    """What a watched session calls when it is changed, besides what it called before."""

    def __init__(self, before: t.Callable[[t.Any], None] | None, session: t.Mapping[str, object]) -> None:
        self.before = before
        self.kept = dict(session)

    def __call__(self, session: t.Mapping[str, object]) -> None:
        """Tell about the change, if it comes too late."""
        if self.before is not None:
            self.before(session)
        changed = changed_keys(self.kept, session)
        self.kept = dict(session)
        tell(f"The session was changed ({', '.join(map(repr, changed)) or 'it was marked as changed'})")


def changed_keys(before: t.Mapping[str, object], after: t.Mapping[str, object]) -> list[str]:
    """Return the keys whose values differ."""
    return [key for key in {**before, **after} if before.get(key, _absent) != after.get(key, _absent)]


def watch(context: RequestContext) -> None:
    """Watch what there is of the session and the cookies of a request, and what will be opened later."""
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
    """Tell about a session that could not be watched, if it was changed since `watch`."""
    if context._session_before is not None and context._opened_session is not None:
        changed = changed_keys(context._session_before, context._opened_session)
        context._session_before = None
        if changed:
            tell(f"The session was changed ({', '.join(map(repr, changed))})")


def is_late(context: RequestContext) -> bool:
    """Return whether the response of a request is on its way, and not merely kept for a test to look at."""
    answered = context if context._copy_of is None else context._copy_of
    return answered._is_answered and (making_chunk.get() or not answered._is_preserved)


def tell(event: str) -> None:
    """Raise an error in debug mode and in tests, and write to the log otherwise, if the response is on its way.

    Raises:
        RuntimeError: It is.
    """
    value = current.get(None)
    context: RequestContext | None = None if value is None else value._request_ctx
    if context is None or not is_late(context):
        return
    app, request = context.app, context.request
    message = (
        f"{event} when the headers of the response to {request.method} {request.path!r} had already been sent, so it is"
        " lost. Do it before the view returns: in a streamed response, before the generator is handed over."
    )
    # A suite that was written for Flask and runs unmodified has not asked for it.
    if app.debug or (app.testing and not runs_flask_program()):
        raise RuntimeError(message)
    app.logger.warning(message)
