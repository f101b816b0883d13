"""The start of a request's body, received on the event loop before anything is known of who reads it.

A client that sends slowly holds no worker that way, and a request whose body is there is matched on the loop as one
without a body.
"""

from __future__ import annotations

import typing as t
from collections import deque

from .exchange import MOST_WAITING

if t.TYPE_CHECKING:
    from .protocol import Message, Receive


class ReceivedAhead:
    """What was received of a body.

    Args:
        receive: Of the server.
    """

    __slots__ = ("_messages", "_receive", "body", "has_left", "is_complete")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: deque[Message] = deque()
        #: All of the body, if it `is_complete`.
        self.body = b""
        self.is_complete = False
        #: Whether the client left before its end.
        self.has_left = False

    async def fill(self) -> None:
        """Receive the body until its end, or until there is as much as may wait."""
        fed = 0
        while fed < MOST_WAITING:
            try:
                message = await self._receive()
            except OSError:
                self.has_left = True
                return
            if message["type"] == "http.disconnect":
                self.has_left = True
                return
            piece: bytes = message.get("body", b"")
            is_last = not message.get("more_body", False)
            if piece or is_last:
                # A server may send any number of others.
                self._messages.append(message)
                fed += len(piece)
            if is_last:
                self.is_complete, pieces = True, self._messages
                self.body = piece if len(pieces) == 1 else b"".join(each.get("body", b"") for each in pieces)
                return

    async def again(self) -> Message:
        """Receive everything from the start, as the server's `receive`: for who does not take the `body`."""
        return self._messages.popleft() if self._messages else await self._receive()


def may_be_received(length: bytes, limit: int | None) -> bool:
    """Return whether a body may be received before its view is known, by its Content-Length.

    Args:
        length: The Content-Length.
        limit: The longest body that the app accepts, unless a view has another limit.
    """
    # Longer numbers are longer bodies, or absurd.
    if not length.isdigit() or len(length) > 5:
        return False
    number = int(length)
    return number <= MOST_WAITING and (limit is None or number <= limit)
