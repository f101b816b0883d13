"""What a request gets while the store of sessions cannot be asked."""

from __future__ import annotations

import typing as t
from functools import wraps

from werkzeug.exceptions import ServiceUnavailable

from .interface import NullSession
from .settings import choice
from .stores import StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ..app import Flask
    from ..wrappers.response import Response

T = t.TypeVar("T")
_DESCRIPTION: t.Final = "The session is not available at the moment."
#: When a client may try again, in seconds.
RETRY_AFTER: t.Final = 5


class UnavailableSession(NullSession):
    """The empty session of a request while the store is not available (`SESSION_FAILURE = "empty"`)."""

    def _refuse(self, *args: object, **kwargs: object) -> t.NoReturn:
        raise unavailable()

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = regenerate = end = _refuse
    __ior__ = _refuse
    del _refuse


class UnreadableSession(UnavailableSession):
    """The same for `SESSION_FAILURE = "error"`: the first attempt to read it raises the error.

    It raises it once, so that the page that reports the error can ask who is logged in, and is told that nobody is. An
    interface that opens sessions at the start gets it for requests that do not touch the session, too.
    """

    _has_raised = False


def _raising_once(method: Callable[..., T]) -> Callable[..., T]:
    """Return a method of a session that raises the error if it is the first one that is called."""

    @wraps(method)
    def read(self: UnreadableSession, *args: object) -> T:
        if not self._has_raised:
            self._has_raised = True
            raise unavailable()
        return method(self, *args)

    return read


for _name in (
    *("__contains__", "__eq__", "__getitem__", "__iter__", "__len__", "__ne__", "__or__", "__reversed__", "__ror__"),
    *("copy", "get", "items", "keys", "values"),
):
    setattr(UnreadableSession, _name, _raising_once(getattr(UnavailableSession, _name)))


class SessionsUnavailable(StoreUnavailable, ServiceUnavailable):
    """The store cannot be asked by a request, which gets a 503 unless the error is caught."""

    def __init__(self) -> None:
        ServiceUnavailable.__init__(self, _DESCRIPTION, retry_after=RETRY_AFTER)


def unavailable() -> ServiceUnavailable:
    """Return the error for a session that can neither be read nor saved at the moment."""
    return ServiceUnavailable(_DESCRIPTION, retry_after=RETRY_AFTER)


def unavailable_session(app: Flask, error: StoreUnavailable) -> UnavailableSession:
    """Return the session of a request whose store cannot be asked: an empty one, or one that cannot be read."""
    app.logger.error("%s", error)
    is_empty = choice("SESSION_FAILURE", app.config.get("SESSION_FAILURE"), ("error", "empty")) == "empty"
    return UnavailableSession() if is_empty else UnreadableSession()


def session_for(app: Flask, error: Exception) -> UnavailableSession | None:
    """Return the session of a request that an interface could not open; None if the store is not the reason."""
    return unavailable_session(app, error) if isinstance(error, StoreUnavailable) else None


def is_answered(app: Flask, response: Response, error: Exception) -> bool:
    """Make a response whose session could not be saved a 503, and return whether the store was the reason."""
    is_reason = isinstance(error, StoreUnavailable)
    if is_reason:
        replace_by_503(app, response, t.cast("StoreUnavailable", error))
    return is_reason


def replace_by_503(app: Flask, response: Response, error: StoreUnavailable) -> None:
    """Make a response say that the request failed: what it says otherwise would not be true."""
    app.logger.error("%s The response is a 503, because the session could not be saved.", error)
    before = response.response
    response.direct_passthrough = False
    response.headers.clear()
    response.status_code = 503
    response.headers["Content-Type"] = "text/html; charset=utf-8"
    response.headers["Retry-After"] = str(RETRY_AFTER)
    response.set_data(unavailable().get_body())
    close: Callable[[], object] | None = getattr(before, "close", None)
    if close is not None:
        response.call_on_close(close)
