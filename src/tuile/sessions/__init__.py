"""Sessions: the interface for storing them (`interface`), and the default, signed cookies (`signed`)."""

import typing as t

from ..flask_names import offer_flasks_names
from .interface import NullSession, RefusesSessions, SecureCookieSession, SessionInterface, SessionMixin
from .signed import SecureCookieSessionInterface

if t.TYPE_CHECKING:
    from ..json.tag import session_json_serializer
    from .flask_session import Session

__all__ = [
    "NullSession",
    "RefusesSessions",
    "SecureCookieSession",
    "SecureCookieSessionInterface",
    "Session",
    "SessionInterface",
    "SessionMixin",
    "session_json_serializer",
]


def __getattr__(name: str) -> object:
    if name == "Session":  # seldom used, and it imports what few need
        from .flask_session import Session  # noqa: PLC0415

        return Session
    if name == "session_json_serializer":  # without a session, its module is not needed
        from ..json.tag import session_json_serializer  # noqa: PLC0415

        return session_json_serializer
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


offer_flasks_names(__name__)
