"""What a request gets while the store of sessions cannot be asked."""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import ServiceUnavailable

from .interface import NullSession
from .settings import choice

if t.TYPE_CHECKING:
    from ..app import Flask
    from ..wrappers.response import Response
    from .stores import StoreUnavailable

#: When a client may try again, in seconds.
RETRY_AFTER: t.Final = 5


class UnavailableSession(NullSession):
    """The empty session of a request while the store is not available (`SESSION_FAILURE = "empty"`)."""

    def _refuse(self, *args: object, **kwargs: object) -> t.NoReturn:
        raise unavailable()

    __setitem__ = __delitem__ = clear = pop = popitem = update = setdefault = regenerate = end = _refuse
    del _refuse


def unavailable() -> ServiceUnavailable:
    """Return the error for a session that can neither be read nor saved at the moment."""
    return ServiceUnavailable("The session is not available at the moment.", retry_after=RETRY_AFTER)


def unavailable_session(app: Flask, error: StoreUnavailable) -> UnavailableSession:
    """Return the session of a request whose store cannot be asked.

    Raises:
        ServiceUnavailable: Unless `SESSION_FAILURE` is ``"empty"``.
    """
    app.logger.error("%s", error)
    if choice("SESSION_FAILURE", app.config.get("SESSION_FAILURE"), ("error", "empty")) == "empty":
        return UnavailableSession()
    raise unavailable() from None


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
    if hasattr(before, "close"):
        response.call_on_close(before.close)
