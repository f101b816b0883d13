"""The start of a request's body, received on the event loop before anything is known of who reads it.

A client that sends slowly holds no worker that way, and a request whose body is there is matched on the loop as one
without a body.
"""

from __future__ import annotations

import typing as t

from .exchange import MOST_WAITING

if t.TYPE_CHECKING:
    from .protocol import Message, Receive


class ReceivedAhead:
    """What was received of a body.

    Args:
        receive: Of the server.
    """

    __slots__ = ("_is_to_be_given", "_receive", "body", "has_left", "is_complete")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_to_be_given = False
        #: What has come; all of the body, if it `is_complete`.
        self.body = b""
        self.is_complete = False
        #: Whether the client left before its end.
        self.has_left = False

    async def fill(self) -> None:
        """Receive the body until its end, or until there is as much as may wait."""
        # One buffer, because a client may send it in any number of pieces.
        received = bytearray()
        while len(received) < MOST_WAITING and not self.is_complete:
            try:
                message = await self._receive()
            except OSError:
                self.has_left = True
                return
            if message["type"] == "http.disconnect":
                self.has_left = True
                return
            received += message.get("body", b"")
            self.is_complete = not message.get("more_body", False)
        self.body, self._is_to_be_given = bytes(received), True

    async def again(self) -> Message:
        """Receive everything from the start, as the server's `receive`: for who does not take the `body`."""
        if not self._is_to_be_given:
            return await self._receive()
        self._is_to_be_given = False
        return {"type": "http.request", "body": self.body, "more_body": not self.is_complete}


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
