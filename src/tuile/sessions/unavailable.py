"""What a request gets while the store of sessions cannot be asked."""

from __future__ import annotations

import typing as t

from werkzeug.exceptions import ServiceUnavailable

from .interface import NullSession
from .settings import choice
from .stores import StoreUnavailable

if t.TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, KeysView, ValuesView

    from ..app import Flask
    from ..wrappers.response import Response

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

    def _raise_once(self) -> None:
        if not self._has_raised:
            self._has_raised = True
            raise unavailable()

    def __getitem__(self, key: str) -> t.Any:
        self._raise_once()
        return super().__getitem__(key)

    def get(self, key: str, default: t.Any = None) -> t.Any:
        """Return the default, or raise the error."""
        self._raise_once()
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._raise_once()
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self._raise_once()
        return super().__iter__()

    def __reversed__(self) -> Iterator[str]:
        self._raise_once()
        return super().__reversed__()

    def __len__(self) -> int:
        self._raise_once()
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self._raise_once()
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        self._raise_once()
        return super().__ne__(other)

    __hash__ = None  # type: ignore[assignment] # as other dictionaries

    def __or__(self, other: t.Any) -> t.Any:
        self._raise_once()
        return super().__or__(other)

    def __ror__(self, other: t.Any) -> t.Any:
        self._raise_once()
        return super().__ror__(other)

    def keys(self) -> KeysView[str]:  # type: ignore[override] # a view of the same keys
        """Return no keys, or raise the error."""
        self._raise_once()
        return super().keys()

    def values(self) -> ValuesView[t.Any]:  # type: ignore[override]
        """Return no values, or raise the error."""
        self._raise_once()
        return super().values()

    def items(self) -> ItemsView[str, t.Any]:  # type: ignore[override]
        """Return no items, or raise the error."""
        self._raise_once()
        return super().items()

    def copy(self) -> t.Any:
        """Return an empty copy, or raise the error."""
        self._raise_once()
        return super().copy()


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
