"""The states of one WebSocket, and the messages of ASGI that lead from one to the next. No I/O.

| state        | what it means                              | what may be sent                    |
| ------------ | ------------------------------------------ | ----------------------------------- |
| `CONNECTING` | the client waits for the handshake         | accept, or a refusal                |
| `OPEN`       | the handshake is over                      | messages, and one close             |
| `CLOSED`     | this side has closed it                    | nothing                             |
| `LEFT`       | the client has closed it, or was lost      | nothing                             |
| `REFUSED`    | the handshake was answered with a response | nothing                             |

The source is the ASGI specification (HTTP & WebSocket message format 2.5); codes and lengths are those of RFC 6455,
sections 5.5 and 7.4.
"""

from __future__ import annotations

import typing as t

from ...exceptions import WebSocketDisconnect

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from ..protocol import HeaderPairs, Message

State = t.Literal["connecting", "open", "closed", "left", "refused"]

CONNECTING: t.Final = "connecting"
OPEN: t.Final = "open"
CLOSED: t.Final = "closed"
LEFT: t.Final = "left"
REFUSED: t.Final = "refused"

NORMAL: t.Final = 1000
GOING_AWAY: t.Final = 1001
#: What a lost connection is reported as. It is never sent.
LOST: t.Final = 1006
INVALID_DATA: t.Final = 1007
POLICY_VIOLATION: t.Final = 1008
TOO_BIG: t.Final = 1009
INTERNAL_ERROR: t.Final = 1011

# Codes that only say what happened: no frame has them.
_NEVER_SENT = frozenset({1004, 1005, LOST, 1015})
_MOST_OF_REASON = 123  # bytes: a control frame has at most 125, and the code takes two
_SETS_PROTOCOL = b"sec-websocket-protocol"


class Machine:
    """The state of one WebSocket."""

    # Each message reads the state, which is found fastest in a slot.
    __slots__ = ("can_deny", "code", "reason", "state")

    def __init__(self) -> None:
        self.state: State = CONNECTING
        #: Why it has ended.
        self.code = LOST
        self.reason = ""
        #: Whether the server can answer a handshake with a response.
        self.can_deny = False

    def accept(self, headers: HeaderPairs, subprotocol: str | None, requested: Sequence[str]) -> Message:
        """Return the message that accepts the handshake.

        Raises:
            ValueError: If the client did not ask for the subprotocol, or if a header sets it.
        """
        if subprotocol is not None and subprotocol not in requested:
            raise ValueError(
                f"The client did not ask for the subprotocol {subprotocol!r}, so it would end the connection."
                f" It asked for {list(requested)!r}."
            )
        for name, _ in headers:
            if name == _SETS_PROTOCOL:
                raise ValueError("The subprotocol is an argument of accept(), not a header.")
        self.state = OPEN
        return {"type": "websocket.accept", "subprotocol": subprotocol, "headers": headers}

    def send(self, data: object) -> Message:
        """Return the message that sends text or bytes.

        Raises:
            TypeError: If it is neither.
            ValueError: If it is text with half of a surrogate pair.
            WebSocketDisconnect: If the WebSocket is not open any more.
        """
        if self.state != OPEN:
            raise self.ended()
        if isinstance(data, str):
            if not data.isascii():
                try:
                    data.encode()
                except UnicodeEncodeError as error:
                    raise ValueError("Half of a surrogate pair cannot be sent as text.") from error
            return {"type": "websocket.send", "text": data}
        if isinstance(data, (bytes, bytearray, memoryview)):
            return {"type": "websocket.send", "bytes": data if type(data) is bytes else bytes(data)}
        raise TypeError(
            f"A message is text or bytes, not {type(data).__name__}. Other values can be sent with send_json()."
        )

    def close(self, code: int, reason: str) -> Message | None:
        """Return the message that closes the WebSocket; None if it is not open any more."""
        if self.state != OPEN:
            return None
        self.state, self.code, self.reason = CLOSED, code, reason
        return {"type": "websocket.close", "code": code, "reason": reason}

    def refuse(self, status: int, headers: HeaderPairs, pieces: Sequence[bytes]) -> list[Message]:
        """Return the messages that answer the handshake with a response, or with 403 if the server cannot do that."""
        if self.state != CONNECTING:
            return []
        self.state, self.code, self.reason = REFUSED, NORMAL, ""
        if not self.can_deny:
            return [{"type": "websocket.close", "code": NORMAL, "reason": ""}]
        start: Message = {"type": "websocket.http.response.start", "status": status, "headers": headers}
        bodies = [piece for piece in pieces if piece] or [b""]
        last = len(bodies) - 1
        return [
            start,
            *(
                {"type": "websocket.http.response.body", "body": body, "more_body": index < last}
                for index, body in enumerate(bodies)
            ),
        ]

    def leave(self, code: int, reason: str) -> None:
        """Take note that the client has left."""
        if self.state in {CONNECTING, OPEN}:
            self.state, self.code, self.reason = LEFT, code, reason

    def ended(self) -> WebSocketDisconnect:
        """Return the error for those who go on using it."""
        return WebSocketDisconnect(self.code, self.reason)


class HasMachine:
    """Something whose state a machine has."""

    machine: Machine

    @property
    def is_over(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.machine.state not in {CONNECTING, OPEN}

    @property
    def is_connecting(self) -> bool:
        """Whether the handshake is not over."""
        return self.machine.state == CONNECTING

    @property
    def was_closed(self) -> bool:
        """Whether this side has closed it."""
        return self.machine.state == CLOSED


def check_close(code: object, reason: object) -> None:
    """Check the arguments of `close`.

    Raises:
        TypeError: If the code is not a number or the reason is not text.
        ValueError: If no close frame may have them.
    """
    if type(code) is not int:
        raise TypeError(f"The code of a close frame is a number, not {type(code).__name__}.")
    if code in _NEVER_SENT or not (1000 <= code <= 1014 or 3000 <= code <= 4999):
        raise ValueError(f"No close frame has the code {code}. Those from 4000 to 4999 are free for applications.")
    if not isinstance(reason, str):
        raise TypeError(f"The reason of a close frame is text, not {type(reason).__name__}.")
    try:
        octets = reason.encode()
    except UnicodeEncodeError as error:
        raise ValueError("Half of a surrogate pair cannot be sent as a reason.") from error
    if len(octets) > _MOST_OF_REASON:
        raise ValueError(f"The reason of a close frame has at most {_MOST_OF_REASON} bytes, not {len(octets)}.")


def is_larger(data: str | bytes, most: int) -> bool:
    """Return whether a message has more bytes than that."""
    if len(data) > most:
        return True
    return type(data) is str and len(data) * 4 > most and not data.isascii() and len(data.encode()) > most


def code_for(status: int) -> int:
    """Return the code that closes an open WebSocket where a request would be answered with a status."""
    if status >= 500:
        return INTERNAL_ERROR
    return POLICY_VIOLATION if status >= 400 else NORMAL
