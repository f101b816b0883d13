"""Connections of stores on other machines, and steps that are taken over one of them."""

from __future__ import annotations

import select
import typing as t
from contextlib import suppress

if t.TYPE_CHECKING:
    from collections.abc import Generator

    from . import Answer

#: What a store sends, and the replies, whose form is between it and its connections.
Steps: t.TypeAlias = "Generator[Answer, Answer, Answer]"


class BrokenConnectionError(Exception):
    """The server has closed a connection."""


class Connection(t.Protocol):
    """A connection of a store."""

    #: When it was used last.
    used: float

    def fileno(self) -> int:
        """Return the number of its socket."""
        ...

    def close(self) -> None:
        """Close it."""

    def exchange(self, request: Answer) -> Answer:
        """Send a request, and return the reply."""


class AsyncConnection(t.Protocol):
    """A connection of a store in an event loop."""

    async def close(self) -> None:
        """Close it."""

    async def exchange(self, request: Answer) -> Answer:
        """Send a request, and return the reply."""


def exchanged(connection: Connection, steps: Steps) -> Answer:
    """Take steps over a connection, and return the answer."""
    reply = None
    while True:
        try:
            request = steps.send(reply)
        except StopIteration as end:
            return end.value
        reply = connection.exchange(request)


async def exchanged_async(connection: AsyncConnection, steps: Steps) -> Answer:
    """Do the same over one that is awaited."""
    reply = None
    while True:
        try:
            request = steps.send(reply)
        except StopIteration as end:
            return end.value
        reply = await connection.exchange(request)


def is_closed(connection: Connection) -> bool:
    """Return whether the server has closed a connection, as far as can be told without waiting."""
    with suppress(ValueError):  # closed here, or a number that this function does not take
        return bool(select.select([connection.fileno()], (), (), 0)[0])
    return False
