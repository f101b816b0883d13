"""Whose turn it is to receive: servers do not let two tasks receive at the same time."""

from __future__ import annotations

import typing as t
from asyncio import CancelledError
from collections import deque

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future


class Turns:
    """The tasks that wait until another one has received.

    Args:
        loop: The event loop.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self.loop = loop
        self.waiting: deque[Future[None]] = deque()

    async def wait(self) -> None:
        """Wait for a turn."""
        turn: Future[None] = self.loop.create_future()
        self.waiting.append(turn)
        try:
            await turn
        except CancelledError:
            if turn.cancelled():
                self.waiting.remove(turn)
            else:
                self.pass_on()
            raise

    def pass_on(self) -> None:
        """Let the next task have its turn."""
        while self.waiting:
            turn = self.waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
