"""The exceptions and warnings that Tuile defines.

    ValueError
      CookieSyntaxError       a cookie cannot be written as requested
        CookieCheckError      a browser would drop or misread a cookie of a response (COOKIE_CHECKS = "error")
      SessionTooLargeError    a session does not fit into a cookie (SESSION_OVERFLOW = "error")
      BadToken                a signed or encrypted text cannot be read; also an `itsdangerous.BadData`
    RuntimeError
      SessionConflictError    another request changed the same key of the session (SESSION_CONFLICT = "error")
    werkzeug.exceptions.Forbidden
      CSRFError               a request was refused because it may come from another site (CSRF)
    werkzeug.exceptions.BadRequest, ValueError
      BadMessage              a message of a WebSocket is not JSON
    Exception
      WebSocketDisconnect     a WebSocket has ended
    UserWarning
      CookieWarning           as CookieCheckError, as a warning (COOKIE_CHECKS = "warn")

Other HTTP errors are Werkzeug's, `werkzeug.exceptions`.
"""

from __future__ import annotations

import typing as t

from itsdangerous import BadData
from werkzeug.exceptions import BadRequest, Forbidden

if t.TYPE_CHECKING:
    from .user_agent.verdicts import Note

#: Why a token was refused. A token of another cookie or purpose is "tampered", since the two cannot be told apart.
Reason: t.TypeAlias = t.Literal[
    "missing", "no token", "other kind", "unknown version", "unknown key", "retired key", "tampered", "expired"
]


class CookieSyntaxError(ValueError):
    """A cookie cannot be written as requested: browsers would drop or misread it."""


class CookieCheckError(CookieSyntaxError):
    """Browsers would drop or misread a cookie that a response sets, and ``COOKIE_CHECKS`` is ``"error"``.

    Attributes:
        notes: What was found, with the rule, the reason and the cure of each.
    """

    def __init__(self, message: str, notes: tuple[Note, ...] = ()) -> None:
        super().__init__(message)
        self.notes = notes


class CookieWarning(UserWarning):
    """Browsers would drop or misread a cookie that a response sets, and ``COOKIE_CHECKS`` is ``"warn"``."""


class SessionTooLargeError(ValueError):
    """A session does not fit into a cookie, and ``SESSION_OVERFLOW`` is ``"error"``."""


class SessionConflictError(RuntimeError):
    """Another request changed the same key of the session meanwhile, and ``SESSION_CONFLICT`` is ``"error"``."""


class BadToken(BadData, ValueError):
    """A token was not made with these keys, was changed, or is too old.

    Neither the token nor a key or a value is in the text.

    Attributes:
        reason: Which of these it is.
    """

    def __init__(self, message: str, reason: Reason = "tampered") -> None:
        super().__init__(message)
        self.reason: Reason = reason


class CSRFError(Forbidden):
    """A request was refused because it may come from another site, or has no valid token (`CSRF`).

    The description says which header or which token was the reason, and what to do. Register a handler for this class
    to answer with another page.
    """


class BadMessage(BadRequest, ValueError):
    """A message of a WebSocket is not JSON. If it is not caught, the WebSocket is closed with the code 1007."""

    websocket_code = 1007


class WebSocketDisconnect(Exception):
    """A WebSocket has ended: the client or the application has closed it, or the connection was lost.

    It need not be caught: a view that it ends has ended as it should.

    Attributes:
        code: The code of the close frame; 1006 if there was none.
        reason: The reason in it.
    """

    def __init__(self, code: int = 1006, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason

    def __str__(self) -> str:
        return f"The WebSocket has ended (code {self.code}{self.reason and ': '}{self.reason})."
