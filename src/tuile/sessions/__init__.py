"""Sessions: what a user's visits have in common, from one request to the next.

Floor 2, one request. What must live here: the interface that every way of keeping sessions stands
behind (`interface`), and the ways: all in a signed cookie (`signed`). What must not: reading the
current request from a proxy; an interface is given the app, the request and the response.
"""

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
