"""What threads do with a WebSocket: they call its methods without `await`, and wait for the event loop."""

from __future__ import annotations

import asyncio
import typing as t
from concurrent.futures import CancelledError as FutureCancelled

from .states import HasMachine

if t.TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable, Coroutine
    from concurrent.futures import Future as ThreadFuture

Result = t.TypeVar("Result")


class CalledByThreads(HasMachine):
    """A WebSocket that threads use, too."""

    loop: AbstractEventLoop
    #: The thread of the loop.
    thread: int
    # What threads wait for.
    _blocked: set[ThreadFuture[object]]

    def run(self, coroutine: Coroutine[object, object, Result]) -> Awaitable[Result] | Result:
        """Return a coroutine to be awaited on the event loop; in a thread without one, its result.

        Raises:
            WebSocketDisconnect: In a thread, if the WebSocket ends meanwhile.
        """
        running = asyncio._get_running_loop()
        if running is self.loop:
            return coroutine
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        if running is not None:
            return asyncio.wrap_future(future)
        self._blocked.add(t.cast("ThreadFuture[object]", future))
        try:
            return future.result()
        except FutureCancelled:
            raise self.machine.ended() from None
        finally:
            self._blocked.discard(t.cast("ThreadFuture[object]", future))

    def _release_threads(self) -> None:
        """Tell those that wait that nobody is there any more."""
        for future in tuple(self._blocked):
            future.cancel()
