"""A server's part towards an ASGI application: its start and end, and what it receives.

What must live here: that protocol, with asyncio alone. What must not: what is asked for, timing.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


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


def receive_from(messages: list[dict[str, Any]]) -> Callable[[], Any]:
    """A `receive` that gives these messages from the last to the first and then waits, as a connection does."""

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive
