"""Notice that the client of a request has left, while its view runs on the event loop."""

from __future__ import annotations

import typing as t
from asyncio import _get_running_loop, get_running_loop, run_coroutine_threadsafe, sleep, wrap_future
from contextlib import suppress

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future, Task

    from ..wrappers.client import Told
    from .protocol import Receive


async def settle(task: Task[None]) -> None:
    """Wait for a task, and do not raise what it raises: what `asyncio.wait` does for several, in fewer steps."""
    waiter: Future[None] = get_running_loop().create_future()

    def wake(_: Task[None]) -> None:
        if not waiter.done():
            waiter.set_result(None)

    task.add_done_callback(wake)
    try:
        await waiter
    finally:
        task.remove_done_callback(wake)


class Listener:
    """Listens to the server until the client of a request leaves, from the first question on.

    Args:
        receive: Of the server.
        loop: The event loop of the request.
    """

    def __init__(self, receive: Receive, loop: AbstractEventLoop) -> None:
        self.receive = receive
        self.loop = loop
        self.has_left = self.is_over = False
        self.task: Task[None] | None = None

    def is_disconnected(self) -> Told:
        """Return whether the client has left: something to await on an event loop."""
        running = _get_running_loop()
        if running is self.loop:
            return self._look()
        future = run_coroutine_threadsafe(self._look(), self.loop)
        return future.result() if running is None else wrap_future(future)

    async def _look(self) -> bool:
        if self.task is None and not self.is_over:
            self.task = self.loop.create_task(self._listen())
            # For the rest of the request, and for what the server knows already.
            await sleep(0)
            await sleep(0)
        return self.has_left

    async def _listen(self) -> None:
        with suppress(OSError):
            while (await self.receive())["type"] != "http.disconnect":
                pass
        self.has_left = True

    async def stop(self) -> None:
        """Stop listening, because another part is going to, or because the request is over."""
        self.is_over = True
        if self.task is not None:
            self.task.cancel()
            await settle(self.task)
            # A cancelled task refers to its frame by its error, and to the request by its context variables.
            self.task = None
