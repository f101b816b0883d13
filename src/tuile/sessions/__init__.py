"""Sessions: the interface for storing them (`interface`), and the default, signed cookies (`signed`)."""

import typing as t

from ..flask_names import offer_flasks_names
from .interface import NullSession, RefusesSessions, SecureCookieSession, SessionInterface, SessionMixin
from .signed import SecureCookieSessionInterface, session_json_serializer

if t.TYPE_CHECKING:
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
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)


offer_flasks_names(__name__)
