"""A server's part towards an ASGI application: its start and end, and what it receives.

What must live here: that protocol, with asyncio alone. What must not: what is asked for, timing.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Lifespan:
    """The ASGI lifespan of one application: frameworks build their routes and middleware in it."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.incoming: asyncio.Queue[dict[str, Any]] | None = None
        self.task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start up, and return when the application says that it has, or that it knows no lifespan."""
        incoming = self.incoming = asyncio.Queue()
        ready = asyncio.Event()

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.failed":
                raise RuntimeError(message.get("message", "the application failed to start"))
            ready.set()

        async def run() -> None:
            scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
            try:
                await self.app(scope, incoming.get, send)
            except (AssertionError, KeyError, NotImplementedError):  # the usual ways of knowing no lifespan
                pass
            finally:
                ready.set()

        await incoming.put({"type": "lifespan.startup"})
        self.task = asyncio.ensure_future(run())
        await ready.wait()
        if self.task.done():
            self.task.result()

    async def stop(self) -> None:
        """Shut down, and wait for it."""
        if self.incoming is not None and self.task is not None:
            await self.incoming.put({"type": "lifespan.shutdown"})
            await self.task


class Exchange:
    """One request's `receive` and `send`: the given messages from the last to the first, then a wait for the end.

    As with a real server a disconnect is received as soon as the answer is complete; some frameworks wait for it.
    """

    __slots__ = ("_complete", "_messages", "_waiting")

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self._messages = messages
        self._complete = False
        self._waiting: asyncio.Future[None] | None = None

    async def receive(self) -> dict[str, Any]:
        """The next message."""
        if self._messages:
            return self._messages.pop()
        if not self._complete:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        """Take a message; nothing of it is kept."""
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self._complete = True
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(None)
