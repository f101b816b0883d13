"""Sessions: the interface for storing them (`interface`), and the default, signed cookies (`signed`)."""

from ..flask_names import offer_flasks_names
from .interface import NullSession, RefusesSessions, SecureCookieSession, SessionInterface, SessionMixin
from .signed import SecureCookieSessionInterface, session_json_serializer

__all__ = [
    "NullSession",
    "RefusesSessions",
    "SecureCookieSession",
    "SecureCookieSessionInterface",
    "SessionInterface",
    "SessionMixin",
    "session_json_serializer",
]

offer_flasks_names(__name__)
